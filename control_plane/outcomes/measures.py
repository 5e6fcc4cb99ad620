"""Measures: where each number of a unit stands, and where what is summed over units does.

A unit's numbers: the router's own (`Own`), then four of each outcome that is reported. Of an arm there is one matrix of
products: entry (i, j) is the sum over its units of feature i times feature j. Every metric that an Experiment may name,
also one that nobody has thought of yet, is read from ten of its entries.
"""

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from control_plane.spec.metrics import Measured
from control_plane.stats.histogram import LEAST

Floats = NDArray[np.float64]


class Own(IntEnum):
    """Sums over a unit's requests, in the order in which they are kept."""

    REQUESTS = 0
    LATENCY = 1
    FIRST_TOKEN = 2
    TOKENS = 3
    COST = 4
    ERRORS = 5
    FALLBACKS = 6
    CACHE_HITS = 7
    WITH_FIRST_TOKEN = 8
    """Requests of which it is known; so the next two."""
    WITH_TOKENS = 9
    WITH_COST = 10


SUM, HITS, SUM_BEFORE, HITS_BEFORE = range(4)
"""Of an outcome: the sum of its values, how many were not 0, and both of before the unit's first request."""

OWN: dict[Measured, Own] = {
    Measured.REQUESTS: Own.REQUESTS,
    Measured.LATENCY: Own.LATENCY,
    Measured.FIRST_TOKEN: Own.FIRST_TOKEN,
    Measured.TOKENS: Own.TOKENS,
    Measured.COST: Own.COST,
    Measured.ERRORS: Own.ERRORS,
    Measured.FALLBACKS: Own.FALLBACKS,
    Measured.CACHE_HITS: Own.CACHE_HITS,
}
KNOWN = {Own.FIRST_TOKEN: Own.WITH_FIRST_TOKEN, Own.TOKENS: Own.WITH_TOKENS, Own.COST: Own.WITH_COST}
"""What is not known of every request -> of how many it is."""
_FLAGS = (Own.ERRORS, Own.FALLBACKS, Own.CACHE_HITS)

UNITS, MOVED = 0, 1
"""The first two features: 1 for each unit, and 1 for those that were seen in a second arm."""
_OWN = 2
_EVER = _OWN + len(Own)
_OUTCOMES = _EVER + len(_FLAGS)

SPREAD = (Measured.LATENCY, Measured.FIRST_TOKEN, Measured.TOKENS, Measured.COST)
"""What has a histogram, in the order of the codes of its bins."""
_BINS = 4096
"""More than a histogram has bins."""


def outcome_place(index: int, what: int) -> int:
    """Among a unit's numbers: of the outcome at `index`, one of its four."""
    return len(Own) + 4 * index + what


def own_feature(own: Own) -> int:
    """Among the features: a sum."""
    return _OWN + own


def ever_feature(own: Own) -> int:
    """Among the features: 1 where the sum is not 0."""
    return UNITS if own is Own.REQUESTS else _EVER + _FLAGS.index(own)


def outcome_feature(index: int, what: int) -> int:
    """Among the features: of an outcome, a sum, or 1 where there was ever a hit."""
    return _OUTCOMES + 4 * index + what


def features(sums: Floats, moved: NDArray[np.bool_]) -> Floats:
    """All features of units, from their numbers; one row each."""
    count = len(sums)
    outcomes = sums[:, len(Own) :].reshape(count, -1, 4).copy()
    for what in (HITS, HITS_BEFORE):
        outcomes[:, :, what] = outcomes[:, :, what] > 0
    parts = (
        np.ones((count, 1)),
        moved.reshape(count, 1).astype(np.float64),
        sums[:, : len(Own)],
        (sums[:, _FLAGS] > 0).astype(np.float64),
        outcomes.reshape(count, -1),
    )
    return np.concatenate(parts, axis=1)


def code_of(spread: int, index: int) -> int:
    """A bin of one of `SPREAD`, as one number."""
    return spread * _BINS + index - LEAST


def bins_of(codes: dict[int, int], spread: int) -> dict[int, int]:
    """What is in the histogram of one of `SPREAD`."""
    base = spread * _BINS
    return {code - base + LEAST: count for code, count in codes.items() if base <= code < base + _BINS}
