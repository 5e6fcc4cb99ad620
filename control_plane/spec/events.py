"""Events: what a router writes down of each request with arms, and what callers report of it afterwards.

Whom a request was for leaves the router as a hash alone, the same for every Experiment and router, so that what is
reported of a unit finds what was measured of it.
"""

import hashlib
from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, Field, model_validator

from control_plane.spec.arms import ArmName
from control_plane.spec.base import LARGEST, Spec
from control_plane.spec.decisions import RequestId
from control_plane.spec.metrics import Marks
from control_plane.spec.models import Tier
from control_plane.spec.names import OutcomeName, QualifiedName
from control_plane.spec.routes import Promise
from control_plane.spec.written import Written, WrittenMoment

UNIT_SALT = b"tiermesh.dev/unit\0"

UnitHash = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
"""Whom a request was for: told apart, and not told."""
TrialKey = Annotated[str, Field(pattern=r"^(Experiment|Rollout)/[a-z0-9./-]{1,130}$")]
"""An Experiment or a Rollout: `Experiment/NAME`, `Rollout/NAMESPACE/NAME`."""
Caller = Annotated[str, Field(max_length=200)]
"""The Tenant whose key it was; `default` where there are none."""
_Seconds = Annotated[float, Field(ge=0, le=1e9)]
_Count = Annotated[int, Field(ge=0, le=LARGEST)]


def unit_hash(unit: str) -> str:
    """A unit as events name it."""
    return hashlib.sha256(UNIT_SALT + unit.encode()).hexdigest()[:16]


class Assigned(Written):
    """That a unit had an arm."""

    trial: TrialKey
    arm: ArmName
    unit: UnitHash
    forced: bool = False
    """A tester: left out of the analysis."""


class Exposure(Written):
    """One request that was answered by arms, however it ended: all of it counts for the arms that were assigned."""

    kind: Literal["exposure"] = "exposure"
    id: RequestId
    """The request's. One that a caller chose may stand in several."""
    tenant: Caller = "default"
    at: WrittenMoment
    """The answer's end."""
    route: QualifiedName
    snapshot: int = Field(ge=1, le=LARGEST)
    assignments: tuple[Assigned, ...] = Field(min_length=1, max_length=100)
    seconds: _Seconds
    """From the request's last byte in to the answer's last byte out."""
    first_token_seconds: _Seconds | None = None
    """Of a stream."""
    input_tokens: _Count | None = None
    """None where the Model did not say; 0 for an answer from a cache."""
    output_tokens: _Count | None = None
    picodollars: _Count | None = None
    """By the prices of the Model that answered; None where its tokens are not known."""
    failed: bool
    """The mesh gave no whole answer. Not so where the caller left, or its request was wrong."""
    fallback: bool
    cache_hit: bool
    status: int = Field(ge=100, le=599)


class Feedback(Written):
    """An outcome, as somebody reports it: late, twice or out of order."""

    kind: Literal["feedback"] = "feedback"
    id: RequestId
    """Of the report: the same one sent again is the same report."""
    tenant: Caller = "default"
    """What it says of a request counts if that was this one's, too."""
    at: WrittenMoment
    request_id: RequestId | None = None
    """Of the request that it is about."""
    unit: UnitHash | None = None
    """Whom it is about, where it is no one request."""
    name: OutcomeName
    value: float = Field(default=1, ge=-1e15, le=1e15)

    @model_validator(mode="after")
    def _about_one(self) -> Self:
        if (self.request_id is None) == (self.unit is None):
            raise ValueError("exactly one of requestId and unit must be given")
        return self


class Mark(Written):
    """What a judge Model thinks of one answer."""

    kind: Literal["mark"] = "mark"
    id: RequestId
    """Of the mark."""
    tenant: Caller = "default"
    at: WrittenMoment
    request_id: RequestId
    """Of the request that was answered."""
    unit: UnitHash
    """Whom the answer was for: of requests whose callers gave them one id, it is this one's."""
    name: Marks
    value: float = Field(ge=0, le=1)


class Exploration(Written):
    """A request whose tier was drawn, each with probability 1/2, to watch what a Route promises."""

    kind: Literal["exploration"] = "exploration"
    id: RequestId
    """The request's. Of those that have one id, because a caller chose it, the first counts."""
    tenant: Caller = "default"
    at: WrittenMoment
    route: QualifiedName
    promise: Promise
    max_quality_loss: float = Field(gt=0, lt=1)
    confidence: float = Field(ge=0.5, lt=1)
    outcome: OutcomeName
    """What says how good the answer was."""
    below: bool
    """Whether it would have gone to the light tier."""
    tier: Tier
    """That was drawn."""


Event = Annotated[Exposure | Feedback | Mark | Exploration, Field(discriminator="kind")]
SpoolId = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
"""Drawn by chance when a router makes a spool."""
MOST_EVENTS = 1000
"""Of one batch."""


class EventBatch(Spec):
    """What a router sends at a time: the events of one spool from a number on, without a gap."""

    router: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")]
    spool: SpoolId
    first: int = Field(ge=1, le=LARGEST)
    """The number of the first one; a spool's first is 1."""
    events: tuple[dict[str, Any], ...] = Field(min_length=1, max_length=MOST_EVENTS)
    """Each an `Event`. One that is none is refused and counted, and holds up no other."""


class EventsTaken(Spec):
    """What became of a batch."""

    last: int
    """The number of the last event of the spool that is taken, now or before."""
    counted: int
    refused: int


class RouterEvents(Spec):
    """What has come of one router."""

    router: str
    taken: int
    lost: int
    """Its disk was full, or its process or machine fell before they were on it."""
    last: AwareDatetime
    """When the last batch came."""
