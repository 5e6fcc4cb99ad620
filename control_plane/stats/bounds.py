"""Bounds: what a count of successes shows about a probability. Pure."""

import math

CONFIDENCE = 0.95


def lower_bound(successes: int, trials: int, confidence: float = CONFIDENCE) -> float:
    """One-sided Clopper-Pearson lower bound of a probability (Clopper and Pearson, Biometrika 26, 1934): below it, as
    many successes or more would come with a probability of less than 1 - `confidence`. 0 where nothing was tried.

    Exact for any number of trials, so that few of them never promise much.
    """
    if not 0 <= successes <= trials:
        raise ValueError(f"{successes} successes of {trials} trials")
    if successes == 0:
        return 0.0
    low, high = 0.0, 1.0
    for _ in range(50):  # halves: to fifteen digits
        middle = (low + high) / 2
        low, high = (middle, high) if _at_least(successes, trials, middle) < 1 - confidence else (low, middle)
    return low


def _at_least(successes: int, trials: int, p: float) -> float:
    """The probability of so many successes or more. In logarithms: the factors alone are too large or too small."""
    if p <= 0 or p >= 1:
        return float(p >= 1)
    whole = math.lgamma(trials + 1)
    log_p, log_q = math.log(p), math.log1p(-p)
    return math.fsum(
        math.exp(whole - math.lgamma(k + 1) - math.lgamma(trials - k + 1) + k * log_p + (trials - k) * log_q)
        for k in range(successes, trials + 1)
    )
