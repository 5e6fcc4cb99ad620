"""Roots: where a function of one number comes to zero."""

from collections.abc import Callable


def root(of: Callable[[float], float], low: float, high: float) -> float:
    """Where it does between two numbers at which its signs differ (Brent's method)."""
    from scipy import optimize  # deferred: with it comes all of linear programming, a fifth of a control plane's start

    return float(optimize.brentq(of, low, high, xtol=1e-12))
