"""Experiments and Rollouts as people write them: what is refused, and what each error tells them to do."""

from typing import Any

import pytest

from control_plane.spec.documents import Experiment, dump, parse
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.events import Exposure, Feedback, unit_hash
from control_plane.spec.metrics import BUILT_IN, known
from tests.unit.control_plane.samples import experiment, rollout

_ARMS: list[dict[str, Any]] = [{"name": "control"}, {"name": "candidate"}]
_RESOLVED = {"name": "resolved", "kind": "proportion", "of": "outcome", "outcome": "resolved", "goal": "increase"}
_JUDGED = {"name": "kind", "kind": "mean", "of": "judge", "goal": "increase", "judge": {"model": "jury"}}
_WHOLE: dict[str, Any] = {
    "unit": {"field": "metadata.session_id"},
    "salt": "again",
    "traffic": {"layer": "wording", "from": 20, "percent": 30},
    "targeting": {"tenants": ["acme"], "headers": {"x-country": ["de", "at"]}, "fields": {"user": ["1"]}},
    "forced": {"candidate": ["tester-1"]},
    "arms": [
        {"name": "control", "weight": 50},
        {
            "name": "candidate",
            "weight": 50,
            "override": {
                "prompt": {"name": "shop", "alias": "next"},
                "tiers": {"heavy": ["assistant:polite"]},
                "sampling": {"temperature": 0.2, "topP": 0.9, "maxTokens": 100},
                "complexity": {"threshold": 0.5},
                "cache": {"exact": {"enabled": False}},
            },
        },
    ],
    "allocation": {"kind": "bandit", "floor": 0.1},
    "metrics": [
        {**_RESOLVED, "primary": True, "minimumEffect": {"absolute": 0.01}},
        {
            "name": "value",
            "kind": "ratio",
            "of": "outcome",
            "outcome": "order_value",
            "per": {"of": "outcome", "outcome": "click"},
            "goal": "increase",
        },
        {"name": "p99", "kind": "quantile", "of": "latency", "quantile": 0.99, "goal": "decrease"},
        {
            "name": "polite",
            "kind": "mean",
            "of": "judge",
            "goal": "increase",
            "judge": {"model": "assistant", "rubric": "Is it polite?", "percent": 5.0, "constrained": True},
        },
    ],
    "guardrails": [{"metric": "errors", "margin": {"absolute": 0.002}}, {"metric": "p99", "margin": {"relative": 0.1}}],
    "plan": {"alpha": 0.05, "power": 0.9, "unitsPerDay": 2000},
    "state": "draft",
}


def test_a_document_that_says_everything_is_dumped_as_it_was_written() -> None:
    written = experiment(**_WHOLE)
    assert dump(parse(written)) == written


def test_an_arm_says_which_fields_of_its_route_it_overrides() -> None:
    found = parse(experiment(**_WHOLE))
    assert isinstance(found, Experiment)
    control, candidate = (list(arm.override.says()) for arm in found.spec.arms)
    sampling = ["sampling.temperature", "sampling.topP", "sampling.maxTokens"]
    assert (control, candidate) == ([], ["prompt", "tiers", "complexity", "cache", *sampling])


@pytest.mark.parametrize(
    ("spec", "field", "cure"),
    [
        ({"arms": _ARMS[:1]}, "spec.arms", "at least 2"),
        ({"arms": [_ARMS[0], _ARMS[0]]}, "spec", "arms: two have one name: give each its own"),
        ({"arms": [{**arm, "weight": 0} for arm in _ARMS]}, "spec", "at least one needs a weight above 0"),
        ({"arms": [_ARMS[0], {"name": "B"}]}, "spec.arms[1].name", "match pattern"),
        ({"arms": [_ARMS[0], {"name": "b", "overide": {}}]}, "spec.arms[1]", "did you mean 'override'?"),
        ({"arms": [_ARMS[0], {"name": "b", "override": {"model": "x"}}]}, "spec.arms[1].override", "tiers"),
        ({"unit": {}}, "spec.unit", "exactly one of header, field, tenant and request"),
        ({"unit": {"header": "x-user", "tenant": True}}, "spec.unit", "exactly one"),
        ({"unit": {"header": "X-User"}}, "spec.unit.header", "match pattern"),
        ({"unit": {"header": "authorization"}}, "spec.unit.header", "holds a secret: write tenant: true"),
        ({"unit": {"field": "a..b"}}, "spec.unit.field", "match pattern"),
        ({"targeting": {"headers": {"cookie": ["a"]}}}, "spec.targeting.headers.cookie.[key]", "holds a secret"),
        ({"targeting": {"headers": {"x-country": []}}}, "spec.targeting.headers.x-country", "at least 1"),
        ({"traffic": {"from": 60, "percent": 50}}, "spec.traffic", "from + percent is 110: a layer ends at 100"),
        ({"traffic": {"percent": 0}}, "spec.traffic.percent", "greater than 0"),
        (
            {"forced": {"candidat": ["t"]}},
            "spec",
            "forced.candidat: there is no such arm; there are",
        ),
        (
            {"forced": {"control": ["t"], "candidate": ["t"]}},
            "spec",
            "is forced into 'control' and into 'candidate'",
        ),
        ({"forced": {"control": [str(number) for number in range(1001)]}}, "spec", "1000 testers fit"),
        ({"allocation": {"floor": 0.1}}, "spec.allocation", "only kind 'bandit' has it"),
        ({"allocation": {"kind": "bandit"}}, "spec", "mark one with primary: true"),
        ({"allocation": {"kind": "bandit", "floor": 0.6}}, "spec", "0.6 for each of 2 arms is above 1"),
        ({"metrics": [_RESOLVED, _RESOLVED]}, "spec", "metrics: two have one name"),
        ({"metrics": [{**_RESOLVED, "outcome": None}]}, "spec.metrics[0]", "outcome is the name that callers report"),
        ({"metrics": [{**_RESOLVED, "of": "errors"}]}, "spec.metrics[0]", "outcome is the name that callers report"),
        ({"metrics": [{**_RESOLVED, "quantile": 0.5}]}, "spec.metrics[0]", "kind 'quantile' needs it, and no other"),
        ({"metrics": [{**_RESOLVED, "kind": "quantile", "quantile": 0.5}]}, "spec.metrics[0]", "has no quantiles"),
        ({"metrics": [{**_RESOLVED, "of": "cost", "outcome": None}]}, "spec.metrics[0]", "'cost' is no share"),
        ({"metrics": [{**_RESOLVED, "per": {"of": "requests"}}]}, "spec.metrics[0]", "only kind 'ratio'"),
        ({"metrics": [{**_RESOLVED, "of": "judge", "outcome": None}]}, "spec.metrics[0]", "'judge' needs it"),
        ({"metrics": [{**_JUDGED, "kind": "ratio"}]}, "spec.metrics[0]", "answers that were judged: write mean"),
        ({"metrics": [{**_RESOLVED, "minimumEffect": {}}]}, "spec.metrics[0].minimumEffect", "exactly one of relative"),
        (
            {"guardrails": [{"metric": "resolvd", "margin": {"absolute": 1}}], "metrics": [_RESOLVED]},
            "spec",
            "guardrails[0].metric: there is no metric 'resolvd'; there are: cache-hits, cost, errors,",
        ),
        ({"guardrails": [{"metric": "errors", "margin": {"absolute": 1}}] * 2}, "spec", "two name one metric"),
    ],
)
def test_a_wrong_experiment_names_the_field_and_the_cure(spec: dict[str, Any], field: str, cure: str) -> None:
    _refused(experiment(**spec), field, cure)


@pytest.mark.parametrize(
    ("spec", "field", "cure"),
    [
        ({"override": None}, "spec", "exactly one of override and onChange must be given"),
        ({"onChange": ["prompt"]}, "spec", "exactly one of override and onChange must be given"),
        ({"override": {}}, "spec", "override: says nothing: name what changes"),
        ({"steps": []}, "spec.steps", "at least 1"),
        ({"steps": [{"setWeight": 5, "pause": {}}]}, "spec.steps[0]", "exactly one of setWeight, analysis, pause"),
        ({"steps": [{"setWeight": 50}, {"setWeight": 5}]}, "spec", "steps[1].setWeight: 5 is below the 50 before it"),
        ({"steps": [{"setWeight": 5}, {"mirror": {"minutes": 1}}]}, "spec", "steps[1].mirror: the candidate answers"),
        ({"steps": [{"setWeight": 5}, {"analysis": {"minutes": 1}}]}, "spec", "steps[1].analysis: there is nothing to"),
        (
            {
                "steps": [{"analysis": {"minutes": 1}}],
                "guardrails": [{"metric": "errors", "margin": {"absolute": 0.01}}],
            },
            "spec",
            "steps[0].analysis: no request reaches the candidate yet",
        ),
    ],
)
def test_a_wrong_rollout_names_the_field_and_the_cure(spec: dict[str, Any], field: str, cure: str) -> None:
    _refused(rollout(**spec), field, cure)


def _refused(data: dict[str, Any], field: str, cure: str) -> None:
    with pytest.raises(TiermeshError) as raised:
        parse(data)
    assert raised.value.code is Code.INVALID_DOCUMENT
    assert field in [wrong.field for wrong in raised.value.errors]
    assert cure in " ".join(wrong.message for wrong in raised.value.errors)


def test_a_document_may_give_a_built_in_metrics_name_to_its_own() -> None:
    own = {"name": "errors", "kind": "proportion", "of": "errors", "goal": "decrease"}
    found = parse(experiment(metrics=[own]))
    assert isinstance(found, Experiment)
    assert known(found.spec.metrics)["errors"] == found.spec.metrics[0] != BUILT_IN["errors"]


def test_a_unit_leaves_the_router_as_a_hash_that_is_the_same_everywhere() -> None:
    assert unit_hash("tester-1") == "f38b9212501f616d"
    assert unit_hash("tester-2") != unit_hash("tester-1")


def test_events_are_read_back_as_they_were_written() -> None:
    at = "2026-01-01T00:00:00Z"
    exposure = Exposure.model_validate(
        {
            "id": "r-1",
            "at": at,
            "route": "shop",
            "snapshot": 1,
            "assignments": [{"trial": "Experiment/team/wording", "arm": "control", "unit": unit_hash("u")}],
            "seconds": 0.5,
            "failed": False,
            "fallback": False,
            "cacheHit": True,
            "status": 200,
        }
    )
    assert Exposure.model_validate_json(exposure.model_dump_json()) == exposure
    with pytest.raises(ValueError, match="exactly one of requestId and unit must be given"):
        Feedback.model_validate({"id": "f-1", "at": at, "name": "click"})
