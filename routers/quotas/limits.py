"""Limits: a tenant's quotas as whole numbers, ready to be compared."""

import math
from dataclasses import dataclass, field

from control_plane.spec.tenants import MICRODOLLARS, Quotas

SECOND = 1_000_000
"""In microseconds: times are whole microseconds of Unix time, in memory as in Redis."""


@dataclass(frozen=True, slots=True)
class Limits:
    """None: not limited."""

    interval: int | None
    """Microseconds from one request to the next, in the long run; rounded up, so never faster than the quota."""
    burst: int
    concurrent: int | None
    tokens: int | None
    """In any 60 seconds."""
    microdollars: int | None
    """In a day of UTC."""
    hard: bool
    counts_requests: bool = field(init=False)
    """Whether a request must enter."""
    counts_use: bool = field(init=False)
    """Whether what an answer takes must be reserved."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "counts_requests", self.interval is not None or self.concurrent is not None)
        object.__setattr__(self, "counts_use", self.tokens is not None or self.microdollars is not None)

    @classmethod
    def of(cls, quotas: Quotas) -> "Limits | None":
        """The limits; None where there are none."""
        rate, usd = quotas.requests_per_second, quotas.usd_per_day
        limits = cls(
            interval=None if rate is None else math.ceil(SECOND / rate),
            burst=quotas.burst or max(1, math.floor(rate or 1)),
            concurrent=quotas.concurrent_requests,
            tokens=quotas.tokens_per_minute,
            microdollars=None if usd is None else math.floor(usd * MICRODOLLARS),
            hard=quotas.hard,
        )
        return limits if limits.counts_requests or limits.counts_use else None
