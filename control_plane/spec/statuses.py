"""Statuses: what the custom resources of a cluster say of themselves. Written by its operator, and by nobody else."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from control_plane.spec.base import Spec

_Counted = Annotated[int, Field(ge=0)]


class Condition(Spec):
    """Something that is true of a custom resource or not, since when, and why."""

    type: str = Field(min_length=1, max_length=316)
    status: Literal["True", "False", "Unknown"]
    reason: str = Field(min_length=1, max_length=1024)
    """One word in CamelCase, for programs."""
    message: str = Field(max_length=32768)
    """A sentence, and the cure where there is one."""
    last_transition_time: AwareDatetime
    """When `status` last became another one."""
    observed_generation: int | None = Field(default=None, ge=0)
    """The generation of which this is said."""


class Status(Spec):
    """What the operator says of a custom resource."""

    observed_generation: _Counted | None = None
    """The generation of which all this is said."""
    conditions: tuple[Condition, ...] = ()
    """Accepted: the control plane has the document. Deployed: what it asks of the cluster runs. Ready: both, and every
    router that is alive serves it."""
    snapshot: _Counted | None = None
    """The first snapshot that holds it as it is written."""
    waiting_for: tuple[str, ...] | None = None
    """Routers that are alive and do not serve that snapshot yet."""
    url: str | None = None
    """Where it answers in the cluster."""


class ModelStatus(Status):
    """What the operator says of a Model."""

    replicas: _Counted | None = None
    """Those that answer."""
    selector: str | None = None
    """A label selector that finds all its pods."""


class TrialStatus(Status):
    """What the operator says of an Experiment or a Rollout, as the control plane decides it."""

    phase: str | None = None
    """Its state: see docs/experiments.md and docs/rollouts.md."""
    decided: str | None = None
    """The last decision, and why."""


class ExperimentStatus(TrialStatus):
    """What the operator says of an Experiment."""

    verdict: str | None = None
    """What is shown so far."""
    arm: str | None = None
    """The arm that the verdict is about."""


class RolloutStatus(TrialStatus):
    """What the operator says of a Rollout."""

    step: _Counted | None = None
    """The step under way, counted from 1."""
    steps: _Counted | None = None
    """How many there are."""
    weight: float | None = None
    """The candidate's share of the units, in percent."""
    mirror: float | None = None
    """Of the stable arm's requests of which the candidate sees a copy, in percent."""
    paused: bool | None = None
    """Whether somebody holds it."""
    problem: str | None = None
    """What stands in its way."""
