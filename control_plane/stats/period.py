"""Period: what was seen while the arms had the same shares of the traffic."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from control_plane.stats.histogram import Histogram
from control_plane.stats.moments import Moments


@dataclass(frozen=True, slots=True)
class Sample:
    """One metric in one arm."""

    moments: Moments = field(default_factory=Moments)
    """Over units. Of a quantile they may be left out where each unit is observed once; else `d` is how often it was."""
    histogram: Histogram = field(default_factory=Histogram)
    """Of a quantile's single observations."""


@dataclass(frozen=True, slots=True)
class Period:
    """An experiment with fixed shares is one period; a ramp's steps, and the times between a bandit's updates, are one
    each. Arms are compared within periods only: pooled, a rate that drifts while shares change looks like an effect.

    A unit belongs to the period in which it was first seen in its arm. Forced units are left out.
    """

    shares: Mapping[str, float]
    """Arm -> weight; any sum."""
    units: Mapping[str, float]
    """Arm -> units that were assigned to it, whether or not any metric knows them (intention to treat)."""
    samples: Mapping[str, Mapping[str, Sample]]
    """Arm -> metric -> sample."""

    def sample(self, arm: str, metric: str) -> Sample:
        """Empty where nothing is known."""
        return self.samples.get(arm, {}).get(metric, Sample())

    def share(self, control: str, arm: str) -> float:
        """An arm's share of the units of both. 0 where the period has not both."""
        both = self.shares.get(control, 0.0), self.shares.get(arm, 0.0)
        return both[1] / sum(both) if min(both) > 0 else 0.0
