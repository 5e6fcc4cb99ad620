"""What was counted becomes what it shows; without numbers, nothing is claimed."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from control_plane import designs
from control_plane.experiments import analysis
from control_plane.rollouts.evidence import evidence
from control_plane.spec.courses import Standing
from control_plane.spec.documents import Experiment, Rollout, parse
from control_plane.spec.results import Results
from control_plane.stats.design import Role
from control_plane.stats.moments import Moments
from control_plane.stats.period import Period, Sample
from tests.unit.control_plane.samples import experiment, rollout

_BEGAN = datetime(2026, 11, 22, tzinfo=UTC)
_RESOLVED = {"name": "resolved", "kind": "proportion", "of": "outcome", "outcome": "resolved", "goal": "increase"}
_GUARD = {"metric": "errors", "margin": {"absolute": 0.02}}
_ARMS = ("control", "candidate")


def _experiment(**spec: Any) -> Experiment:
    metrics = [_RESOLVED | {"primary": True, "minimumEffect": {"absolute": 0.02}}]
    said: dict[str, Any] = {"metrics": metrics, "guardrails": [_GUARD]} | spec
    document = parse(experiment(**said))
    assert isinstance(document, Experiment)
    return document


def _share(rate: float, units: int) -> Sample:
    hits = round(rate * units)
    return Sample(Moments.from_arrays(np.repeat([1.0, 0.0], [hits, units - hits])))


def _period(units: int, resolved: tuple[float, float], errors: tuple[float, float], **more: Any) -> Period:
    """Each arm's share of units that were resolved, and of requests that failed."""
    samples = {
        arm: {"resolved": _share(good, units), "errors": _share(bad, units)}
        for arm, good, bad in zip(more.get("arms", _ARMS), resolved, errors, strict=True)
    }
    shares = more.get("shares") or dict.fromkeys(samples, 1.0)
    return Period(shares, dict.fromkeys(samples, float(units)), samples)


def _results(*periods: Period, **spec: Any) -> Results:
    later, asking = _BEGAN + timedelta(hours=1), _experiment(**spec)
    return analysis.results(asking, analysis.make(asking.spec, periods, 3600), {}, _BEGAN, later)


def test_a_clear_winner_is_told_with_both_values_and_the_interval() -> None:
    found = _results(_period(20_000, (0.5, 0.56), (0.01, 0.01)))
    assert (found.verdict.code, found.verdict.arm) == ("winner", "candidate")
    assert "resolved 56% against 50%" in found.verdict.text
    resolved = found.comparisons[0]
    assert (resolved.metric, resolved.role, resolved.standing) == ("resolved", "primary", "better")
    assert resolved.low is not None and resolved.high is not None
    assert 0 < resolved.low < 0.06 < resolved.high
    assert [(one.arm, one.units, one.weight) for one in found.arms] == [(arm, 20_000, 1) for arm in _ARMS]


@pytest.mark.parametrize(
    ("period", "code"),
    [
        (_period(500, (0.5, 0.5), (0.01, 0.01)), "keep-going"),
        (_period(20_000, (0.5, 0.5), (0.01, 0.06)), "guardrail-broken"),
        (_period(20_000, (0.5, 0.56), (0.01, 0.01), shares={"control": 1, "candidate": 2}), "mismatch"),
        (Period({}, {}, {}), "cannot-say"),
    ],
)
def test_each_verdict_is_one_of_a_closed_list_and_a_sentence(period: Period, code: str) -> None:
    found = _results(period)
    assert found.verdict.code == code
    assert found.verdict.text.endswith(".")


def test_an_experiment_that_measures_nothing_says_so() -> None:
    assert "give it metrics" in _results(metrics=[], guardrails=[]).verdict.text


def test_what_a_chart_shows_decides_or_is_guarded() -> None:
    shown = analysis.points(_results(_period(500, (0.5, 0.5), (0.01, 0.01)), metrics=[_RESOLVED]))
    assert [point.metric for point in shown] == ["errors"]


def test_a_metric_that_decides_and_is_guarded_is_asked_about_twice() -> None:
    guard = {"metric": "resolved", "margin": {"absolute": 0.01}}
    asked = designs.of_experiment(_experiment(guardrails=[guard]).spec)
    assert asked is not None
    questions = asked.design.questions
    assert [(one.metric, one.role) for one in questions] == [
        ("resolved", Role.PRIMARY),
        ("resolved guardrail", Role.GUARDRAIL),
    ]
    assert {metric.name for metric in asked.needed.values()} == {"resolved"}
    assert [one.margin.value for one in questions if one.margin] == [0.02, 0.01]


def test_what_a_judge_marks_decides_as_any_other_metric_does() -> None:
    judge = {"model": "assistant", "rubric": "Is it kind?"}
    marked = {"name": "kind", "kind": "mean", "of": "judge", "goal": "increase", "judge": judge, "primary": True}
    asked = designs.of_experiment(_experiment(metrics=[marked], guardrails=[]).spec)
    assert asked is not None
    assert [(one.metric, one.kind, one.role) for one in asked.design.questions] == [("kind", "ratio", Role.PRIMARY)]


def _rollout(**spec: Any) -> Rollout:
    document = parse(rollout(**{"guardrails": [_GUARD]} | spec))
    assert isinstance(document, Rollout)
    return document


@pytest.mark.parametrize(
    ("units", "errors", "standing"),
    [
        (30, (0.0, 0.0), Standing.OPEN),
        (20_000, (0.01, 0.01), Standing.HOLDS),
        (20_000, (0.01, 0.06), Standing.BROKEN),
    ],
)
def test_a_guardrail_is_open_until_it_is_shown_to_hold_or_to_be_broken(
    units: int, errors: tuple[float, float], standing: Standing
) -> None:
    period = _period(units, (0, 0), errors, arms=("stable", "candidate"))
    found = evidence(_rollout().spec, [period])
    assert [guarded.standing for guarded in found.guardrails] == [standing]
    assert found.units == {"stable": units, "candidate": units}


def test_without_numbers_every_guardrail_is_open() -> None:
    for periods in ([], [Period({}, {}, {})], [Period({"stable": 100, "candidate": 0}, {"stable": 5}, {})]):
        assert [guarded.standing for guarded in evidence(_rollout().spec, periods).guardrails] == [Standing.OPEN]


def test_units_that_do_not_come_in_their_shares_are_doubted() -> None:
    shares = {"stable": 95.0, "candidate": 5.0}
    period = _period(20_000, (0, 0), (0.01, 0.01), arms=("stable", "candidate"), shares=shares)
    assert evidence(_rollout().spec, [period]).doubt


def test_weights_of_units_that_come_again_share_the_error_that_is_allowed() -> None:
    steps = [{"setWeight": 5}, {"pause": {}}, {"setWeight": 20}]
    alphas = [designs.of_rollout(_rollout(steps=steps, unit=unit).spec) for unit in ({"request": True}, {"field": "u"})]
    assert [asked.design.alpha for asked in alphas if asked] == [0.05, 0.025]


@pytest.mark.parametrize(("unit", "kind"), [({"request": True}, "proportion"), ({"field": "user"}, "ratio")])
def test_where_each_unit_is_one_request_its_errors_are_tested_exactly(unit: dict[str, Any], kind: str) -> None:
    asked = designs.of_rollout(_rollout(unit=unit).spec)
    assert asked is not None
    assert [one.kind.value for one in asked.design.questions] == [kind]
    assert [one.kind.value for one in asked.needed.values()] == [kind]
