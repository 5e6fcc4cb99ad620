"""ScalingPolicies: what they may say, and that each fits a Model which nobody else scales."""

from typing import Any

import pytest

from control_plane.spec.compile import compile
from control_plane.spec.documents import ScalingPolicy, parse
from control_plane.spec.errors import TiermeshError
from control_plane.spec.scaling import Signal
from tests.unit.control_plane.samples import generating, model, parsed, policy, shop

WINDOW = {"start": "0 8 * * 1-5", "end": "0 20 * * 1-5", "timezone": "Europe/Berlin", "min": 2}


def test_a_policy_says_how_much_to_run_and_when() -> None:
    read = parse(policy(min=0, schedule=[WINDOW], cooldownSeconds=60))
    assert isinstance(read, ScalingPolicy)
    assert (read.spec.min, read.spec.max, read.spec.signals[0].metric) == (0, 4, Signal.CONCURRENCY)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"min": 5}, r"min \(5\) must not be greater than max \(4\)"),
        ({"signals": []}, "at least one of signals and schedule"),
        ({"signals": [{"metric": "cpu", "target": 60}], "min": 0}, "'concurrency' or 'queue'"),
        ({"signals": [{"metric": "cpu", "target": 160}]}, "in percent: write 100 or less"),
        ({"signals": [{"metric": "queue", "target": 1}, {"metric": "queue", "target": 2}]}, "keep one"),
        ({"signals": [{"metric": "quue", "target": 1}]}, "'queue'"),
        ({"schedule": [{**WINDOW, "min": 9}]}, r"schedule\[0\].min \(9\) must lie between min and max"),
        ({"schedule": [{**WINDOW, "timezone": "Europe/Berlin "}]}, "pattern"),
        ({"schedule": [{**WINDOW, "end": WINDOW["start"]}]}, "write another end"),
        ({"schedule": [{**WINDOW, "start": "at eight"}]}, "pattern"),
        ({"model": "assistant:legal"}, "pattern"),
    ],
)
def test_a_policy_that_says_nothing_sensible_is_refused(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(TiermeshError, match=why):
        parse(policy(**changes))


def test_routers_see_nothing_of_a_policy() -> None:
    assert compile(parsed(*shop(), policy())) == compile(parsed(*shop()))


ELSEWHERE = model("far", engine="openai", source=None, faq=None, url="http://h/v1")


@pytest.mark.parametrize(
    ("documents", "field", "why"),
    [
        ([policy(model="assistent")], "ScalingPolicy/evenings.spec.model", "did you mean 'assistant'?"),
        ([ELSEWHERE, policy(model="far")], "ScalingPolicy/evenings.spec.model", "whoever runs it scales it"),
        ([policy("a"), policy("b")], "ScalingPolicy/b.spec.model", "has ScalingPolicy 'a' already: keep one"),
    ],
)
def test_a_policy_that_fits_no_model_is_refused(documents: list[dict[str, Any]], field: str, why: str) -> None:
    with pytest.raises(TiermeshError) as refused:
        compile(parsed(*shop(), *documents))
    (wrong,) = refused.value.errors
    assert (wrong.field, why in wrong.message) == (field, True)


def test_a_model_that_only_a_cluster_runs_is_refused_until_its_operator_says_where() -> None:
    forecast = model("forecast", engine="triton", source="s3://m/f", faq=None)
    with pytest.raises(TiermeshError, match="nothing here runs engine 'triton': give url, or apply it to a cluster"):
        compile(parsed(forecast))
    forecast["spec"]["url"] = "http://forecast.default.svc:8000"
    (backend,) = compile(parsed(forecast)).backends
    assert backend.urls == ("http://forecast.default.svc:8000",)


def test_a_model_with_a_url_is_asked_there_and_by_its_own_name() -> None:
    there = generating(url="http://a.team.svc/v1", generation=None, adapters=[{"name": "legal", "source": "file:///l"}])
    there["metadata"]["namespace"] = "team"
    found = {backend.name: backend for backend in compile(parsed(there)).backends}
    assert {(name, one.served_name, one.urls) for name, one in found.items()} == {
        ("team/assistant", "assistant", ("http://a.team.svc/v1",)),
        ("team/assistant:legal", "assistant:legal", ("http://a.team.svc/v1",)),
    }


def test_how_a_cluster_runs_a_model_does_not_change_its_answers() -> None:
    _, assistant, shops = shop()
    said = generating(kubernetes={"runtime": "ray", "nodeSelector": {"pool": "gpu"}})
    assert compile(parsed(model(), assistant, shops)) == compile(parsed(model(), said, shops))
