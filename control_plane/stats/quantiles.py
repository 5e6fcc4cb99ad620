"""Quantiles: two arms' quantiles, such as a latency's p95, exact at any time, from histograms."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from control_plane.stats.contrast import Contrast
from control_plane.stats.estimate import Estimate
from control_plane.stats.histogram import GROWTH, LEAST, MOST, Histogram, edge
from control_plane.stats.means import ALPHA
from control_plane.stats.mixtures import BetaBinomialMixture, Floats


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one arm says of where its quantile is. `under` and `over` are for bins first - 1, first, … last."""

    first: int
    under: Floats
    """log e against "the quantile is at least this bin's end": too many values are at or below it."""
    over: Floats
    """log e against "the quantile is at most this bin's end": too many values are above it."""

    @classmethod
    def of(cls, histogram: Histogram, p: float, tuned: float, effect: float = 1.0) -> Self:
        """`tuned`: for how many values; `effect`: how many of them count as one, because units bring several."""
        first, last = min(histogram.counts), max(histogram.counts)
        below = np.concatenate([[0.0], histogram.cumulative(first, last)])
        return cls(first, *one_sided(below / effect, histogram.total / effect, p, tuned))

    def at(self, which: Floats, bins: ArrayLike) -> Floats:
        """`under` or `over` at the ends of any bins."""
        places = np.asarray(bins, dtype=np.int64) - self.first + 1
        return np.asarray(which[np.clip(places, 0, which.size - 1)])


def one_sided(below: ArrayLike, total: ArrayLike, p: float, tuned: float) -> tuple[Floats, Floats]:
    """log e that more than a share `p` of values is at or below a point, and that less is; from how many were. Such a
    count is binomial. Elementwise."""
    below, total = np.asarray(below, dtype=np.float64), np.asarray(total, dtype=np.float64)
    more = BetaBinomialMixture.tuned(p, tuned, ALPHA, one_sided=True)
    less = BetaBinomialMixture.tuned(1 - p, tuned, ALPHA, one_sided=True)
    return more.log_e(below, total), less.log_e(total - below, total)


@dataclass(frozen=True, slots=True)
class Quantiles(Contrast):
    """If the quantiles are equal they lie at one point, and there both arms' martingales are in order; so their
    product, at the point that suits "equal" best, is evidence against it. The same for any difference or ratio.

    Howard and Ramdas, "Sequential estimation of quantiles with applications to A/B testing and best-arm
    identification", Bernoulli 28 (2022), their sequential test; here one-sided and with a margin. Whatever a bin
    hides is taken as worst.
    """

    before: Evidence = field(kw_only=True)
    """The control's."""
    after: Evidence = field(kw_only=True)
    """The treated arm's."""

    def log_e_above(self, margin: float = 0.0, factor: float = 1.0) -> float:
        """Logarithm of the evidence against treated - factor * control <= margin."""
        bins = self._bins()
        ends = _upper_bins(factor * GROWTH**bins + margin)
        pairs = self.before.at(self.before.under, bins - 1) + self.after.at(self.after.over, ends)
        return float(min(pairs.min(), self.before.under[-1] + self.after.over[-1]))

    def log_e_below(self, margin: float = 0.0, factor: float = 1.0) -> float:
        """Logarithm of the evidence against treated - factor * control >= margin."""
        bins = self._bins()
        starts = _lower_bins(factor * GROWTH ** (bins - 1.0) + margin)
        pairs = self.before.at(self.before.over, bins) + self.after.at(self.after.under, starts)
        return float(min(pairs.min(), self.before.over[0] + self.after.under[0]))

    def limits(self) -> tuple[float, float]:
        """Up to the largest bin's end."""
        return -edge(MOST), edge(MOST)

    def _bins(self) -> Floats:
        return np.arange(self.before.first, self.before.first + self.before.under.size, dtype=np.float64)


def estimate(histogram: Histogram, p: float, effect: float = 1.0) -> Estimate:
    """A quantile and the variance that its rank's makes it have: Woodruff, "Confidence intervals for medians and other
    position measures", Journal of the American Statistical Association 47 (1952)."""
    units = histogram.total / effect
    error = math.sqrt(p * (1 - p) / units)
    low, high = histogram.quantile(max(p - error, 0.0)), histogram.quantile(min(p + error, 1.0))
    return Estimate(histogram.quantile(p), ((high - low) / 2) ** 2, units)


def pooled(histograms: Sequence[Histogram], shares: Sequence[float]) -> Histogram:
    """Periods as one: each weighs its share, and the whole as many values as it is worth (Kish, "Survey sampling",
    1965, section 11.7). One period is as it is."""
    seen = [(each, share) for each, share in zip(histograms, shares, strict=True) if each.total and share]
    whole = sum(share for _, share in seen)
    worth = whole**2 / sum(share**2 / each.total for each, share in seen)
    scaled = [each.times(share / whole * worth / each.total) for each, share in seen]
    return sum(scaled[1:], start=scaled[0])


def _upper_bins(values: Floats) -> NDArray[np.int64]:
    """The bins that hold these values; below all where a value is not positive."""
    return np.ceil(_places(values) - 1e-9).astype(np.int64)


def _lower_bins(values: Floats) -> NDArray[np.int64]:
    """The last bins that end at or below these values."""
    return np.floor(_places(values) + 1e-9).astype(np.int64)


def _places(values: Floats) -> Floats:
    return np.asarray(np.log(np.maximum(values, edge(2 * LEAST))) / math.log(GROWTH))
