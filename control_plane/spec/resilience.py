"""Resilience: what a Route does when a Model is slow, failing, full or away.

Every default is one that may stay: it costs a healthy mesh nothing and asks a sick Model for less, never for more.
`routers.resilience` holds the machines that follow these policies.
"""

from enum import StrEnum
from itertools import pairwise
from typing import Self

from pydantic import Field, model_validator

from control_plane.spec.base import Spec
from control_plane.spec.names import QualifiedName


class WhenAllOpen(StrEnum):
    """What happens to a request when the breaker of each Model that could answer it is open."""

    REFUSE = "refuse"
    """503 at once, with Retry-After at the earliest next probe: a Model that is down is left alone."""
    TRY_LEAST_BAD = "try-least-bad"
    """The Model that is probed next is asked all the same: an answer that is late beats none."""


class Breaker(Spec):
    """When a whole Model is left alone for a while. One breaker for each Model, its version and this policy."""

    enabled: bool = True
    """False: as if it were not there."""
    window_seconds: float = Field(default=10, ge=1, le=600)
    """How far back calls count: long enough to hold some at a few a second, short enough to forget the last fault."""
    minimum_calls: int = Field(default=20, ge=1)
    """Fewer calls in the window say nothing about a ratio: 1 of 2 is chance, 10 of 20 is not."""
    failure_ratio: float = Field(default=0.5, gt=0, le=1)
    """Share of failed calls that opens. At a half, leaving the Model alone gains more answers than it loses."""
    consecutive_failures: int = Field(default=10, ge=1)
    """So many failures in a row open too: a dead Model is noticed at once, however many calls it answered before."""
    slow_seconds: float | None = Field(default=None, gt=0)
    """A call whose first byte comes later is slow. Off by default: how long is too long is known to its owner alone."""
    slow_ratio: float = Field(default=0.9, gt=0, le=1)
    """Share of slow calls that opens. High, for slow answers are still answers."""
    open_seconds: float = Field(default=1, gt=0, le=600)
    """From opening to the first probe. Short, for one probe is all that it risks."""
    max_open_seconds: float = Field(default=30, gt=0, le=3600)
    """Each failed probe doubles the wait up to this: a Model that comes back is used again within it."""
    probe_seconds: float = Field(default=30, gt=0, le=3600)
    """A probe that has not reported after this is given up and another one may go."""
    when_all_open: WhenAllOpen = WhenAllOpen.REFUSE

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.open_seconds > self.max_open_seconds:
            raise ValueError("openSeconds must not be greater than maxOpenSeconds")
        return self


class Outliers(Spec):
    """When one endpoint of a Model with several (`urls`) is left out, while the others go on."""

    enabled: bool = True
    """False: as if it were not there."""
    consecutive_failures: int = Field(default=5, ge=1)
    """So many in a row eject. Half a breaker's, so that a bad endpoint goes before its Model does."""
    window_seconds: float = Field(default=10, ge=1, le=600)
    """How far back calls count, as for a breaker."""
    minimum_calls: int = Field(default=20, ge=1)
    """Fewer calls to the endpoint in the window say nothing about a ratio."""
    failure_ratio: float = Field(default=0.5, gt=0, le=1)
    """Share of the endpoint's calls that fail, from which it is ejected."""
    ejection_seconds: float = Field(default=5, gt=0, le=3600)
    """Of the first ejection; each further one is twice as long. Its calls have other endpoints to go to, so this is
    longer than a breaker's wait."""
    max_ejection_seconds: float = Field(default=300, gt=0, le=24 * 3600)
    """The growth ends here: an endpoint that is repaired is back within five minutes."""
    max_ejected_share: float = Field(default=0.5, ge=0, lt=1)
    """Never more than this share is out: the rest must carry the load, and all at once is no outlier but an outage,
    which is the breaker's affair. Rounded down, so of two endpoints one may go."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.ejection_seconds > self.max_ejection_seconds:
            raise ValueError("ejectionSeconds must not be greater than maxEjectionSeconds")
        return self


class Retries(Spec):
    """How often a request may be asked again before its first content byte: of the same Model, or of the next one.

    A try after a failed one takes a token from the Route's budget; after an abstention it is the Route's plan, and
    takes none. In any window of T seconds with N requests there are at most `burst` + `ratio` N + `perSecond` T such
    tries.
    """

    attempts: int = Field(default=2, ge=1, le=10)
    """Of one Model for one request, the first included. A fault that a second try does not pass is rarely chance."""
    ratio: float = Field(default=0.1, ge=0, le=1)
    """Tokens that each request brings: at a tenth, an outage costs the Models 10% more work instead of a multiple
    (Google, Site Reliability Engineering, chapter 21)."""
    per_second: float = Field(default=10, ge=0)
    """Tokens that each second brings, so that a Route with few requests may retry at all."""
    burst: int = Field(default=100, ge=0)
    """Tokens that may be saved: the requests under way to a Model that dies all fail at once."""
    backoff_seconds: float = Field(default=0.025, gt=0, le=60)
    """Before an endpoint that failed is asked again: a random share of this, doubled each time. Short, since a caller
    waits. Another endpoint is asked at once."""
    max_backoff_seconds: float = Field(default=1, gt=0, le=60)
    """The doubling ends here."""
    try_share: float = Field(default=0.5, gt=0, le=1)
    """Of what is left of the deadline, how much a try may take to its first content while somebody else can still be
    asked: a Model that stalls must not use up the time of one that would answer. At a half, the next one has as long.
    An answer that is not streamed is all content: with Models that take longer than this for one, raise the deadline. 1
    waits to the end."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.backoff_seconds > self.max_backoff_seconds:
            raise ValueError("backoffSeconds must not be greater than maxBackoffSeconds")
        return self


class Hedging(Spec):
    """When a second endpoint of a Model is asked the same, because the first one is late; the loser is cancelled.

    Never for requests with tools, and only where a Model has a second endpoint.
    """

    enabled: bool = True
    """False: as if it were not there."""
    quantile: float = Field(default=0.95, gt=0, lt=1)
    """A first byte later than this share of the recent ones is late. So few are that asking again costs little and
    takes the tail's end off (Dean and Barroso, The Tail at Scale, 2013)."""
    max_extra_load: float = Field(default=0.05, ge=0, le=1)
    """Hedges never exceed this share of the requests so far: counted, not estimated."""
    minimum_samples: int = Field(default=50, ge=1)
    """Below this many recent answers a quantile is a guess, and nothing is hedged."""


class Admission(Spec):
    """How many requests of the Route one router works on, and how many wait. Cached answers need no place."""

    enabled: bool = True
    """False: as if it were not there."""
    max_concurrent: int = Field(default=512, ge=1)
    """Under way to Models at once. As much as a router carries with ease; lower it to what the Models can do."""
    max_queued: int = Field(default=512, ge=0)
    """Waiting for a place; beyond it the tenant with the longest queue for its weight loses its newest. As many as are
    under way: who waits then waits about one answer's time."""


class Rung(Spec):
    """One step of the ladder, by the share of all places (under way and queued) that is taken."""

    enter: float = Field(gt=0, le=1)
    """From this pressure on."""
    leave: float = Field(ge=0, lt=1)
    """Down to this one. While on the rung, the share of requests that it takes grows from none here to all at 1."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.leave >= self.enter:
            raise ValueError("leave must be lower than enter: between them nothing changes")
        return self


class Ladder(Spec):
    """How answers get cheaper under overload, one rung after the other; those with the lowest score first.

    With as many places in the queue as under way, half the pressure means that a queue begins. Each rung enters well
    above the one before, so that it is tried only where that was not enough.
    """

    enabled: bool = True
    """False: as if it were not there."""
    light: Rung | None = Rung(enter=0.6, leave=0.5)
    """The light tier answers what the heavy tier would have."""
    cache_only: Rung | None = Rung(enter=0.8, leave=0.65)
    """A kept answer, also a stale one, marked as such; where there is none, the next rung."""
    canned: Rung | None = Rung(enter=0.88, leave=0.75)
    """The text of `cannedAnswer`; where there is none, the next rung."""
    refuse: Rung | None = Rung(enter=0.95, leave=0.85)
    """429 with a Retry-After from the queue's length and pace."""
    dwell_seconds: float = Field(default=5, ge=0, le=600)
    """So long a rung holds before it is left for a lower one: calm must last to be believed. Up it goes at once."""
    stale_seconds: float = Field(default=3600, ge=0, le=30 * 24 * 3600)
    """How much older than its time to live a kept answer may be under overload. Nothing is kept longer for it than the
    cache's bytes allow."""
    canned_answer: str | None = Field(default=None, min_length=1, max_length=10_000)
    """What the caller reads instead of an answer. No default: only the Route's owner knows what may be said."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        rungs = [rung for rung in (self.light, self.cache_only, self.canned, self.refuse) if rung]
        for lower, upper in pairwise(rungs):
            if lower.enter > upper.enter or lower.leave > upper.leave:
                raise ValueError("a rung must not be entered or left below the one before it")
        return self


class Mirror(Spec):
    """A share of the requests also goes to a shadow Model, whose answers nobody sees.

    It never delays or fails a caller, and is counted in no budget and no result.
    """

    model: QualifiedName
    """The shadow: a Model that answers none of the Route's callers."""
    share: float = Field(gt=0, le=1)
    """Of the requests that a Model answers; which ones is fixed by a hash of `salt` and the request's id."""
    salt: str = Field(default="", max_length=200)
    """Another salt takes other requests."""
    max_concurrent: int = Field(default=8, ge=1)
    """Copies under way; one more is dropped and counted, since a shadow that is slow must not fill the router."""


class Resilience(Spec):
    """What happens when a Model is slow, failing, full or away."""

    deadline_seconds: float = Field(default=60, gt=0, le=3600)
    """From the request's last byte in to the answer's last byte out. What is left of it goes upstream with each try,
    as `x-request-timeout-seconds`."""
    fallbacks: tuple[QualifiedName, ...] = Field(default=(), max_length=32)
    """Models that are tried, in this order, after those that the score chose have failed or are left alone. A light
    Model here answers a hard question where no heavy one can."""
    breaker: Breaker = Breaker()
    outliers: Outliers = Outliers()
    retries: Retries = Retries()
    hedging: Hedging = Hedging()
    admission: Admission = Admission()
    ladder: Ladder = Ladder()
    mirror: Mirror | None = None
    """No shadow, unless the Route names one: a copy costs a Model's work."""

    @model_validator(mode="after")
    def _once(self) -> Self:
        if len(set(self.fallbacks)) < len(self.fallbacks):
            raise ValueError("fallbacks: a Model may stand only once")
        return self
