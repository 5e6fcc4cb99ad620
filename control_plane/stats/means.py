"""Means: two arms' means or ratios, by asymptotic confidence sequences."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from control_plane.stats.contrast import Contrast
from control_plane.stats.estimate import Estimate
from control_plane.stats.fixed import Fixed
from control_plane.stats.mixtures import Floats, NormalMixture, OneSidedNormalMixture, rho

ALPHA = 0.05
"""The level at which mixtures are tightest, once the units have come to what they are tuned for."""
LEAST_UNITS = 100
"""In each arm, before a mean says anything: what is asymptotic needs some units to start with."""
LENT_UNITS = 1000.0
"""Units' worth of both arms' variance that is lent to each arm's where that is less. A few skewed values look low and
alike at once: without it a tenth of experiments on costs find a small arm to be cheaper."""


@dataclass(frozen=True, slots=True)
class Means(Contrast):
    """Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, "Time-uniform central limit theory and asymptotic confidence
    sequences", Annals of Statistics 52 (2024), equation 9 and its one-sided form: as valid at any time as a t interval
    is at one. The sum of n units' terms strays as a normal mixture of variance n does.
    """

    tuned_units: float = 5000.0
    """Units of both arms at which the interval is to be tightest."""

    def log_e_above(self, margin: float = 0.0, factor: float = 1.0) -> float:
        """Logarithm of the evidence against treated - factor * control <= margin."""
        return self._one_sided(1, margin, factor)

    def log_e_below(self, margin: float = 0.0, factor: float = 1.0) -> float:
        """Logarithm of the evidence against treated - factor * control >= margin."""
        return self._one_sided(-1, margin, factor)

    def limits(self) -> tuple[float, float]:
        """Anywhere."""
        return -math.inf, math.inf

    def p(self) -> float:
        """Anytime-valid, two-sided."""
        return math.exp(-max(float(log_e(self.control, self.treated, self.tuned_units)), 0.0))

    def interval(self, alpha: float) -> tuple[float, float]:
        """Holds the true difference at all times at once."""
        return self._around(self.value, self._error(), alpha)

    def relative(self, alpha: float) -> tuple[float, float]:
        """By the delta method."""
        if self.control.value <= 0:
            return -1.0, math.inf
        ratio = Fixed.relative(*steadied(self.control, self.treated))
        return self._around(ratio.value, ratio.error, alpha)

    def lower(self, alpha: float) -> float:
        """One-sided."""
        return self.value - self._reach(alpha)

    def upper(self, alpha: float) -> float:
        """One-sided."""
        return self.value + self._reach(alpha)

    @property
    def units(self) -> float:
        """Of both arms."""
        return float(self.control.units + self.treated.units)

    @property
    def _mixture(self) -> NormalMixture:
        return NormalMixture(rho(self.tuned_units, ALPHA))

    @property
    def _half_mixture(self) -> OneSidedNormalMixture:
        return OneSidedNormalMixture(rho(self.tuned_units, 2 * ALPHA))

    @property
    def _starts(self) -> bool:
        return bool(_started(self.control, self.treated) and self._error() > 0)

    def _error(self, factor: float = 1.0) -> float:
        control, treated = steadied(self.control, self.treated)
        return math.sqrt(treated.variance + factor**2 * control.variance)

    def _around(self, value: float, error: float, alpha: float) -> tuple[float, float]:
        if not self._starts:
            return -math.inf, math.inf
        reach = float(self._mixture.bound(self.units, alpha)) / math.sqrt(self.units) * error
        return value - reach, value + reach

    def _reach(self, alpha: float) -> float:
        if not self._starts:
            return math.inf
        return float(self._half_mixture.simple_bound(self.units, alpha)) / math.sqrt(self.units) * self._error()

    def _one_sided(self, sign: int, margin: float, factor: float) -> float:
        if not self._starts:
            return 0.0
        beyond = sign * float(self.treated.value - factor * self.control.value - margin)
        s = beyond / self._error(factor) * math.sqrt(self.units)
        return -math.log(max(float(self._half_mixture.simple_p(s, self.units)), 1e-300))


def log_e(control: Estimate, treated: Estimate, tuned_units: float) -> Floats:
    """Logarithm of the evidence against no difference, two-sided. Elementwise over arrays."""
    control, treated = steadied(control, treated)
    variance = np.asarray(control.variance + treated.variance, dtype=np.float64)
    units = np.asarray(control.units + treated.units, dtype=np.float64)
    z = (treated.value - control.value) / np.sqrt(np.where(variance > 0, variance, np.inf))
    won = NormalMixture(rho(tuned_units, ALPHA)).log_e(z * np.sqrt(units), units)
    return np.where(_started(control, treated), won, 0.0)


def steadied(control: Estimate, treated: Estimate) -> tuple[Estimate, Estimate]:
    """With variances that are the arms' own in the end, and not too small before. Elementwise."""
    arms = (control, treated)
    units = np.maximum(control.units + treated.units, 1.0)
    pooled = sum(each.variance * each.units**2 for each in arms) / units
    ones = [each.variance * each.units for each in arms]
    lent = [
        (one * each.units + pooled * LENT_UNITS) / (each.units + LENT_UNITS)
        for one, each in zip(ones, arms, strict=True)
    ]
    first, second = (
        Estimate(each.value, np.maximum(one, more) / np.maximum(each.units, 1.0), each.units)
        for each, one, more in zip(arms, ones, lent, strict=True)
    )
    return first, second


def _started(control: Estimate, treated: Estimate) -> NDArray[np.bool_]:
    return np.minimum(control.units, treated.units) >= LEAST_UNITS
