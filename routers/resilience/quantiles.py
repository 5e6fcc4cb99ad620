"""Quantiles of recent durations, from a histogram with buckets of one relative width.

A bucket ends at (1 + ERROR) / (1 - ERROR) times its beginning, so that a quantile is off by no more than ERROR of
itself (Masson, Rim and Lee, DDSketch, 2019). Old durations fade: at 2 * FADE_AFTER of them all counts are halved.
"""

import math

ERROR = 0.05
SHORTEST_SECONDS, LONGEST_SECONDS = 1e-4, 1e4
"""What is outside counts as the nearest of the two."""
FADE_AFTER = 500
"""The last 500 to 1000 make the figure: of a tail of one in twenty, 25 to 50."""
FRESH = 32
"""A quantile is worked out anew after so many durations."""

_SCALE = 1 / math.log((1 + ERROR) / (1 - ERROR))
_LOWEST = math.floor(math.log(SHORTEST_SECONDS) * _SCALE)
_COUNT = math.floor(math.log(LONGEST_SECONDS) * _SCALE) - _LOWEST + 1


class Quantile:
    """One quantile of recent durations. Adding is O(1); reading is, but for once in FRESH."""

    __slots__ = ("_counts", "_in_all", "_share", "_stale_at", "_value", "samples")

    def __init__(self, share: float) -> None:
        """`share` of the durations, in (0, 1), is shorter."""
        self._share = share
        self._counts = [0] * _COUNT
        self._in_all = 0
        self._stale_at = 0
        self._value = 0.0
        self.samples = 0
        """How many were ever added."""

    def add(self, seconds: float) -> None:
        """One more duration."""
        clamped = SHORTEST_SECONDS if seconds < SHORTEST_SECONDS else min(seconds, LONGEST_SECONDS)
        self._counts[int(math.log(clamped) * _SCALE - _LOWEST)] += 1
        self.samples += 1
        self._in_all += 1
        if self._in_all >= 2 * FADE_AFTER:
            self._counts = [count // 2 for count in self._counts]
            self._in_all = sum(self._counts)

    @property
    def seconds(self) -> float:
        """The quantile; 0 before the first duration."""
        if self.samples >= self._stale_at and self._in_all:
            self._stale_at = self.samples + FRESH
            self._value = self._find()
        return self._value

    def _find(self) -> float:
        rank, below = self._share * self._in_all, 0
        index = -1
        while below <= rank:
            index += 1
            below += self._counts[index]
        return math.exp((index + _LOWEST + 0.5) / _SCALE)
