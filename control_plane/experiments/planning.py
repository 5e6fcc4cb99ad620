"""Planning: how many units and days an Experiment takes, before it starts. Pure."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace

from control_plane import designs
from control_plane.designs import FLAGS, Asked
from control_plane.experiments.analysis import Made
from control_plane.spec import metrics
from control_plane.spec.experiments import ExperimentSpec
from control_plane.spec.metrics import Metric
from control_plane.spec.results import Baseline, Planned, Plans
from control_plane.stats import plan
from control_plane.stats.design import Question, Role
from control_plane.stats.plan import Expected, Needed


def plans(spec: ExperimentSpec, baselines: Iterable[Baseline], made: Made | None = None) -> Plans:
    """For each primary metric and guardrail: from what is known of it, or else from what its control has shown."""
    asked = designs.of_experiment(spec)
    if asked is None:
        return Plans(items=(), units=None)
    expected = _expected(asked, {one.metric: one for one in baselines}, made)
    design = asked.design
    wanted = [question for question in design.questions if question.role is not Role.SECONDARY]
    # What nothing is known of still shares the error that is allowed.
    known = tuple(one if one.metric in expected else replace(one, margin=None) for one in design.questions)
    shares = {arm.name: arm.weight for arm in spec.arms}
    needed = plan.units(replace(design, questions=known), expected, shares, spec.plan.power)
    of = {one.metric: one for one in needed}
    items = tuple(_planned(spec, one, asked.needed[one.metric], of.get(one.metric), expected) for one in wanted)
    primary = [item for item, one in zip(items, wanted, strict=True) if one.role is Role.PRIMARY]
    units = max((item.units or math.inf for item in primary or items), default=math.inf)
    return Plans(items=items, units=_finite(units), days=_days(spec, units))


def _expected(asked: Asked, said: Mapping[str, Baseline], made: Made | None) -> dict[str, Expected]:
    found = {}
    for question in asked.design.questions:
        metric = asked.needed[question.metric]
        known = _said(metric, said[metric.name]) if metric.name in said else _shown(question, made)
        if known is not None:
            found[question.metric] = known
    return found


def _said(metric: Metric, baseline: Baseline) -> Expected | None:
    deviation = baseline.deviation
    if deviation is None and metric.kind is metrics.Kind.RATIO and metric.of in FLAGS and 0 <= baseline.value <= 1:
        # As if each unit made one request.
        deviation = math.sqrt(baseline.value * (1 - baseline.value))
    if metric.kind is metrics.Kind.PROPORTION:
        return Expected(baseline.value) if 0 < baseline.value < 1 else None
    return Expected(baseline.value, deviation) if deviation else None


def _shown(question: Question, made: Made | None) -> Expected | None:
    """What its control has shown. Of a quantile it is not known how its values vary."""
    if made is None or question.kind.value == metrics.Kind.QUANTILE:
        return None
    for one in made.analysis.comparisons:
        if one.question.metric == question.metric and one.control.variance > 0:
            return Expected(float(one.control.value), math.sqrt(float(one.control.variance * one.control.units)))
    return None


def _planned(
    spec: ExperimentSpec, question: Question, metric: Metric, needed: Needed | None, expected: Mapping[str, Expected]
) -> Planned:
    if question.margin is None:
        return Planned(metric=metric.name, role=question.role, text="give it a minimumEffect")
    margin, value = question.margin, expected.get(question.metric)
    # As if each unit made one request: of so many units one is judged.
    units = 100 / metric.judge.percent if metric.judge and metric.judge.percent else 1.0
    if needed is None or value is None:
        deviation = "" if metric.kind is metrics.Kind.PROPORTION else "±DEVIATION"
        return Planned(metric=metric.name, role=question.role, text=f"give --baseline {metric.name}=VALUE{deviation}")
    return Planned(
        metric=metric.name,
        role=question.role,
        effect=margin.value * abs(value.value) if margin.relative else margin.value,
        units=_finite(units * needed.most),
        usualUnits=_finite(units * needed.usual),
        fixedUnits=_finite(units * needed.fixed),
        days=_days(spec, units * needed.most),
        text="" if math.isfinite(needed.most) else "no number of units shows it",
    )


def _days(spec: ExperimentSpec, units: float) -> float | None:
    """None where nobody says how many units come a day."""
    a_day = spec.plan.units_per_day
    share = spec.traffic.percent / 100
    return plan.days(units, a_day * share) if a_day and math.isfinite(units) else None


def _finite(value: float) -> float | None:
    return float(math.ceil(value)) if math.isfinite(value) else None
