"""Histogram: how often each size of a positive value came, in bins that are one percent wide."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

GROWTH = 1.01
"""Each bin ends at so many times its predecessor's end: the relative error of what is read from a histogram."""
LEAST, MOST = -1389, 1145
"""The outermost bins, from a microsecond to a day where values are seconds. What is beyond falls into them."""


def bin_of(value: float) -> int:
    """The bin of a value: bin i holds what is above GROWTH**(i - 1) and at most GROWTH**i. 0 and less are in LEAST."""
    if not value > 0:
        return LEAST
    return min(max(math.ceil(math.log(value) / math.log(GROWTH) - 1e-9), LEAST), MOST)


def edge(index: float) -> float:
    """The largest value of a bin."""
    return float(GROWTH**index)


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts by bin. Merges by `+`; a count may be fractional where periods are weighted."""

    counts: Mapping[int, float] = field(default_factory=dict)

    @classmethod
    def of(cls, values: Iterable[float]) -> Self:
        """Of single values."""
        return cls(dict(Counter(bin_of(value) for value in values)))

    @classmethod
    def from_array(cls, values: ArrayLike) -> Self:
        """Of many values at once."""
        found = np.asarray(values, dtype=np.float64)
        logs = np.log(np.maximum(found, edge(LEAST))) / math.log(GROWTH)
        bins, counts = np.unique(np.clip(np.ceil(logs - 1e-9), LEAST, MOST).astype(int), return_counts=True)
        return cls(dict(zip(bins.tolist(), counts.tolist(), strict=True)))

    def __add__(self, other: Self) -> Self:
        bins = self.counts.keys() | other.counts.keys()
        return type(self)({each: self.counts.get(each, 0) + other.counts.get(each, 0) for each in sorted(bins)})

    def add(self, value: float) -> Self:
        """With one more value."""
        return self + type(self)({bin_of(value): 1})

    def times(self, factor: float) -> Self:
        """With each count multiplied."""
        return type(self)({each: count * factor for each, count in self.counts.items()})

    @property
    def total(self) -> float:
        """How many values there are."""
        return sum(self.counts.values())

    def ranks(self, value: float) -> tuple[float, float]:
        """Between how many and how many values are at most `value`: what the bins lose, and no more."""
        index = bin_of(value)
        below = sum(count for each, count in self.counts.items() if each < index)
        return below, below + self.counts.get(index, 0)

    def quantile(self, p: float) -> float:
        """The value that a share of `p` does not exceed, interpolated within its bin. NaN where there is none."""
        low, high = self.quantile_bounds(p)
        if math.isnan(low):
            return math.nan
        below, upto = self.ranks(high)
        share = (p * self.total - below) / (upto - below) if upto > below else 1.0
        return float(low * (high / low) ** min(max(share, 0.0), 1.0))

    def quantile_bounds(self, p: float) -> tuple[float, float]:
        """The ends of the bin that holds the sample's quantile. NaN where there are no values."""
        seen, target = 0.0, p * self.total
        for index in sorted(self.counts):
            seen += self.counts[index]
            if seen >= target and self.counts[index]:
                return edge(index - 1), edge(index)
        return math.nan, math.nan

    def cumulative(self, first: int, last: int) -> NDArray[np.float64]:
        """How many values are in bins up to `first`, up to `first` + 1, … up to `last`."""
        dense = np.zeros(last - first + 1)
        for index, count in self.counts.items():
            if index <= last:
                dense[max(index - first, 0)] += count
        return dense.cumsum()
