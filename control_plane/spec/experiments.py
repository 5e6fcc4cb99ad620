"""Experiment: a question about a Route, and the arms that answer it."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from control_plane.spec import metrics
from control_plane.spec.arms import (
    BY_HEADER,
    Arm,
    ArmName,
    BodyField,
    HeaderName,
    Override,
    Percent,
    Salt,
    Unit,
    UnitId,
)
from control_plane.spec.base import Spec
from control_plane.spec.metrics import Guardrail, Metric
from control_plane.spec.names import Name

ROUNDING = 1e-9
"""Percent by which sums may be off: 33.4 + 66.6 are a little more than 100."""
_Values = Annotated[tuple[UnitId, ...], Field(min_length=1, max_length=1000)]


class State(StrEnum):
    """Whether units are assigned."""

    DRAFT = "draft"
    RUNNING = "running"
    STOPPED = "stopped"


class Traffic(Spec):
    """The part of a layer that an Experiment takes.

    Experiments of one Route and layer share its units without overlapping, so that no unit is in two of them. Layers
    are independent of each other: a unit may be in one Experiment of each.
    """

    layer: Name = "default"
    from_: Percent = Field(default=0, alias="from")
    """Where its segment begins, in percent of the layer's units."""
    percent: float = Field(default=100, gt=0, le=100)
    """How wide it is. Widening it takes new units, and leaves those that are in as they are."""

    @model_validator(mode="after")
    def _within_the_layer(self) -> Self:
        if self.until > 100 + ROUNDING:
            raise ValueError(f"from + percent is {self.until:g}: a layer ends at 100")
        return self

    @property
    def until(self) -> float:
        """Where its segment ends, in percent: 0.1 and 0.2 are 0.3, where the next one may begin."""
        return round(self.from_ + self.percent, 9)


class Targeting(Spec):
    """Which requests take part: those for which all of it holds."""

    tenants: tuple[Name, ...] | None = Field(default=None, min_length=1, max_length=1000)
    """One of these Tenants."""
    headers: dict[HeaderName, _Values] = Field(default_factory=dict, max_length=10)
    """Each of these headers has one of its values."""
    fields: dict[BodyField, _Values] = Field(default_factory=dict, max_length=10)
    """Each of these fields of the body has one of its values; numbers as JSON writes them."""

    @property
    def everybody(self) -> bool:
        """Whether it holds for every request."""
        return self.tenants is None and not self.headers and not self.fields


class AllocationKind(StrEnum):
    """How weights come about."""

    FIXED = "fixed"
    """As the arms say."""
    BANDIT = "bandit"
    """Thompson sampling on the first primary metric: better arms get more."""


class Allocation(Spec):
    """Who decides about weights while it runs."""

    kind: AllocationKind = AllocationKind.FIXED
    floor: float | None = Field(default=None, gt=0, lt=1)
    """Of a bandit: the share that every arm keeps, so that its estimate stays one. 0.05, where it is left out."""

    @model_validator(mode="after")
    def _only_bandits_have_floors(self) -> Self:
        if self.floor is not None and self.kind is not AllocationKind.BANDIT:
            raise ValueError("floor: only kind 'bandit' has it")
        return self

    @property
    def least(self) -> float:
        """The share that every arm keeps under a bandit."""
        return self.floor or 0.05


class Plan(Spec):
    """What the decision may cost in errors, and what is expected."""

    alpha: float = Field(default=0.05, gt=0, lt=0.5)
    """Most that the chance of any false verdict may be, however often somebody looks."""
    power: float = Field(default=0.8, gt=0.5, lt=1)
    """The chance of finding a difference of `minimumEffect`: what the number of units is planned for."""
    units_per_day: float | None = Field(default=None, gt=0)
    """New units to expect, for the days that it will take."""


class ExperimentSpec(Spec):
    """What an Experiment says."""

    route: Name
    unit: Unit = BY_HEADER
    salt: Salt | None = None
    """Another salt deals all units out anew; by default the document's own name."""
    traffic: Traffic = Traffic()
    targeting: Targeting = Targeting()
    forced: dict[ArmName, tuple[UnitId, ...]] = Field(default_factory=dict, max_length=20)
    """Units that get an arm whatever else holds, and are left out of the analysis: testers."""
    arms: tuple[Arm, ...] = Field(min_length=2, max_length=20)
    """The first is the control."""
    allocation: Allocation = Allocation()
    metrics: tuple[Metric, ...] = Field(default=(), max_length=50)
    guardrails: tuple[Guardrail, ...] = Field(default=(), max_length=50)
    plan: Plan = Plan()
    state: State = State.DRAFT

    @model_validator(mode="after")
    def _told_apart(self) -> Self:
        names = [arm.name for arm in self.arms]
        if len(set(names)) < len(names):
            raise ValueError("arms: two have one name: give each its own")
        if not any(arm.weight for arm in self.arms):
            raise ValueError("arms: at least one needs a weight above 0")
        if self.allocation.least * len(names) > 1 and self.allocation.kind is AllocationKind.BANDIT:
            raise ValueError(f"allocation.floor: {self.allocation.least:g} for each of {len(names)} arms is above 1")
        return self

    @model_validator(mode="after")
    def _forced_into_one_arm(self) -> Self:
        names, taken = [arm.name for arm in self.arms], dict[str, str]()
        for arm, units in self.forced.items():
            if arm not in names:
                raise ValueError(f"forced.{arm}: there is no such arm; there are: {', '.join(names)}")
            for unit in units:
                if taken.setdefault(unit, arm) != arm:
                    raise ValueError(f"forced: {unit!r} is forced into {taken[unit]!r} and into {arm!r}: keep one")
        if len(taken) > 1000:
            raise ValueError(f"forced: {len(taken)} units are named; 1000 testers fit")
        return self

    @model_validator(mode="after")
    def _measures_what_it_guards(self) -> Self:
        metrics.check(self.metrics, self.guardrails)
        if self.allocation.kind is AllocationKind.BANDIT and not any(one.primary for one in self.metrics):
            raise ValueError("allocation.kind: a bandit follows a primary metric: mark one with primary: true")
        return self

    @property
    def running(self) -> bool:
        """Whether it assigns units."""
        return self.state is State.RUNNING

    def overrides(self) -> dict[str, Override]:
        """What each arm does otherwise, by the place where the document says so."""
        return {f"arms[{index}].override": arm.override for index, arm in enumerate(self.arms)}
