"""Labelled questions as the policy sees them: with the cached entries around each."""

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from routers.cache import slots
from routers.cache.evaluation.files import Intents, Pairs
from routers.cache.evidence import NEIGHBOURS, Booleans, Floats, Integers, Neighbours
from routers.cache.policy import Outcomes
from routers.encoder import Encoder

_POOL = 4 * NEIGHBOURS
"""Nearest questions of each that are kept: half of them are in the cache of a split, which leaves NEIGHBOURS."""
_ROWS = 500
"""Questions compared with all others in one go."""
_TEXTS = 64
"""Texts embedded in one go."""

Advance = Callable[[int], None]
"""Told how many more steps are done."""


class Requests(Protocol):
    """Questions that arrive at a cache."""

    def __len__(self) -> int:
        """How many there are."""

    def outcomes(self, rows: Integers, cached: Booleans) -> Outcomes:
        """Some of them, each without itself, where the cache holds the `cached` ones."""


class Stream:
    """Questions of one stream: what was asked before is in the cache."""

    def __init__(self, read: Intents, encoder: Encoder, advance: Advance) -> None:
        """`advance` is told of each question twice: when it is embedded, and when it is compared."""
        _, truth = np.unique(np.array(read.intents), return_inverse=True)
        self._truth: Integers = truth.astype(np.int64)
        vectors = embedded(read.texts, encoder, advance)
        known = understood(read.texts, encoder)
        self._near, self._similarity = _nearest(vectors, known, advance)
        self._compatible = _compatible(read.texts, self._near) & known[:, None]

    def __len__(self) -> int:
        return len(self._truth)

    def outcomes(self, rows: Integers, cached: Booleans) -> Outcomes:
        """See `Requests`."""
        near = self._near[rows]
        there = (near >= 0) & cached[near]
        first = np.argsort(~there, axis=1, kind="stable")[:, :NEIGHBOURS]

        near, there = np.take_along_axis(near, first, axis=1), np.take_along_axis(there, first, axis=1)
        answer = np.where(there, self._truth[near], -1)
        similarity = np.take_along_axis(self._similarity[rows], first, axis=1).astype(np.float64)
        compatible = np.take_along_axis(self._compatible[rows], first, axis=1)
        return Outcomes(Neighbours(similarity, answer, compatible), self._truth[rows])


class Couples:
    """Pairs: each question meets one entry, its own. Nothing is known of how it fits the others."""

    def __init__(self, read: Pairs, encoder: Encoder, advance: Advance) -> None:
        """`advance` is told of each question twice, as a stream's."""
        cached, asked = embedded(read.cached, encoder, advance), embedded(read.asked, encoder, advance)
        known = understood(read.cached, encoder) & understood(read.asked, encoder)
        fits = [_fit(*both) for both in zip(_slots(read.cached), _slots(read.asked), strict=True)]
        own = np.arange(len(read.same), dtype=np.int64)
        similarity: Floats = np.einsum("ij,ij->i", cached, asked).astype(np.float64)
        self._neighbours = Neighbours(similarity[:, None], own[:, None], (known & np.array(fits))[:, None])
        self._truth = np.where(np.array(read.same), own, -1)

    def __len__(self) -> int:
        return len(self._truth)

    def outcomes(self, rows: Integers, cached: Booleans) -> Outcomes:
        """See `Requests`; each pair's first question is in the cache whatever `cached` says."""
        all_of = self._neighbours
        return Outcomes(
            Neighbours(all_of.similarity[rows], all_of.answer[rows], all_of.compatible[rows]), self._truth[rows]
        )


def embedded(texts: Sequence[str], encoder: Encoder, advance: Advance) -> NDArray[np.float32]:
    """The vectors of some texts, each different one embedded once."""
    different = list(dict.fromkeys(texts))
    parts = []
    for start in range(0, len(different), _TEXTS):
        parts.append(encoder.embed(different[start : start + _TEXTS]))
        advance(len(parts[-1]))
    advance(len(texts) - len(different))
    place = {text: row for row, text in enumerate(different)}
    return np.concatenate(parts)[[place[text] for text in texts]]


def understood(texts: Sequence[str], encoder: Encoder) -> Booleans:
    """Whether the encoder knows all that stands in each text."""
    return np.array([encoder.knows(text) for text in texts])


def _nearest(vectors: NDArray[np.float32], known: Booleans, advance: Advance) -> tuple[Integers, NDArray[np.float32]]:
    """Of each question the nearest others that are understood: rows, -1 where there are fewer, and similarities."""
    count = min(_POOL, len(vectors) - 1)
    rows: list[Integers] = []
    similarities: list[NDArray[np.float32]] = []
    for start in range(0, len(vectors), _ROWS):
        found = vectors[start : start + _ROWS] @ vectors.T
        found[:, ~known] = -np.inf
        found[np.arange(len(found)), np.arange(start, start + len(found))] = -np.inf
        near = np.argpartition(-found, count - 1, axis=1)[:, :count]
        order = np.argsort(-np.take_along_axis(found, near, axis=1), axis=1, kind="stable")
        near = np.take_along_axis(near, order, axis=1)
        similarities.append(np.take_along_axis(found, near, axis=1))
        rows.append(np.where(np.isfinite(similarities[-1]), near, -1))
        advance(len(found))
    return np.concatenate(rows), np.concatenate(similarities)


def _compatible(texts: Sequence[str], near: Integers) -> Booleans:
    found = _slots(texts)
    return np.array(
        [
            [other >= 0 and _fit(one, found[other]) for other in row]
            for one, row in zip(found, near.tolist(), strict=True)
        ]
    )


def _slots(texts: Sequence[str]) -> list[slots.Slots | None]:
    return [slots.read(text) for text in texts]


def _fit(one: slots.Slots | None, other: slots.Slots | None) -> bool:
    return one is not None and other is not None and slots.differing(one, other) is None
