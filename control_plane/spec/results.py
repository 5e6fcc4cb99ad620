"""Results: what an Experiment has shown so far, as people and programs read it, and what it takes to show more."""

from typing import Annotated

from pydantic import AwareDatetime, Field

from control_plane.spec.base import Spec
from control_plane.spec.experiments import State

Finite = float | None
"""None where there is no number, or none that is finite."""


class Compared(Spec):
    """One metric of one arm beside the control's, in the metric's own unit. Intervals and p-values are anytime-valid:
    looking often does no harm."""

    metric: str
    kind: str
    role: str
    """primary, secondary or guardrail."""
    goal: str
    arm: str
    control: Finite
    treated: Finite
    difference: Finite
    low: Finite
    high: Finite
    relative_low: Finite
    """Of the difference as a share of the control's value."""
    relative_high: Finite
    p: Finite
    p_adjusted: Finite
    """With all primary metrics and arms in mind."""
    fixed_low: Finite
    """What a single look, planned before, would say: wrong too often for who looks twice."""
    fixed_high: Finite
    fixed_p: Finite
    standing: str
    """better, worse, same, not-worse or open."""


class Concluded(Spec):
    """A verdict: what may be concluded, now and at any time."""

    code: str
    """winner, no-difference, guardrail-broken, mismatch, keep-going or cannot-say."""
    arm: str | None = None
    """The winner, or the arm that broke a guardrail."""
    why: str | None = None
    """Why nothing can be said."""
    text: str
    """In one sentence."""
    seconds_left: Finite = None
    at: AwareDatetime


class Counted(Spec):
    """The units of one arm."""

    arm: str
    weight: float
    """In force now."""
    units: int
    expected: Finite = None
    """How many it should have, of as many as there are."""


class Point(Spec):
    """A difference and its interval at one moment, of a metric that decides or is guarded."""

    at: AwareDatetime
    metric: str
    role: str
    """primary or guardrail: a metric may be both, with an interval each."""
    arm: str
    difference: Finite
    low: Finite
    high: Finite


class Results(Spec):
    """All that is known of an Experiment."""

    name: str
    namespace: str
    route: str
    state: State
    at: AwareDatetime
    since: AwareDatetime | None = None
    """When what is compared began to run."""
    arms: tuple[Counted, ...]
    """The first is the control."""
    mismatch_p: Finite = None
    """Anytime-valid, of the arms' shares being what they should be."""
    verdict: Concluded
    comparisons: tuple[Compared, ...] = ()
    history: tuple[Concluded, ...] = ()
    """Changes of the verdict, newest first."""
    course: tuple[Point, ...] = ()
    """How differences and intervals came about, oldest first."""


class Baseline(Spec):
    """What is known of a metric before the start, for planning."""

    metric: str
    value: float
    """Of the control, in the metric's unit."""
    deviation: Annotated[float | None, Field(gt=0)] = None
    """Over units; of a quantile, of the values' logarithm. Of a proportion it follows from the value, and of errors and
    the like as if each unit made one request."""


class Planned(Spec):
    """What it takes to decide about one metric: to find the minimum effect of a primary one, or to show that a
    guardrail holds. Units are those of all arms together."""

    metric: str
    role: str
    effect: Finite = None
    """In the metric's unit."""
    units: Finite = None
    """By then, all but a share 1 - power of such experiments are decided, looking at any time. None: it cannot be
    decided, or nothing is known of the metric."""
    usual_units: Finite = None
    """By then half of them are."""
    fixed_units: Finite = None
    """With one look at the end, and none before."""
    days: Finite = None
    """None where `plan.unitsPerDay` is not said."""
    text: str = ""
    """What is missing."""


class Plans(Spec):
    """The plan of an Experiment: for each primary metric and guardrail."""

    items: tuple[Planned, ...]
    units: Finite
    """For all primary metrics."""
    days: Finite = None
