"""Designs: what Experiments and Rollouts ask, in the form in which statistics answer it. Pure."""

from collections.abc import Mapping, Sequence

from control_plane.spec import metrics
from control_plane.spec.arms import Unit
from control_plane.spec.experiments import ExperimentSpec
from control_plane.spec.metrics import Guardrail, Measured, Metric
from control_plane.spec.rollouts import CANDIDATE, STABLE, RolloutSpec
from control_plane.stats.design import Design, Goal, Margin, Question, Role
from control_plane.stats.estimate import Kind
from control_plane.stats.period import Period

FLAGS = frozenset({Measured.ERRORS, Measured.FALLBACKS, Measured.CACHE_HITS})
"""0 or 1 for each request."""
_GUARDED = " guardrail"
"""Behind the name of a metric that decides and is guarded as well: statistics asks about each name once."""


class Asked:
    """A design, and the metrics that it needs numbers of, by the names of its questions."""

    def __init__(self, design: Design, needed: Mapping[str, Metric]) -> None:
        self.design = design
        self.needed = needed

    def usable(self, periods: Sequence[Period]) -> list[Period]:
        """Those in which somebody said what shares the arms have."""
        return [period for period in periods if any(period.shares.get(arm) for arm in self.design.arms)]


def of_experiment(spec: ExperimentSpec) -> Asked | None:
    """What an Experiment asks; None where it asks nothing that can be measured."""
    arms = tuple(arm.name for arm in spec.arms)
    return _asked(arms, spec.metrics, spec.guardrails, spec.plan.alpha, spec.unit)


def of_rollout(spec: RolloutSpec) -> Asked | None:
    """What a Rollout asks: whether its guardrails hold.

    Where its units come again, each weight is a comparison of its own (see `control_plane.periods`), and the error that
    is allowed is shared among them.
    """
    weights = len({step.set_weight for step in spec.steps if step.set_weight})
    alpha = spec.alpha if spec.unit.request else spec.alpha / max(weights, 1)
    guarded = {guardrail.metric for guardrail in spec.guardrails}
    named = tuple(metric.model_copy(update={"primary": False}) for metric in spec.metrics if metric.name in guarded)
    return _asked((STABLE, CANDIDATE), named, spec.guardrails, alpha, spec.unit)


def _asked(
    arms: tuple[str, ...], named: Sequence[Metric], guardrails: Sequence[Guardrail], alpha: float, unit: Unit
) -> Asked | None:
    known, guarded = metrics.known(tuple(named)), {guardrail.metric: guardrail for guardrail in guardrails}
    questions: list[Question] = []
    needed: dict[str, Metric] = {}
    for metric in (*named, *(known[name] for name in guarded)):
        for role, margin in _roles(metric, guarded.get(metric.name)):
            name = metric.name + _GUARDED if role is Role.GUARDRAIL and metric.primary else metric.name
            if name not in needed:
                needed[name] = _simplest(metric, unit)
                questions.append(_question(name, needed[name], role, margin))
    if not questions:
        return None
    return Asked(Design(arms, tuple(questions), alpha), needed)


def _roles(metric: Metric, guardrail: Guardrail | None) -> list[tuple[Role, metrics.Margin | None]]:
    found = [(Role.PRIMARY, metric.minimum_effect)] if metric.primary else []
    if guardrail is not None:
        found.append((Role.GUARDRAIL, guardrail.margin))
    return found or [(Role.SECONDARY, metric.minimum_effect)]


def _simplest(metric: Metric, unit: Unit) -> Metric:
    """The same number, by the test that shows it soonest: where each unit is one request, a share of the requests is a
    share of the units, and that is tested exactly from the first one on."""
    share = metric.kind is metrics.Kind.RATIO and metric.of in FLAGS and metric.over.of is Measured.REQUESTS
    return metric.model_copy(update={"kind": metrics.Kind.PROPORTION}) if share and unit.request else metric


def _question(name: str, metric: Metric, role: Role, margin: metrics.Margin | None) -> Question:
    # What outcomes were before a unit's first request takes away what was different about it from the start.
    adjusted = metric.of is Measured.OUTCOME and metric.kind in (metrics.Kind.MEAN, metrics.Kind.RATIO)
    return Question(
        metric=name,
        # Of a judge's marks: their sum over how many there are, whichever units have how many of them.
        kind=Kind.RATIO if metric.judge else Kind(metric.kind.value),
        goal=Goal(metric.goal.value),
        role=role,
        margin=_margin(margin),
        quantile=metric.quantile or 0.95,
        adjusted=adjusted,
    )


def _margin(margin: metrics.Margin | None) -> Margin | None:
    if margin is None:
        return None
    if margin.relative is not None:
        return Margin(margin.relative, relative=True)
    assert margin.absolute is not None  # one of the two is given
    return Margin(margin.absolute)
