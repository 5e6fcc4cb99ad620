"""Hedging: a request whose first byte is late is asked of a second endpoint too; who answers first, answers.

Dean and Barroso, The Tail at Scale, 2013: a hedge sent after the 95th percentile costs a few percent of load and takes
most of the tail away. Here the cost is not left to the quantile: it is counted, and a hedge over it is not sent.
"""

from control_plane.spec import resilience
from routers.resilience.quantiles import ERROR, Quantile

SAVED_HEDGES = 10.0
"""Hedges that may be saved up, since slow spells make requests late together."""


class Hedger:
    """When to hedge the calls of one kind to one Model.

    From the first call on, hedges never exceed `maxExtraLoad` of the calls; in any later window of N calls they never
    exceed `maxExtraLoad * N` + SAVED_HEDGES.
    """

    __slots__ = ("_policy", "_quantile", "_tokens")

    def __init__(self, policy: resilience.Hedging) -> None:
        self._policy = policy
        self._quantile = Quantile(policy.quantile)
        self._tokens = 0.0

    def delay(self) -> float | None:
        """A call begins: after how many seconds it is late, or None where too little is known."""
        policy = self._policy
        tokens = self._tokens + policy.max_extra_load
        self._tokens = tokens if tokens < SAVED_HEDGES else SAVED_HEDGES
        if not policy.enabled or self._quantile.samples < policy.minimum_samples:
            return None
        # At the upper end of what the quantile may be: a little below it, times that lie close together would all be
        # late, and take the hedges that a slow spell needs.
        return self._quantile.seconds * (1 + ERROR)

    def spend(self) -> bool:
        """A call is late: whether it may be hedged."""
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def heard(self, seconds: float) -> None:
        """A call's first byte came after `seconds`; or it lost to its hedge, after at least so many."""
        self._quantile.add(seconds)
