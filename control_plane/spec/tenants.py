"""Tenant: who calls, by which keys, and how much of everything it may use."""

from typing import Annotated, Self

from pydantic import AwareDatetime, Field, model_validator

from control_plane.spec.base import Spec
from control_plane.spec.names import Name

MICRODOLLARS = 1_000_000
"""A dollar's. Money is counted in whole microdollars, so that what is reserved, spent and given back adds up."""

Usd = Annotated[float, Field(gt=0, le=1e9)]
"""US dollars; what lies behind the sixth decimal is cut off."""


class Key(Spec):
    """An API key. The key itself is shown once, where it is made, and is kept nowhere."""

    name: Name
    """What people call it: `key revoke` takes it."""
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    """Of the key, in hex. Keys are long and random, so that nobody guesses one from its hash."""
    expires_at: AwareDatetime | None = None
    """From this moment on it is refused; never, where it is left out."""


class Quotas(Spec):
    """Most that a tenant may use. What is left out is not limited."""

    requests_per_second: float | None = Field(default=None, gt=0, le=1e6)
    """Requests in the long run, answers from a cache included."""
    burst: int | None = Field(default=None, ge=1, le=1_000_000)
    """Requests that may come at once after a pause; by default one second's worth."""
    concurrent_requests: int | None = Field(default=None, ge=1, le=1_000_000)
    """Requests under way at one time."""
    tokens_per_minute: int | None = Field(default=None, ge=1, le=10**12)
    """Of prompts and answers together, in any 60 seconds. Answers from a cache have none."""
    usd_per_day: Usd | None = None
    """By the prices of the Models that answer; a new day begins at 00:00 UTC. Answers from a cache cost nothing."""
    hard: bool = True
    """true: a request is let through only if the most that it can take still fits into what is left of tokens and
    money, and the Model is told to write no more than that; so neither is ever overspent. What a Model does not tell
    of is counted at that most. false: requests are let through on an estimate, which what they really take may exceed
    while they are under way."""

    @model_validator(mode="after")
    def _burst_of_something(self) -> Self:
        if self.burst is not None and self.requests_per_second is None:
            raise ValueError("burst needs requestsPerSecond")
        return self


class TenantSpec(Spec):
    """What a Tenant says."""

    keys: tuple[Key, ...] = Field(default=(), max_length=1000)
    """`tiermesh key create` adds one. Without any, nobody calls as this tenant."""
    routes: tuple[Name, ...] | None = Field(default=None, min_length=1, max_length=1000)
    """The Routes it may use; all of them, where it is left out."""
    priority: int = Field(default=0, ge=-100, le=100)
    """Under overload the requests of lower priority go first."""
    weight: float = Field(default=1, gt=0, le=1000)
    """Its share of the places for which several tenants wait."""
    quotas: Quotas = Quotas()

    @model_validator(mode="after")
    def _told_apart(self) -> Self:
        names = [key.name for key in self.keys]
        if len(set(names)) < len(names):
            raise ValueError("two keys have one name: give each its own")
        return self
