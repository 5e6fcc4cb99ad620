"""Mixtures: bets averaged over many sizes of an effect, and how far a sum may stray before one has won too much.

A mixture is a nonnegative supermartingale that starts at 1 while nothing is wrong, so it ever reaches 1/alpha with a
probability of at most alpha, whenever one looks (Ville). Here `s` is a sum whose mean is zero if nothing is wrong, and
`v` its variance so far. Howard, Ramdas, McAuliffe and Sekhon, "Time-uniform, nonparametric, nonasymptotic confidence
sequences", Annals of Statistics 49 (2021); "HRMS" below.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from control_plane.stats.roots import root

Floats = NDArray[np.float64]
_LEAST, _LOST = 1e-290, -50.0


def rho(v_opt: float, alpha: float) -> float:
    """How wide a normal mixture has to be, to be tightest when the variance has come to `v_opt`.

    HRMS, section 3.5; equally 1/rho**2 of Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, "Time-uniform central
    limit theory and asymptotic confidence sequences", Annals of Statistics 52 (2024), equation 161. A one-sided one
    takes 2 * alpha for alpha.
    """
    two_log = -2 * math.log(alpha)
    return v_opt / (two_log + math.log1p(two_log))


@dataclass(frozen=True, slots=True)
class NormalMixture:
    """Over effects of either sign. HRMS, proposition 5."""

    rho: float

    def log_e(self, s: ArrayLike, v: ArrayLike) -> Floats:
        """Logarithm of what has been won."""
        s, v = np.asarray(s, dtype=np.float64), np.asarray(v, dtype=np.float64)
        return np.asarray(s * s / (2 * (v + self.rho)) - np.log1p(v / self.rho) / 2)

    def bound(self, v: ArrayLike, alpha: float) -> Floats:
        """How far |s| may stray."""
        v = np.asarray(v, dtype=np.float64)
        return np.asarray(np.sqrt((v + self.rho) * (np.log1p(v / self.rho) - 2 * math.log(alpha))))


@dataclass(frozen=True, slots=True)
class OneSidedNormalMixture:
    """Over effects above zero. HRMS, proposition 6."""

    rho: float

    def log_e(self, s: ArrayLike, v: ArrayLike) -> Floats:
        """Logarithm of what has been won."""
        s, v = np.asarray(s, dtype=np.float64), np.asarray(v, dtype=np.float64)
        tail = special.log_ndtr(s / np.sqrt(v + self.rho))
        return np.asarray(math.log(2) + NormalMixture(self.rho).log_e(s, v) + tail)

    def bound(self, v: float, alpha: float) -> float:
        """How far s may stray."""
        return _solve(lambda s: float(self.log_e(s, v)), alpha, start=math.sqrt(v))

    def simple_bound(self, v: ArrayLike, alpha: float) -> Floats:
        """The same within a hundredth, from above, in closed form: Waudby-Smith et al. (2024), one-sided."""
        v = np.asarray(v, dtype=np.float64)
        widest = np.log1p(np.sqrt(1 + v / self.rho) / (2 * alpha))
        return np.asarray(np.sqrt(2 * (v + self.rho) * widest))

    def simple_p(self, s: ArrayLike, v: ArrayLike) -> Floats:
        """The least alpha whose `simple_bound` s exceeds, at most 1."""
        s, v = np.asarray(s, dtype=np.float64), np.asarray(v, dtype=np.float64)
        odds = np.expm1(np.minimum(np.maximum(s, 0.0) ** 2 / (2 * (v + self.rho)), 700.0))
        with np.errstate(divide="ignore"):
            return np.asarray(np.minimum(1.0, np.sqrt(1 + v / self.rho) / (2 * odds)))


@dataclass(frozen=True, slots=True)
class GammaPoissonMixture:
    """For sums whose steps are at most `c` above their mean (sub-Poisson), one-sided. HRMS, proposition 10."""

    rho: float
    c: float

    def log_e(self, s: float, v: float) -> float:
        """Logarithm of what has been won."""
        c2 = self.c * self.c
        prior, rate = self.rho / c2, (v + self.rho) / c2
        shape = s / self.c + rate
        start = prior * math.log(prior) - special.gammaln(prior) - math.log(special.gammaincc(prior, prior))
        won = special.gammaln(shape) + math.log(special.gammaincc(shape, rate)) - shape * math.log(rate)
        return float(start + won + v / c2)

    def bound(self, v: float, alpha: float) -> float:
        """How far s may stray."""
        return _solve(lambda s: self.log_e(s, v), alpha, start=math.sqrt(v))


@dataclass(frozen=True, slots=True)
class BetaBinomialMixture:
    """Counts of events of probability `p`, over other probabilities: exact. HRMS, propositions 7 and 8.

    `r` is rho less p (1 - p): the prior is Beta(r/(1 - p), r/p), whose mean is p.
    """

    p: float
    r: float
    one_sided: bool = False
    """Only over probabilities above p: wins only where events are too many; may have lost where they are too few."""

    @classmethod
    def tuned(cls, p: float, trials: float, alpha: float, one_sided: bool = False) -> "BetaBinomialMixture":
        """Tightest at so many trials."""
        v = p * (1 - p)
        wanted = rho(trials * v, 2 * alpha if one_sided else alpha) - v
        return cls(p, max(wanted, 1e-3 * v), one_sided)

    def log_e(self, events: ArrayLike, trials: ArrayLike) -> Floats:
        """Logarithm of what has been won. Elementwise; counts need not be whole."""
        yes = np.asarray(events, dtype=np.float64)
        no = np.asarray(trials, dtype=np.float64) - yes
        a, b = self.r / (1 - self.p), self.r / self.p
        won = special.betaln(a + yes, b + no) - special.betaln(a, b) - yes * math.log(self.p) - no * math.log1p(-self.p)
        if not self.one_sided:
            return np.asarray(won)
        tail = special.betaincc(a + yes, b + no, self.p)
        # What underflows has lost nearly all: by the number of trials, not exponentially.
        return np.where(tail > _LEAST, won + np.log(np.maximum(tail, _LEAST) / special.betaincc(a, b, self.p)), _LOST)

    def bound(self, trials: float, alpha: float) -> float:
        """How many events beyond the expected there may be."""
        most = trials * (1 - self.p)
        if self.log_e(trials, trials) < -math.log(alpha):
            return most
        return _solve(lambda s: float(self.log_e(self.p * trials + s, trials)), alpha, start=most)


def _solve(log_e: Callable[[float], float], alpha: float, start: float) -> float:
    """Where a growing function of s comes to log(1/alpha)."""
    high = start
    while log_e(high) < -math.log(alpha):
        high *= 2
    return root(lambda s: log_e(s) + math.log(alpha), 0.0, high)
