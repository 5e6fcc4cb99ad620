"""What a gain model is fitted to, as matrices."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from routers.learning.features import MEASURES, Term, features
from routers.learning.pairs import Vector

Matrix = NDArray[np.float64]
Places = NDArray[np.intp]

FURTHEST = 4.0
"""Deviations from the mean at which a measure is cut: outside what a model has seen it is not trusted."""
RAREST = 3
"""A term that stands in the texts less often is not learnt."""


@dataclass(frozen=True, slots=True)
class Texts:
    """n texts as a model sees them. Text i holds the terms `vocabulary[j]` for j in `held[starts[i]:starts[i + 1]]`."""

    measures: Matrix
    """Shape (n, len(MEASURES))."""
    vocabulary: tuple[Term, ...]
    held: Places
    starts: Places
    vectors: NDArray[np.float32] | None = None
    """Embeddings, shape (n, d), where there are some."""

    @classmethod
    def of(cls, prompts: Sequence[str], vectors: NDArray[np.float32] | None = None) -> "Texts":
        """Of what was asked."""
        places: dict[Term, int] = {}
        held: list[int] = []
        starts, measures = [0], []
        for prompt in prompts:
            found = features(prompt)
            held += [places.setdefault(term, len(places)) for term in found.terms()]
            starts.append(len(held))
            measures.append(found.measures)
        numbers = np.array(measures).reshape(len(prompts), len(MEASURES))
        return cls(numbers, tuple(places), np.array(held, np.intp), np.array(starts, np.intp), vectors)

    def __len__(self) -> int:
        return len(self.measures)

    @property
    def counts(self) -> Places:
        """How many terms each text holds."""
        return np.diff(self.starts)

    @property
    def rows(self) -> Places:
        """Of each place in `held`, whose term it is."""
        return np.repeat(np.arange(len(self)), self.counts)

    def take(self, rows: Places) -> "Texts":
        """These of them."""
        counts = self.counts[rows]
        starts = np.r_[0, np.cumsum(counts)]
        kept = np.repeat(self.starts[rows] - starts[:-1], counts) + np.arange(starts[-1])
        vectors = None if self.vectors is None else self.vectors[rows]
        return Texts(self.measures[rows], self.vocabulary, self.held[kept], starts, vectors)


@dataclass(frozen=True, slots=True)
class Scaled:
    """How measures are made comparable: mean and deviation of each, those of no use with a deviation of 1."""

    means: Vector
    deviations: Vector

    @classmethod
    def of(cls, measures: Matrix) -> "Scaled":
        """By these texts."""
        deviations = measures.std(axis=0)
        return cls(measures.mean(axis=0), np.where(deviations > 1e-9, deviations, 1.0))

    def apply(self, measures: Matrix) -> Matrix:
        """In deviations from the mean, cut where the model cuts them."""
        return np.clip((measures - self.means) / self.deviations, -FURTHEST, FURTHEST)


@dataclass(frozen=True, slots=True)
class Terms:
    """Which of the known terms stand in which text: a sparse matrix of shape (n, len(known))."""

    known: tuple[Term, ...]
    weights: Vector
    """Of each term: rare ones weigh more."""
    rows: Places
    columns: Places
    values: Vector
    texts: int

    @classmethod
    def of(cls, texts: Texts) -> "Terms":
        """Of the texts' own terms. Values are scaled so that a text's squares sum to 1 on average."""
        times = np.bincount(texts.held, minlength=len(texts.vocabulary))
        known = np.flatnonzero(times >= RAREST)
        places = np.full(len(times), -1)
        places[known] = np.arange(len(known))
        columns = places[texts.held]
        stands = columns >= 0
        weights = np.sqrt(np.log1p(len(texts) / times[known]))
        shares = np.repeat(1 / np.sqrt(np.maximum(texts.counts, 1)), texts.counts)[stands]
        columns = columns[stands]
        values = shares * weights[columns]
        scale = float(np.sqrt((values**2).sum() / len(texts))) or 1.0
        chosen = tuple(texts.vocabulary[place] for place in known)
        return cls(chosen, weights / scale, texts.rows[stands], columns, values / scale, len(texts))

    def times(self, coefficients: Vector) -> Vector:
        """The matrix times a vector of one number a term."""
        summed: Vector = np.bincount(self.rows, self.values * coefficients[self.columns], self.texts).astype(float)
        return summed

    def transposed_times(self, numbers: Vector) -> Vector:
        """Its transpose times a vector of one number a text."""
        summed: Vector = np.bincount(self.columns, self.values * numbers[self.rows], len(self.known)).astype(float)
        return summed
