"""Estimate: a metric's value in one arm and how uncertain it is; of each kind from the same moments."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from control_plane.stats.moments import Moments, Numbers

_LEAST_BASE = 1e-100
"""In place of none at all."""


class Kind(StrEnum):
    """What a metric is, over units."""

    PROPORTION = "proportion"
    """Share of the units with a value of 1 instead of 0."""
    MEAN = "mean"
    """Value a unit."""
    RATIO = "ratio"
    """Sum of values over sum of bases, such as errors a request, where units make several requests each."""
    QUANTILE = "quantile"
    """The value that a share of all observations does not exceed, such as a latency's p95."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """`variance` is the estimate's own, not one unit's. Each may be an array."""

    value: Numbers
    variance: Numbers
    units: Numbers

    @property
    def plain(self) -> "Estimate":
        """In Python's own numbers."""
        return Estimate(float(self.value), float(self.variance), float(self.units))

    @classmethod
    def of(cls, moments: Moments, kind: Kind, adjustment: "Adjustment | None" = None) -> "Estimate":
        """Of a proportion, mean or ratio.

        Variances are the sample's (n - 1), for a proportion p (1 - p); a ratio's by the delta method over units, so
        that requests of one unit may resemble each other: Deng, Knoblich and Lu, "Applying the delta method in metric
        analytics", KDD 2018.
        """
        n = np.maximum(moments.units, 1.0)
        value = moments.y / np.maximum(moments.d, _LEAST_BASE) if kind is Kind.RATIO else moments.y / n
        if kind is Kind.PROPORTION:
            value = np.clip(value, 0.0, 1.0)
        if adjustment is None:
            one = value * (1 - value) if kind is Kind.PROPORTION else _spread(moments, kind).value
            return cls(value, one / n, moments.units)
        spread, theta = _spread(moments, kind), adjustment.theta
        one = spread.value - 2 * theta * spread.with_before + theta**2 * spread.before
        return cls(value - theta * (moments.x / n - adjustment.centre), np.maximum(one, 0.0) / n, moments.units)


@dataclass(frozen=True, slots=True)
class Adjustment:
    """How values go with the covariate that was known before (CUPED).

    Subtracting `theta` times what a unit's covariate is beyond the `centre` takes away the variance that the covariate
    explains, and no bias comes of it, because assignment cannot have changed the past: Deng, Xu, Kohavi and Walker,
    "Improving the sensitivity of online controlled experiments by utilizing pre-experiment data", WSDM 2013, section 3.
    A ratio is adjusted in its linear form.
    """

    theta: Numbers
    centre: Numbers

    @classmethod
    def across(cls, arms: Sequence[Moments], kind: Kind) -> "Adjustment":
        """One for all arms, from what varies within each."""
        weights = [np.maximum(arm.units - 1, 0.0) for arm in arms]
        spreads = [_spread(arm, kind) for arm in arms]
        explained = sum(weight * spread.with_before for weight, spread in zip(weights, spreads, strict=True))
        before = sum(weight * spread.before for weight, spread in zip(weights, spreads, strict=True))
        theta = np.where(before > 0, explained / np.where(before > 0, before, 1.0), 0.0)
        units = sum(arm.units for arm in arms)
        return cls(theta, sum(arm.x for arm in arms) / np.maximum(units, 1.0))


@dataclass(frozen=True, slots=True)
class _Spread:
    """Variances and covariance over units: of the value (a ratio's linear form) and of the covariate."""

    value: Numbers
    with_before: Numbers
    before: Numbers


def _spread(m: Moments, kind: Kind) -> _Spread:
    n = np.maximum(m.units, 1.0)
    freedom = np.maximum(m.units - 1, 1.0)

    def covariance(product: Numbers, left: Numbers, right: Numbers) -> Numbers:
        return np.asarray((product - left * right / n) / freedom)

    yy, yx = covariance(m.yy, m.y, m.y), covariance(m.yx, m.y, m.x)
    xx = np.maximum(covariance(m.xx, m.x, m.x), 0.0)
    if kind is not Kind.RATIO:
        return _Spread(np.maximum(yy, 0.0), yx, xx)
    base = np.maximum(m.d, _LEAST_BASE)
    ratio, each = m.y / base, base / n
    linear = yy - 2 * ratio * covariance(m.yd, m.y, m.d) + ratio**2 * covariance(m.dd, m.d, m.d)
    return _Spread(np.maximum(linear, 0.0) / each**2, (yx - ratio * covariance(m.dx, m.d, m.x)) / each, xx)
