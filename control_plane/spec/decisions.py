"""Decisions: what a router writes down of each answer, so that it can be explained and worked out again.

Never what was asked or answered: of a text there is its score and what pushed it.
"""

from typing import Annotated, Literal

from pydantic import Field

from control_plane.spec.base import LARGEST, Spec
from control_plane.spec.learned import RouterName
from control_plane.spec.models import Operation, Tier
from control_plane.spec.snapshots import Content
from control_plane.spec.written import Written, WrittenMoment

MAX_TEXT_CHARACTERS = 500
"""Of one reason; a router cuts what is longer."""
REQUEST_ID = r"^[A-Za-z0-9._:-]{1,128}$"
"""A request's id: the caller's own, or one that the router drew."""

RequestId = Annotated[str, Field(pattern=REQUEST_ID)]
_Word = Annotated[str, Field(max_length=200)]
_Share = Annotated[float, Field(ge=0, le=1)]


class Step(Written):
    """One step on the way to an answer."""

    code: _Word
    """One of `routers.reasons`."""
    text: Annotated[str, Field(max_length=MAX_TEXT_CHARACTERS)]


class Strain(Written):
    """How far the Route was from what it can do, where the request got less for it."""

    step: Literal["light", "cache-only", "canned", "refuse"]
    """Of the Route's ladder. Chance has a part in whom it meets."""
    pressure: _Share
    """The share of all places that was taken."""


class Learned(Written):
    """What a learned router made of it."""

    artifact: RouterName
    gain: float
    """Estimated: P(heavy right) - P(light right)."""
    held: _Word | None
    """The reason that gives it to the heavy tier whatever the gain."""
    drawn: Tier | None
    """The tier that chance gave it, where it explores."""
    propensity: _Share
    """The probability with which such a request is given the tier that this one was."""


class Choice(Written):
    """Which Models were to be asked, before any was."""

    tier: Tier
    score: _Share | None
    """None where tiers play no part."""
    features: dict[_Word, float] = Field(max_length=100)
    """What pushed the score, and how far: 1 - exp(-their sum) is the score."""
    holds_image: bool
    candidates: tuple[_Word, ...]
    """Models, in the order in which they were to be tried."""
    learned: Learned | None = None
    """None where the score decided."""


class Ruled(Written):
    """What one Experiment or Rollout made of the request."""

    trial: _Word
    """`Experiment/NAME`, `Rollout/NAME`."""
    arm: _Word | None
    """None: it did not take the request."""
    unit: _Word | None
    """Whom the request was for, as `control_plane.spec.events` names units; None where it did not say."""
    targeted: bool
    """Whether it is for such requests."""


class DecisionRecord(Written):
    """One answer, and how it came about."""

    request_id: RequestId
    """One that a caller chose may stand in several records."""
    at: WrittenMoment
    """The end of the answer."""
    seconds: float = Field(ge=0)
    """From the request's last byte in to the answer's last byte out."""
    router: _Word
    tenant: _Word
    protocol: _Word
    """What the caller spoke."""
    operation: Operation
    model: _Word
    """As the caller wrote it."""
    version: _Word = ""
    """That the caller asked for; empty for any."""
    stream: bool
    fresh: bool
    """The caller wanted no cached answer."""
    tools: bool
    route: _Word
    revision: _Word
    snapshot: int = Field(ge=1, le=LARGEST)
    arm: Annotated[str, Field(max_length=2000)]
    """`EXPERIMENT=ARM`, joined by commas; `default` where there is none."""
    assignments: tuple[Ruled, ...] = Field(default=(), max_length=100)
    cache: _Word
    """hit-exact, hit-semantic, hit-stale, coalesced, miss or bypass."""
    choice: Choice | None
    """None where no Model was to be asked: an answer was kept, or the Route gave none."""
    strain: Strain | None
    steps: tuple[Step, ...] = Field(max_length=1000)
    decided: int = Field(ge=0)
    """So many of the steps follow from request and snapshot; the rest happened then: tries, waits, the cache."""
    answered_by: _Word
    """The Model; empty where none did."""
    tier: Tier | None
    """Of that Model; else the one chosen."""
    score: _Share | None
    status: int = Field(ge=100, le=599)
    error: _Word | None
    """Its code."""


class Batch(Spec):
    """What a router sends at a time."""

    records: tuple[DecisionRecord, ...] = Field(min_length=1, max_length=1000)


def part_of(content: Content, route: str) -> Content:
    """All of a snapshot that decides about one Route: the Route itself and its Models. Empty where it is not there."""
    routes = tuple(one for one in content.routes if one.name == route)
    named: set[str] = set()
    for one in routes:
        named.update(one.light + one.heavy + one.resilience.fallbacks)
        for arm in (arm for trial in one.trials for arm in trial.arms):
            named.update((arm.light or ()) + (arm.heavy or ()))
        named.update(judge.model for trial in one.trials for judge in trial.judges)
        if one.resilience.mirror:
            named.add(one.resilience.mirror.model)
        named.update(one.referees)
    backends = tuple(one for one in content.backends if one.name in named)
    return content.model_copy(update={"routes": routes, "backends": backends, "tenants": ()})
