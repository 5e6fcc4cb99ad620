"""Contrast: one arm against another in one metric, safe to look at as often as one likes."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

from control_plane.stats.estimate import Estimate

_HALVINGS = 60
_FURTHEST = 1e3
"""Ratios of arms are looked for up to here, and down to its inverse."""


@dataclass(frozen=True, slots=True)
class Contrast(ABC):
    """What a kind of metric gives is evidence: e-values against "treated - factor * control is at most (or at least) a
    margin". From these follow the p-value, bounds, intervals and what they are relative to the control, and all hold
    together at any time: Ramdas, Grünwald, Vovk and Shafer, "Game-theoretic statistics and safe anytime-valid
    inference", Statistical Science 38 (2023).
    """

    control: Estimate
    treated: Estimate

    @abstractmethod
    def log_e_above(self, margin: float = 0.0, factor: float = 1.0) -> float:
        """Logarithm of the evidence against treated - factor * control <= margin."""

    @abstractmethod
    def log_e_below(self, margin: float = 0.0, factor: float = 1.0) -> float:
        """Logarithm of the evidence against treated - factor * control >= margin."""

    @abstractmethod
    def limits(self) -> tuple[float, float]:
        """Between which values a difference can lie at all."""

    @property
    def value(self) -> float:
        """The estimated difference."""
        return float(self.treated.value - self.control.value)

    def p(self) -> float:
        """Anytime-valid, two-sided, against no difference."""
        return min(1.0, 2 * math.exp(-max(self.log_e_above(), self.log_e_below(), 0.0)))

    def interval(self, alpha: float) -> tuple[float, float]:
        """Holds the true difference at all times at once, in all but a share `alpha` of experiments."""
        return self.lower(alpha / 2), self.upper(alpha / 2)

    def lower(self, alpha: float) -> float:
        """The largest margin that the difference is shown to exceed; one-sided."""
        least, _ = self.limits()
        return _last(lambda margin: self.log_e_above(margin) >= -math.log(alpha), least, self.value)

    def upper(self, alpha: float) -> float:
        """The smallest margin that the difference is shown to stay below; one-sided."""
        _, most = self.limits()
        return _last(lambda margin: self.log_e_below(margin) >= -math.log(alpha), most, self.value)

    def relative(self, alpha: float) -> tuple[float, float]:
        """The interval of the difference as a share of the control's value: (-1, inf) while nothing is known."""
        if self.control.value <= 0 or self.treated.value <= 0:
            return -1.0, math.inf
        ratio, enough = math.log(self.treated.value / self.control.value), -math.log(alpha / 2)
        low = _last(lambda each: self.log_e_above(factor=math.exp(each)) >= enough, -math.log(_FURTHEST), ratio)
        high = _last(lambda each: self.log_e_below(factor=math.exp(each)) >= enough, math.log(_FURTHEST), ratio)
        return math.exp(low) - 1, math.exp(high) - 1


def _last(shown: Callable[[float], bool], start: float, end: float) -> float:
    """The last point, on the way from `start`, where it is shown still: the bound."""
    if not math.isfinite(start):
        return start
    if not shown(start):
        return math.copysign(math.inf, start - end)
    for _ in range(_HALVINGS):
        middle = (start + end) / 2
        start, end = (middle, end) if shown(middle) else (start, middle)
        if abs(end - start) <= 1e-9 * max(abs(start), abs(end)):
            break
    return start
