"""Holm: p-values of several questions, so that one false answer among all is as rare as it was for one."""

from collections.abc import Sequence


def adjusted(ps: Sequence[float]) -> list[float]:
    """At most alpha for those that may be rejected; in the order given.

    The probability of any false rejection is at most alpha, however the questions hang together: Holm, "A simple
    sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6 (1979). It stays so at any
    time if the p-values are anytime-valid: a true hypothesis is rejected only where its least p-value ever is small.
    """
    order = sorted(range(len(ps)), key=ps.__getitem__)
    found = [1.0] * len(ps)
    most = 0.0
    for rank, index in enumerate(order):
        most = max(most, min(1.0, (len(ps) - rank) * ps[index]))
        found[index] = most
    return found
