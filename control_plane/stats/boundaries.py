"""Boundaries: curves that a sum or a whole distribution function ever crosses with a small probability, in closed form.

Wider than a mixture near the size it is tuned for, and of the order of the law of the iterated logarithm for ever.
"""

import math

from scipy import optimize, special


def stitched(v: float, alpha: float, v_min: float, c: float = 0.0, s: float = 1.4, eta: float = 2.0) -> float:
    """How far a sub-gamma sum (scale `c`) of variance `v` may stray above zero; tight from `v_min` on.

    Howard, Ramdas, McAuliffe and Sekhon, Annals of Statistics 49 (2021), theorem 1 in its polynomial form.
    """
    v = max(v, v_min)
    k1 = (eta**0.25 + eta**-0.25) / math.sqrt(2)
    k2 = (math.sqrt(eta) + 1) / 2
    level = s * math.log(math.log(eta * v / v_min)) + math.log(special.zeta(s) / (alpha * math.log(eta) ** s))
    step = k2 * c * level
    return math.sqrt(k1 * k1 * v * level + step * step) + step


def distribution(n: float, alpha: float, n_min: float, a: float = 0.85) -> float:
    """How far an empirical distribution function of `n` values may be from the true one, from `n_min` values on.

    Holds everywhere, so for all quantiles at once: Howard and Ramdas, "Sequential estimation of quantiles with
    applications to A/B testing and best-arm identification", Bernoulli 28 (2022), theorem 2.
    """
    if n < n_min:
        return math.inf
    return a * math.sqrt((math.log1p(math.log(n / n_min)) + _constant(alpha, a)) / n)


def _constant(alpha: float, a: float) -> float:
    """The least C that keeps the error at alpha, over all ratios of the epochs that its proof peels off."""

    def error(c: float) -> float:
        def of(eta: float) -> float:
            gamma2 = 2 / eta * (a - math.sqrt(2 * (eta - 1) / c)) ** 2
            return 4 * math.exp(-gamma2 * c) * (1 + 1 / ((gamma2 - 1) * math.log(eta))) if gamma2 > 1 else math.inf

        most = optimize.brentq(lambda eta: math.sqrt(eta / 2) + math.sqrt(2 * (eta - 1) / c) - a, 1.0, 2 * a * a)
        return float(optimize.minimize_scalar(of, bounds=(1 + 1e-9, most), options={"xatol": 1e-9}).fun)

    return float(optimize.brentq(lambda c: math.log(error(c) / alpha), 5.0, 200.0))
