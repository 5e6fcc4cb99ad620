"""Course: how far a Rollout has come, what was decided on the way and why."""

from enum import StrEnum
from typing import Any

from pydantic import AwareDatetime, Field, field_validator

from control_plane.spec.base import Spec
from control_plane.spec.prompts import PinnedPrompt, reference
from control_plane.spec.rollouts import Step
from control_plane.spec.versions import PinnedModel


class Phase(StrEnum):
    """All states that there are."""

    PENDING = "pending"
    """Not begun: it waits for a change that it follows, or for what stands in its way."""
    PROGRESSING = "progressing"
    """It goes from one step to the next."""
    ANALYSING = "analysing"
    PAUSED = "paused"
    """At a pause of its own, by somebody's command, or because nobody but somebody else may write its Route."""
    MIRRORING = "mirroring"
    PROMOTED = "promoted"
    """Its Route says now what the candidate did."""
    ROLLED_BACK = "rolled-back"
    """The candidate did harm."""
    ABORTED = "aborted"
    """Somebody took it back."""
    FAILED = "failed"
    """The change could not be written."""

    @property
    def over(self) -> bool:
        """Whether nothing comes after it, but a changed document or another change."""
        return self in (Phase.PROMOTED, Phase.ROLLED_BACK, Phase.ABORTED, Phase.FAILED)


class Command(StrEnum):
    """What somebody may tell a Rollout."""

    PROMOTE = "promote"
    PAUSE = "pause"
    RESUME = "resume"
    ABORT = "abort"


class Standing(StrEnum):
    """What is shown of a guardrail."""

    HOLDS = "holds"
    """The candidate is worse by less than the margin, if at all."""
    BROKEN = "broken"
    OPEN = "open"


class Why(StrEnum):
    """Why something is decided: a closed list."""

    BEGUN = "begun"
    """There is something to carry out, and nothing in its way."""
    STEP_DONE = "step-done"
    TIME_OVER = "time-over"
    SHOWN = "shown"
    """Every guardrail is shown to hold."""
    GUARDRAIL_BROKEN = "guardrail-broken"
    MISMATCH = "mismatch"
    """Units do not come in the shares that they should have: nothing that was measured can be believed."""
    STEPS_DONE = "steps-done"
    COMMANDED = "commanded"
    BLOCKED = "blocked"
    """What it would do next is refused."""
    ANOTHER_CHANGE = "another-change"
    """The alias that it follows leads to yet another version."""
    RESTORED = "restored"
    """The documents of an older snapshot were restored, and nothing begins or goes on by that."""


class Reason(Spec):
    """Why something was decided."""

    code: Why
    text: str


class Guarded(Spec):
    """A guardrail, and what is shown of it so far."""

    metric: str
    standing: Standing = Standing.OPEN
    text: str = ""
    """Both arms' values, the difference and its interval; empty while nothing is known."""


class Evidence(Spec):
    """What is known of a Rollout at one moment. It may be looked at as often as one likes."""

    guardrails: tuple[Guarded, ...] = ()
    doubt: str | None = None
    """Why nothing of it can be believed: units that did not come in the shares that they should have."""
    units: dict[str, int] = Field(default_factory=dict)
    """Arm -> units."""


Pinned = PinnedPrompt | PinnedModel
"""What an alias leads to."""


class Following(Spec):
    """A change that a Rollout with `onChange` carries out: an alias that leads to another version."""

    reference: str
    """The alias as documents name it: `support@production` of a prompt, `models:/support@production` of a model."""
    stable: Pinned
    """What stands there until the candidate is promoted."""
    candidate: Pinned
    back: bool = False
    """Whether it is held back rather than carried out: until the alias is moved again."""

    def __str__(self) -> str:
        change = f"{self.reference}: version {self.stable.version} -> {self.candidate.version}"
        return f"{change}, held back" if self.back else change


class Course(Spec):
    """How far a Rollout has come. All that decides what comes next, beside its document and the evidence."""

    spec: str
    """sha256 of what the document says: another spec is another course."""
    phase: Phase = Phase.PENDING
    step: int = Field(default=0, ge=0)
    """The step under way, counted from 0; as many as there are once it goes on behind the last."""
    since: AwareDatetime
    """When this step began; later by what it was paused."""
    paused_at: AwareDatetime | None = None
    """Since when somebody holds it."""
    weight: float = Field(default=0, ge=0, le=100)
    """The candidate's share of the units, in percent."""
    mirror: float = Field(default=0, ge=0, le=100)
    """Of the stable arm's requests of which the candidate sees a copy, in percent."""
    following: tuple[Following, ...] = ()
    """By reference, each once."""
    problem: str | None = None
    """What stands in its way."""
    refused: int | None = None
    """The snapshot over which what comes next was refused: until there is another, it would be again."""

    @field_validator("following", mode="before")
    @classmethod
    def _from_one_prompt(cls, value: Any) -> Any:
        """Databases keep courses from when a Rollout followed nothing but its Route's prompt."""
        if isinstance(value, dict):
            said = value["said"]
            name = reference(said["name"], said.get("alias"), said.get("version"))
            return ({"reference": name, "stable": value["stable"], "candidate": value["candidate"]},)
        return () if value is None else value

    @property
    def under_way(self) -> bool:
        """Whether its Route has its arms."""
        return self.phase not in (Phase.PENDING, *_OVER)


_OVER = tuple(phase for phase in Phase if phase.over)


class Decision(Spec):
    """One thing that was decided of a Rollout."""

    at: AwareDatetime
    by: str
    phase: Phase
    """From now on."""
    step: int
    weight: float
    snapshot: int | None
    """In force from now on."""
    reasons: tuple[Reason, ...]


class RolloutStatus(Spec):
    """A Rollout as people look at it."""

    name: str
    namespace: str
    route: str
    phase: Phase
    step: int
    steps: tuple[Step, ...]
    since: AwareDatetime | None = None
    """When its step began; None before the first."""
    weight: float = 0
    mirror: float = 0
    paused: bool = False
    """By somebody's command."""
    following: str | None = None
    """What it carries out, where it follows changes: `support@production: version 3 -> 4`."""
    problem: str | None = None
    evidence: Evidence = Evidence()
    history: tuple[Decision, ...] = ()
    """Newest first."""
