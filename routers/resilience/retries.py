"""Retries: whether a request that failed before its first content byte is asked again, and when.

The budget keeps retries a small share of requests, however much fails: without one, each layer's retries multiply an
outage's load (Google, Site Reliability Engineering, chapters 21 and 22; as Finagle's RetryBudget counts it).
"""

from control_plane.spec import resilience
from control_plane.spec.errors import Code, TiermeshError
from routers.resilience.outliers import Random

MOVED_ON = frozenset({Code.ABSTAINED, Code.INVALID_REQUEST})
"""A Model that says no on purpose: the next one may say yes, and that is no retry. Asking the same one is no use."""
RETRIED = frozenset({Code.UPSTREAM_FAILED, Code.MODEL_STARTING, Code.QUEUE_FULL})
"""Failures that a second try may pass, at another endpoint or the next Model. Each takes a token."""
RETRIED_IN_PLACE = frozenset({Code.UPSTREAM_FAILED})
"""Of these the ones that may pass at the same endpoint within the backoff; a full queue or a start takes longer."""


class RetryBudget:
    """A token bucket: requests and time fill it, tries after a failed one empty it.

    In any window of T seconds with N requests it gives at most `burst + ratio * N + perSecond * T` tokens.
    """

    __slots__ = ("__weakref__", "_filled_at", "_per_second", "_ratio", "_size", "_tokens")

    def __init__(self, policy: resilience.Retries) -> None:
        self._size = float(policy.burst)
        self._ratio = policy.ratio
        self._per_second = policy.per_second
        self._tokens = self._size
        self._filled_at: float | None = None

    def deposit(self) -> None:
        """A request came."""
        self._tokens += self._ratio  # what exceeds the bucket is poured away when a token is asked for

    def withdraw(self, now: float) -> bool:
        """Take a token; whether there was one."""
        elapsed = 0.0 if self._filled_at is None else now - self._filled_at
        self._filled_at = now
        self._tokens = min(self._tokens + self._per_second * elapsed, self._size)
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


def backoff(policy: resilience.Retries, tries: int, seconds_left: float, random: Random) -> float | None:
    """How long to wait before try `tries` + 1 at the same endpoint, or None where the deadline comes first.

    A random share of a doubling time ("full jitter"): callers who failed together do not come back together
    (Brooker, Exponential Backoff and Jitter, 2015).
    """
    most = min(policy.backoff_seconds * 2 ** (tries - 1), policy.max_backoff_seconds)
    seconds = random() * most
    return seconds if seconds < seconds_left else None


def may_repeat(error: TiermeshError, tries: int, policy: resilience.Retries, other_endpoint: bool) -> bool:
    """Whether the same Model may be asked again: at another endpoint where there is one, else at the same."""
    if tries >= policy.attempts:
        return False
    return error.code in (RETRIED if other_endpoint else RETRIED_IN_PLACE)
