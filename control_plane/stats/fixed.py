"""Fixed: what an effect looks like if one looks exactly once, at a size set before. Wrong too often for who peeks."""

import math
from dataclasses import dataclass

from scipy import special

from control_plane.stats.estimate import Estimate


@dataclass(frozen=True, slots=True)
class Fixed:
    """An effect with its standard error and the degrees of freedom of Student's distribution (infinite: normal)."""

    value: float
    error: float
    freedom: float = math.inf

    @classmethod
    def absolute(cls, control: Estimate, treated: Estimate) -> "Fixed":
        """The difference (Welch, Biometrika 34, 1947)."""
        value = float(treated.value - control.value)
        return cls(value, math.sqrt(treated.variance + control.variance), _freedom(control, treated))

    @classmethod
    def relative(cls, control: Estimate, treated: Estimate) -> "Fixed":
        """The difference as a share of the control's value, by the delta method. NaN where that is 0."""
        if not control.value:
            return cls(math.nan, math.nan)
        ratio = float(treated.value / control.value)
        variance = (treated.variance + ratio**2 * control.variance) / control.value**2
        return cls(ratio - 1, math.sqrt(variance), _freedom(control, treated))

    def interval(self, alpha: float) -> tuple[float, float]:
        """Holds the truth in all but a share `alpha` of experiments."""
        return self.lower(alpha / 2), self.upper(alpha / 2)

    def lower(self, alpha: float) -> float:
        """One-sided."""
        return self.value - self._quantile(alpha) * self.error

    def upper(self, alpha: float) -> float:
        """One-sided."""
        return self.value + self._quantile(alpha) * self.error

    def p(self) -> float:
        """Two-sided, against no effect. 1 where nothing varies."""
        return min(1.0, 2 * min(self.p_above(), 1 - self.p_above())) if self.error else 1.0

    def p_above(self) -> float:
        """One-sided, against an effect of zero or less."""
        return float(special.stdtr(self.freedom, -self.value / self.error)) if self.error else 1.0

    def chance(self) -> float:
        """That the effect is above zero, by Bayes' rule from a flat prior."""
        return float(special.ndtr(self.value / self.error)) if self.error else 0.5

    def risk(self) -> tuple[float, float]:
        """What is lost on average by staying, and by changing, where that is wrong; as `chance`."""
        if not self.error:
            return max(self.value, 0.0), max(-self.value, 0.0)
        z = self.value / self.error
        loss = self.error * math.exp(-z * z / 2) / math.sqrt(2 * math.pi) - self.value * float(special.ndtr(-z))
        return self.value + loss, loss

    def _quantile(self, alpha: float) -> float:
        return -float(special.stdtrit(self.freedom, alpha))


def _freedom(control: Estimate, treated: Estimate) -> float:
    parts = [(float(each.variance), float(each.units)) for each in (control, treated)]
    below = sum(variance**2 / (units - 1) for variance, units in parts if units > 1)
    return float(sum(variance for variance, _ in parts) ** 2 / below) if below else math.inf
