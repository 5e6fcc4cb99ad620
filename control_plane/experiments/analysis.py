"""Analysis: an Experiment's document and what was counted of it -> what that shows. Pure."""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from control_plane import designs
from control_plane.designs import Asked
from control_plane.spec.documents import Experiment
from control_plane.spec.experiments import ExperimentSpec
from control_plane.spec.results import Compared, Concluded, Counted, Point, Results
from control_plane.stats.analyse import Analysis, analyse
from control_plane.stats.comparison import Comparison
from control_plane.stats.design import Role
from control_plane.stats.period import Period
from control_plane.stats.verdict import Code, Why


class Made(NamedTuple):
    """An analysis, and what was asked."""

    asked: Asked
    analysis: Analysis


def make(spec: ExperimentSpec, periods: Sequence[Period], seconds: float) -> Made | None:
    """What these numbers show, so many seconds after the start; None where there is nothing to be shown yet."""
    asked = designs.of_experiment(spec)
    usable = asked.usable(periods) if asked else []
    return Made(asked, analyse(asked.design, usable, seconds)) if asked and usable else None


def results(
    experiment: Experiment, made: Made | None, weights: Mapping[str, float], since: datetime | None, now: datetime
) -> Results:
    """The same as people read it. `weights` are those in force, `since` is when what is compared began."""
    said = {
        "name": experiment.metadata.name,
        "namespace": experiment.metadata.namespace,
        "route": experiment.spec.route,
        "state": experiment.spec.state,
        "at": now,
        "since": since,
    }
    if made is None:
        asks = designs.of_experiment(experiment.spec) is not None
        why = "no request has reached its arms" if asks else "it measures nothing: give it metrics"
        verdict = Concluded(code=Code.CANNOT_SAY, why=Why.NO_UNITS, text=f"Nothing can be said: {why}.", at=now)
        return Results(**said, arms=_counted(experiment.spec, weights, {}, {}), verdict=verdict)
    found = made.analysis
    return Results(
        **said,
        arms=_counted(experiment.spec, weights, found.mismatch.seen, found.mismatch.expected),
        mismatchP=_finite(found.mismatch.p),
        verdict=_concluded(found, now),
        comparisons=tuple(_compared(each, made.asked) for each in found.comparisons),
    )


def points(found: Results) -> tuple[Point, ...]:
    """What a chart shows of this moment."""
    return tuple(
        Point(
            at=found.at,
            metric=one.metric,
            role=one.role,
            arm=one.arm,
            difference=one.difference,
            low=one.low,
            high=one.high,
        )
        for one in found.comparisons
        if one.role != Role.SECONDARY
    )


def _counted(
    spec: ExperimentSpec, weights: Mapping[str, float], seen: Mapping[str, float], expected: Mapping[str, float]
) -> tuple[Counted, ...]:
    return tuple(
        Counted(
            arm=arm.name,
            weight=weights.get(arm.name, arm.weight),
            units=round(seen.get(arm.name, 0)),
            expected=_finite(expected.get(arm.name)),
        )
        for arm in spec.arms
    )


def _concluded(analysis: Analysis, now: datetime) -> Concluded:
    verdict = analysis.verdict
    left = _finite(verdict.seconds_left)
    return Concluded(code=verdict.code, arm=verdict.arm, why=verdict.why, text=analysis.words, secondsLeft=left, at=now)


def _compared(found: Comparison, asked: Asked) -> Compared:
    question, alpha = found.question, asked.design.alpha
    fixed_low, fixed_high = found.fixed.interval(alpha)
    numbers = {
        "control": found.control.value,
        "treated": found.treated.value,
        "difference": found.difference,
        "low": found.interval[0],
        "high": found.interval[1],
        "relativeLow": found.relative[0],
        "relativeHigh": found.relative[1],
        "p": found.p,
        "pAdjusted": found.p_adjusted,
        "fixedLow": fixed_low,
        "fixedHigh": fixed_high,
        "fixedP": found.fixed.p(),
    }
    return Compared.model_validate(
        {
            "metric": asked.needed[question.metric].name,
            "kind": question.kind,
            "role": question.role,
            "goal": question.goal,
            "arm": found.arm,
            "standing": found.standing,
            **{name: _finite(value) for name, value in numbers.items()},
        }
    )


def _finite(value: object) -> float | None:
    """A number that JSON can say."""
    number = None if value is None else float(value)  # type: ignore[arg-type]  # numpy's scalars
    return number if number is not None and math.isfinite(number) else None
