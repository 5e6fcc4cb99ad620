"""Decision: what the router does with a call, and why."""

from typing import NamedTuple, Protocol

from control_plane.spec.models import Operation, Tier
from routers.assignment import Assignment
from routers.call import Call
from routers.complexity import Score
from routers.estimate import Estimate
from routers.prompting import Prompted
from routers.reasons import Reason
from routers.record import record
from routers.resilience.ladder import Step
from routers.runtime import Backend, Route
from routers.tenants import DEFAULT, Tenant


class Asked(Protocol):
    """All of a request that its decision looks at, beside its score and whether it carries tools: nothing of what it
    says. So a decision can be made again from what was written down of it."""

    @property
    def operation(self) -> Operation:
        """What is to be done."""

    @property
    def model(self) -> str:
        """As the caller wrote it."""

    @property
    def version(self) -> str:
        """Of the Model that may answer; empty for any."""

    @property
    def fresh(self) -> bool:
        """Whether the caller wants no cached answer."""


@record
class Match:
    """The first half of a decision, all that a cached answer needs: whose answer it is."""

    route: Route
    snapshot: int
    arm: str
    cache_key: bytes | None
    """None where no cached answer may be given or kept."""
    reasons: tuple[Reason, ...]
    tenant: Tenant = DEFAULT
    prompted: Prompted | None = None
    """The call with what Route and arms add to it, where they do: what is answered in place of the caller's own."""
    assignment: Assignment | None = None
    """Where the Route has Experiments or Rollouts: what each made of the request."""
    rehearsal: "Rehearsal | None" = None


class Rehearsal(NamedTuple):
    """A copy of a request for the candidate of a Rollout that warms up: nobody sees its answer."""

    call: Call
    match: Match


@record
class Decision:
    """The whole: which Models are tried, in order, until one answers."""

    match: Match
    tier: Tier
    score: Score | Estimate | None
    """None where tiers play no part (embeddings)."""
    candidates: tuple[Backend, ...]
    reasons: tuple[Reason, ...]


class Load(NamedTuple):
    """How a Route did when a request was given less than a whole answer by its own tier."""

    step: Step
    """Of the ladder; which request goes there is drawn by chance."""
    pressure: float
    """The share of all places that was taken, in [0, 1]."""
