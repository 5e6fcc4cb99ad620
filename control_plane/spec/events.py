"""Events: what a router writes down of each request with arms, and what callers report of it afterwards.

Whom a request was for leaves the router as a hash alone, the same for every Experiment and router, so that what is
reported of a unit finds what was measured of it.
"""

import hashlib
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, Field, model_validator

from control_plane.spec.arms import ArmName
from control_plane.spec.base import LARGEST, Spec
from control_plane.spec.decisions import RequestId
from control_plane.spec.metrics import OutcomeName
from control_plane.spec.names import QualifiedName

UNIT_SALT = b"tiermesh.dev/unit\0"

UnitHash = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
"""Whom a request was for: told apart, and not told."""
TrialKey = Annotated[str, Field(pattern=r"^(Experiment|Rollout)/[a-z0-9./-]{1,130}$")]
"""An Experiment or a Rollout: `Experiment/NAME`, `Rollout/NAMESPACE/NAME`."""
_Count = Annotated[int, Field(ge=0, le=LARGEST)]


def unit_hash(unit: str) -> str:
    """A unit as events name it."""
    return hashlib.sha256(UNIT_SALT + unit.encode()).hexdigest()[:16]


class Assigned(Spec):
    """That a unit had an arm."""

    trial: TrialKey
    arm: ArmName
    unit: UnitHash
    forced: bool = False
    """A tester: left out of the analysis."""


class Exposure(Spec):
    """One request that was answered by arms, however it ended: all of it counts for the arms that were assigned."""

    kind: Literal["exposure"] = "exposure"
    id: RequestId
    """The request's. One that a caller chose may stand in several."""
    at: AwareDatetime
    """The answer's end."""
    route: QualifiedName
    snapshot: int = Field(ge=1, le=LARGEST)
    assignments: tuple[Assigned, ...] = Field(min_length=1, max_length=100)
    seconds: float = Field(ge=0)
    """From the request's last byte in to the answer's last byte out."""
    first_token_seconds: float | None = Field(default=None, ge=0)
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


class Feedback(Spec):
    """An outcome, as somebody reports it: late, twice or out of order."""

    kind: Literal["feedback"] = "feedback"
    id: RequestId
    """Of the report: the same one sent again is the same report."""
    at: AwareDatetime
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


Event = Annotated[Exposure | Feedback, Field(discriminator="kind")]
