"""Rollout: a change of a Route that is carried out step by step, and taken back once it does harm."""

from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from control_plane.spec import metrics
from control_plane.spec.arms import BY_REQUEST, Override, Percent, Salt, Unit
from control_plane.spec.base import Spec
from control_plane.spec.metrics import Guardrail, Metric
from control_plane.spec.names import Name

STABLE, CANDIDATE = "stable", "candidate"
"""Its two arms; the first is the control."""

_MOST_MINUTES = 30 * 24 * 60


class Analysis(Spec):
    """Wait until every guardrail is shown to hold; go back as soon as one is shown broken."""

    minutes: float = Field(gt=0, le=_MOST_MINUTES)
    """At least so long, also where it is shown before."""


class Pause(Spec):
    """Wait for somebody to promote it."""

    minutes: float | None = Field(default=None, gt=0, le=_MOST_MINUTES)
    """Go on by itself after so long; never, where it is left out."""


class MirrorStep(Spec):
    """The candidate answers copies of requests, and nobody sees its answers: it warms up, and what fails shows."""

    minutes: float = Field(gt=0, le=_MOST_MINUTES)
    percent: float = Field(default=10, gt=0, le=100)
    """Of the stable arm's requests."""


class Step(Spec):
    """One thing to do. Exactly one field is given."""

    set_weight: Percent | None = None
    """The candidate's share of the units, in percent."""
    analysis: Analysis | None = None
    pause: Pause | None = None
    mirror: MirrorStep | None = None

    @model_validator(mode="after")
    def _one_thing(self) -> Self:
        if len(self.model_dump(exclude_none=True)) != 1:
            raise ValueError("must be exactly one of setWeight, analysis, pause and mirror")
        return self


class Changed(StrEnum):
    """What may move under a Route."""

    PROMPT = "prompt"
    """The alias that its prompt follows."""
    MODEL = "model"
    """The aliases of the model registry that the Models of its tiers follow."""


class RolloutSpec(Spec):
    """What a Rollout says."""

    route: Name
    unit: Unit = BY_REQUEST
    """A request without its unit is answered by the stable arm, and not counted."""
    salt: Salt | None = None
    """As an Experiment's."""
    override: Override | None = None
    """What the candidate does otherwise than the Route."""
    on_change: tuple[Changed, ...] = ()
    """In place of `override`: each change of this is carried out by these steps, instead of at once."""
    steps: tuple[Step, ...] = Field(min_length=1, max_length=100)
    """After the last one the candidate is promoted."""
    metrics: tuple[Metric, ...] = Field(default=(), max_length=50)
    guardrails: tuple[Guardrail, ...] = Field(default=(), max_length=50)
    alpha: float = Field(default=0.05, gt=0, lt=0.5)
    """Most that the chance of going back without cause, or on with harm, may be."""

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if (self.override is None) == (not self.on_change):
            raise ValueError("exactly one of override and onChange must be given")
        if self.override is not None and not any(self.override.says()):
            raise ValueError("override: says nothing: name what changes")
        return self

    @model_validator(mode="after")
    def _goes_forward(self) -> Self:
        weight = 0.0
        for index, step in enumerate(self.steps):
            where = f"steps[{index}]"
            if step.set_weight is not None:
                if step.set_weight < weight:
                    raise ValueError(f"{where}.setWeight: {step.set_weight:g} is below the {weight:g} before it")
                weight = step.set_weight
            if step.mirror and weight:
                raise ValueError(f"{where}.mirror: the candidate answers callers by then: move it before setWeight")
            if step.analysis and not self.guardrails:
                raise ValueError(f"{where}.analysis: there is nothing to show: add guardrails")
            if step.analysis and not weight:
                raise ValueError(f"{where}.analysis: no request reaches the candidate yet: set a weight before it")
        return self

    @model_validator(mode="after")
    def _measures_what_it_guards(self) -> Self:
        metrics.check(self.metrics, self.guardrails)
        return self

    def overrides(self) -> dict[str, Override]:
        """What the candidate does otherwise, by the place where the document says so."""
        return {"override": self.override} if self.override else {}
