"""Proportions: two arms' shares of successes, exact at any size, rate, allocation and time."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from control_plane.stats.contrast import Contrast
from control_plane.stats.mixtures import BetaBinomialMixture, Floats
from control_plane.stats.moments import Numbers
from control_plane.stats.roots import root

EFFECTS = 2.0 ** np.arange(-6, 3)
"""The log odds ratios that are bet on: some bet is within a factor of 1.5 of any effect."""
RATES = (0.01, 0.5, 0.99)
"""The rates of success that bets are best for, where none is expected."""
_MOST = 0.95
"""Of a stake that a bet may lose at once."""
_DECIDED, _OCTAVES = 10.0, 1.5
"""Squared standard errors at which an effect is usually decided; and by how many doublings it may be another."""


class Counts(NamedTuple):
    """What one period saw: its successes and units in each arm, which units came to by chance, with a known share."""

    control: Numbers
    control_units: Numbers
    treated: Numbers
    treated_units: Numbers
    share: float
    """Of the treated arm among the units of both."""


@dataclass(frozen=True, slots=True)
class Proportions(Contrast):
    """Bets on which arm a unit is in, given whether it succeeded.

    A unit that is treated with probability w multiplies a bet of size `psi` for rate `k` by what stands below:

                     success                       failure
        treated      1 + (1 - w) psi (1 - k)       1 - (1 - w) psi k
        control      1 + w psi (k - f)             1 + w psi k

    If the arms succeed with p and q, the expected factor is 1 + g (p - f q), with g = w (1 - w) psi. Divided by 1 + g m
    it is at most 1 whenever p - f q <= m (for psi > 0) or >= m (for psi < 0): an e-value, unit by unit, even where
    rates drift, and its product needs no more than the counts. For m = 0 and f = 1 these are the 2x2 e-variables of
    Turner, Ly and Grünwald, "Generic E-variables for exact sequential k-sample tests that allow for optional stopping",
    Journal of Statistical Planning and Inference 230 (2024), conditioned as by Lindon and Malek, "Anytime-valid
    inference for multinomial count data", NeurIPS 2022. Averaged over `EFFECTS` and `RATES`.
    """

    periods: Sequence[Counts] = ()
    rate: float | None = None
    """The rate that is expected: spares averaging over `RATES`."""
    tuned_units: float = 5000.0
    """Units of both arms after which it is to decide soonest, where a rate is expected."""

    def log_e_above(self, margin: float = 0.0, factor: float = 1.0) -> float:
        """Logarithm of the evidence against treated - factor * control <= margin."""
        return float(log_e(self.periods, 1, margin, factor, self.rate, self.tuned_units))

    def log_e_below(self, margin: float = 0.0, factor: float = 1.0) -> float:
        """Logarithm of the evidence against treated - factor * control >= margin."""
        return float(log_e(self.periods, -1, margin, factor, self.rate, self.tuned_units))

    def limits(self) -> tuple[float, float]:
        """Shares differ by less than one."""
        return -1.0, 1.0


def log_e(
    periods: Sequence[Counts],
    sign: int,
    margin: float = 0.0,
    factor: float = 1.0,
    rate: float | None = None,
    tuned_units: float = 5000.0,
) -> Floats:
    """Logarithm of the evidence that treated - factor * control is above (sign 1) or below (-1) the margin. Elementwise
    over arrays of counts."""
    effects, k = (each.ravel() for each in np.meshgrid(EFFECTS, RATES if rate is None else (rate,)))
    won = sum((_won(counts, sign * effects, k, margin, factor) for counts in periods), start=np.zeros(effects.size))
    return np.asarray(np.logaddexp.reduce(won + _log_weights(effects, k, tuned_units, periods[0].share), axis=-1))


def _log_weights(effects: Floats, rates: Floats, tuned_units: float, share: float) -> Floats:
    """Of the bets: more for effects that are decided at about `tuned_units`."""
    variance = share * (1 - share) * np.clip(rates * (1 - rates), 1e-4, None)
    middle = np.sqrt(_DECIDED / (tuned_units * variance))
    weights = -((np.log2(effects / middle) / _OCTAVES) ** 2) / 2
    return np.asarray(weights - np.logaddexp.reduce(weights))


def _won(counts: Counts, psi: Floats, k: Floats, margin: float, factor: float) -> Floats:
    """What each bet has won; bets are the last axis."""
    w = counts.share
    before, before_units, after, after_units = (np.asarray(each)[..., None] for each in counts[:4])
    worst = np.max([-psi * (1 - w) * (1 - k), psi * (1 - w) * k, -psi * w * (k - factor), -psi * w * k], axis=0)
    psi = psi * np.minimum(1.0, _MOST / np.maximum(worst, 1e-300))
    return np.asarray(
        after * np.log1p((1 - w) * psi * (1 - k))
        + (after_units - after) * np.log1p(-(1 - w) * psi * k)
        + before * np.log1p(w * psi * (k - factor))
        + (before_units - before) * np.log1p(w * psi * k)
        - (before_units + after_units) * np.log1p(np.maximum(w * (1 - w) * psi * margin, -_MOST))
    )


def interval(successes: float, trials: float, alpha: float, tuned_trials: float) -> tuple[float, float]:
    """One arm's rate, at all times at once: what a beta-binomial mixture does not refute.

    Howard et al. (2021), proposition 7, inverted; tuned for so many trials.
    """
    found = successes / trials

    def missing(p: float) -> float:
        mixture = BetaBinomialMixture.tuned(p, tuned_trials, 0.05)
        return float(mixture.log_e(successes, trials)) + math.log(alpha)

    def bound(end: float) -> float:
        inner = 1e-12 if end == 0 else 1 - 1e-12
        if found == end or missing(inner) < 0:
            return end
        return root(missing, inner, found)

    return bound(0.0), bound(1.0)
