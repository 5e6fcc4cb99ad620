"""Evidence: how likely is it that a cached answer is the right one, seen from the entries around a question.

A similarity alone says little: how near is near enough differs between encoders, languages and topics. What is known
beside it is which entries have the same answer, for verification compares answers (`routers.cache.policy`). So the
entries around a question vote, the nearer the louder, and the evidence is how they agree, how near they are and how far
off the nearest entry with another answer is. A region in which answers change from one entry to the next is one in
which nothing is certain, however near the nearest.

The idea of deciding from verified outcomes around each entry rather than from one threshold is that of vCache
(Schroeder et al., arXiv 2502.03771); the vote is Dudani's distance-weighted nearest neighbours (IEEE Transactions on
Systems, Man and Cybernetics 6, 1976) with exponential weights. Pure; arrays hold one question a row.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

NEIGHBOURS = 20
"""How many of the nearest entries are looked at."""
FEATURES = 5
_SHARPNESS = 3.0
"""How much quieter an entry votes that is as far off as the last neighbours usually are: by e to the power of this."""
_UNSURE = 1e-3
"""Added to both sides of the vote's odds, so that an undivided vote has finite ones."""
_NONE = -1
_FAR = -1e9
"""How near what is not there is."""

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The entries around some questions, nearest first: arrays of shape (questions, at most NEIGHBOURS)."""

    similarity: Floats
    """Cosines; of what is not there, anything."""
    answer: Integers
    """Entries with equal numbers have the same answer. -1: there is no such neighbour."""
    compatible: Booleans
    """Whether the entry's slots are those of the question: others vote, but never answer."""

    def spread(self) -> float:
        """How much less similar than its nearest neighbour a question's last one is, in the mean: the encoder's own
        measure of near and far. 1 where no question has two."""
        there = self.answer != _NONE
        several = there.sum(axis=1) > 1
        if not several.any():
            return 1.0
        last = np.where(there, self.similarity, np.inf).min(axis=1)
        return max(float((self.similarity[:, 0] - last)[several].mean()), 1e-6)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for answering each question from the cache, and which neighbour would answer."""

    features: Floats
    """Shape (questions, FEATURES)."""
    chosen: Integers
    """The neighbour's column: the nearest compatible one of the answer with most votes. -1: nobody may answer."""

    @classmethod
    def of(cls, neighbours: Neighbours, spread: float) -> Self:
        """Weigh the neighbours. `spread` is that of the questions that the decision is learned from."""
        there = neighbours.answer != _NONE
        near = np.where(there, (neighbours.similarity - 1) / spread, _FAR)
        voices = np.exp(_SHARPNESS * (near - near.max(axis=1, keepdims=True))) * there
        same = neighbours.answer[:, :, None] == neighbours.answer[:, None, :]
        votes = (same * voices[:, None, :]).sum(axis=2) / np.maximum(voices.sum(axis=1, keepdims=True), 1e-12)
        able = there & neighbours.compatible
        rows = np.arange(len(near))
        best = np.where(able, votes, -1.0).argmax(axis=1)
        somebody = able.any(axis=1)
        features = _features(near, votes, same[rows, best] & there, there, best)
        return cls(np.where(somebody[:, None], features, 0.0), np.where(somebody, best, _NONE))


def _features(near: Floats, votes: Floats, allies: Booleans, there: Booleans, best: Integers) -> Floats:
    """Log odds of the vote; how near the one who would answer is; how much nearer than the nearest of another answer,
    or than the farthest where all agree; the share of neighbours of its answer; how near the neighbours are altogether.
    In spreads."""
    rows = np.arange(len(near))
    vote, own = votes[rows, best], near[rows, best]
    farthest = (near * there).min(axis=1)
    rival = np.maximum(np.where(allies, _FAR, near).max(axis=1), farthest)
    count = np.maximum(there.sum(axis=1), 1)
    features = np.empty((len(near), FEATURES))
    features[:, 0] = np.log((vote + _UNSURE) / (np.maximum(1 - vote, 0) + _UNSURE))
    features[:, 1] = own
    features[:, 2] = own - rival
    features[:, 3] = allies.sum(axis=1) / count
    features[:, 4] = (near * there).sum(axis=1) / count
    return features
