"""Fitting: ridge regression of the heavy tier's gain, shrunk towards the line through the text's length. Pure.

Length alone is the baseline that carries from one kind of question to another, so it is fitted first and without a
penalty; what else a text tells explains only what length leaves over (Hoerl and Kennard 1970, Technometrics 12(1); the
penalty is the variance of noise over that of a prior, centred on the line). The least squares of a gain in
{-1, 0, 1} estimate its mean, P(heavy right) - P(light right), directly.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from routers.learning.design import FURTHEST, Matrix, Scaled, Terms, Texts
from routers.learning.gain import GainModel, Line
from routers.learning.pairs import Vector

_ITERATIONS, _TOLERANCE = 200, 1e-3


@dataclass(frozen=True, slots=True)
class Penalty:
    """How far a model may go from the line: a ridge penalty, and how much each kind of feature is worth; 0 leaves it
    out."""

    ridge: float = 10.0
    measures: float = 0.1
    terms: float = 1.0
    embedding: float = 0.0


NEAR = Penalty()
"""For questions of the kinds that were fitted to."""
CARRIED = Penalty(measures=0.04, terms=0.0)
"""For questions of another origin: words mislead there, and measures are trusted less."""
LENGTH = Penalty(measures=0.0, terms=0.0)
"""The line alone."""


def fit(texts: Texts, gains: Vector, penalty: Penalty) -> GainModel:
    """The model of these texts, of which the heavy tier gains `gains`, shape (n,)."""
    scaled = Scaled.of(texts.measures)
    measures = scaled.apply(texts.measures)
    line = _line(measures[:, 0], gains)
    left = gains - line[0] - line[1] * measures[:, 0]
    vectors, centre, scale = _centred(texts)
    dense = np.hstack([measures * penalty.measures, vectors * penalty.embedding])
    terms = Terms.of(texts) if penalty.terms else None
    weights, of_terms = _ridge(dense, terms, left, penalty)
    count = measures.shape[1]
    slopes = weights[:count] * penalty.measures
    slopes[0] += line[1]
    embedding = weights[count:] * penalty.embedding / scale
    reach = FURTHEST * scaled.deviations
    parts = scaled.means - reach, scaled.means + reach, slopes / scaled.deviations
    return GainModel(
        line[0] - float(embedding @ centre) - float(scaled.means @ parts[2]),
        tuple(map(Line, *(part.tolist() for part in parts))),
        dict(zip(terms.known, of_terms.tolist(), strict=True)) if terms else {},
        tuple(embedding.tolist()),
    )


def estimates(model: GainModel, texts: Texts) -> Vector:
    """The model's estimate for each text, shape (n,): `GainModel.of` for many at once."""
    lows, highs, slopes = np.array(model.lines).T
    found: Vector = model.intercept + np.clip(texts.measures, lows, highs) @ slopes
    if model.terms:
        weights = np.array([model.terms.get(term, 0.0) for term in texts.vocabulary])
        totals = np.bincount(texts.rows, weights[texts.held], len(texts))
        found += totals / np.sqrt(np.maximum(texts.counts, 1))
    if model.embedding:
        assert texts.vectors is not None, "a model of embeddings needs them"
        found += texts.vectors.astype(float) @ np.array(model.embedding)
    return found


def _line(lengths: Vector, gains: Vector) -> tuple[float, float]:
    """Intercept and slope of the least squares; where longer is not harder, length says nothing."""
    spread = float((lengths - lengths.mean()) @ (lengths - lengths.mean()))
    slope = max(0.0, float((lengths - lengths.mean()) @ gains) / spread) if spread else 0.0
    return float(gains.mean() - slope * lengths.mean()), slope


def _centred(texts: Texts) -> tuple[Matrix, Vector, float]:
    """Embeddings less their mean, of a mean square length of 1; the mean and the scale."""
    if texts.vectors is None:
        return np.zeros((len(texts), 0)), np.zeros(0), 1.0
    centre = texts.vectors.mean(axis=0, dtype=float)
    vectors = texts.vectors - centre
    scale = float(np.sqrt((vectors**2).sum(axis=1).mean())) or 1.0
    return vectors / scale, centre, scale


def _ridge(dense: Matrix, terms: Terms | None, target: Vector, penalty: Penalty) -> tuple[Vector, Vector]:
    """Weights of the dense columns and, as the model counts them, of the terms."""
    count = dense.shape[1]
    if terms is None or not terms.known:
        solved: Vector = np.linalg.solve(dense.T @ dense + penalty.ridge * np.eye(count), dense.T @ target).astype(
            float
        )
        return solved, np.zeros(0)
    worth = penalty.terms

    def times(weights: Vector) -> Vector:
        found: Vector = dense @ weights[:count] + worth * terms.times(weights[count:])
        return found

    def transposed(numbers: Vector) -> Vector:
        joined: Vector = np.r_[dense.T @ numbers, worth * terms.transposed_times(numbers)]
        return joined

    weights = _conjugate_gradients(lambda each: transposed(times(each)) + penalty.ridge * each, transposed(target))
    return weights[:count], weights[count:] * worth * terms.weights


def _conjugate_gradients(apply: Callable[[Vector], Vector], right: Vector) -> Vector:
    """Solve `apply(x) = right` for a symmetric positive definite `apply` (Hestenes and Stiefel 1952)."""
    solution: Vector = np.zeros_like(right)
    residual = direction = right
    squared = first = float(residual @ residual)
    for _ in range(_ITERATIONS):
        if squared <= _TOLERANCE**2 * first:
            break
        applied = apply(direction)
        step = squared / float(direction @ applied)
        solution = solution + step * direction
        residual = residual - step * applied
        before, squared = squared, float(residual @ residual)
        direction = residual + squared / before * direction
    return solution
