"""What live objects say of themselves."""

import copy
from typing import Any

import pytest

from operators.render import Object, Readiness, Rendered, readiness, render_model, render_route
from tests.unit.operators.render.samples import (
    BARE,
    EVERYTHING,
    FAQ,
    PLAIN,
    QWEN,
    SITE,
    SKLEARN,
    as_runtime,
    model,
    route,
)

DEPLOYED = render_model(model(FAQ), None, BARE, PLAIN)
ON_RAY = render_model(model(FAQ), None, EVERYTHING, SITE)
BY_KSERVE = render_model(model(SKLEARN), None, EVERYTHING, SITE)
LLM = render_model(model(as_runtime(QWEN, "llm-inference-service")), None, EVERYTHING, SITE)
ROUTE = render_route(route(), EVERYTHING, SITE)


def condition(kind: str, status: bool, message: str = "", reason: str = "Because") -> dict[str, str]:
    return {"type": kind, "status": str(status), "message": message, "reason": reason}


def live(rendered: Rendered, status: dict[str, Any], generation: int = 2) -> list[Object]:
    """The objects as a cluster has them, the first with this status."""
    found = copy.deepcopy(list(rendered.objects))
    workload = next(one for one in found if one["kind"] not in ("ConfigMap", "Service"))
    workload["status"] = status
    workload["metadata"]["generation"] = generation
    return found


ROLLED = condition("Progressing", True, reason="NewReplicaSetAvailable")
AVAILABLE = {
    "observedGeneration": 2,
    "availableReplicas": 1,
    "updatedReplicas": 1,
    "conditions": [condition("Available", True), ROLLED],
}
RUNNING = {
    "applicationStatuses": {"shop_faq": {"status": "RUNNING"}},
    "rayClusterStatus": {"availableWorkerReplicas": 3},
}
SERVING = {
    "observedGeneration": 2,
    "conditions": [condition("Ready", True), condition("UpgradeInProgress", False)],
    "activeServiceStatus": RUNNING,
}
SERVED = {"conditions": [condition("PredictorReady", True), condition("Ready", True)]}
ACCEPTED = {"parents": [{"conditions": [condition("Accepted", True), condition("ResolvedRefs", True)]}]}


@pytest.mark.parametrize(
    ("rendered", "status"),
    [
        (DEPLOYED, AVAILABLE),
        (ON_RAY, SERVING),
        (BY_KSERVE, SERVED),
        (LLM, {**SERVED, "observedGeneration": 2}),
        (ROUTE, ACCEPTED),
    ],
)
def test_each_kind_is_ready_when_its_controller_says_so_of_what_was_written_last(
    rendered: Rendered, status: dict[str, Any]
) -> None:
    assert readiness(rendered, live(rendered, status)).ready
    before = readiness(rendered, live(rendered, {}))
    assert not before.ready
    assert before.why.endswith(".")
    if "observedGeneration" in status:
        assert not readiness(rendered, live(rendered, status, generation=3)).ready


@pytest.mark.parametrize("rendered", [DEPLOYED, ON_RAY, BY_KSERVE, LLM, ROUTE])
def test_what_is_not_there_yet_is_named(rendered: Rendered) -> None:
    first = rendered.objects[0]
    found = readiness(rendered, rendered.objects[1:])
    assert found.why == f"{first['kind']} {first['metadata']['name']!r} is not there yet."


def test_how_many_pods_answer_and_what_finds_them_is_told() -> None:
    assert readiness(DEPLOYED, live(DEPLOYED, AVAILABLE)) == Readiness(True, "", 1, "tiermesh.dev/model=faq")
    assert readiness(ON_RAY, live(ON_RAY, SERVING)) == Readiness(True, "", 3, "tiermesh.dev/model=faq")
    workloads = {**SERVED, "workloads": {"primary": {"kind": "Deployment", "name": "a", "readyReplicas": 2}}}
    assert readiness(LLM, live(LLM, workloads)) == Readiness(True, "", 2, "tiermesh.dev/model=faq")


def test_a_deployment_that_still_replaces_its_pods_is_not_what_was_asked_for() -> None:
    rolling = [condition("Available", True), condition("Progressing", True, reason="ReplicaSetUpdated")]
    found = readiness(DEPLOYED, live(DEPLOYED, {**AVAILABLE, "updatedReplicas": 0, "conditions": rolling}))
    assert not found.ready


def test_a_deployment_that_is_stuck_says_why() -> None:
    stuck = condition("Progressing", False, "ReplicaSet has timed out progressing.", "ProgressDeadlineExceeded")
    found = readiness(DEPLOYED, live(DEPLOYED, {**AVAILABLE, "updatedReplicas": 0, "conditions": [stuck]}))
    assert found.why == "Deployment 'model-faq': ReplicaSet has timed out progressing."


def test_the_last_line_of_ray_serves_traceback_is_the_sentence() -> None:
    failing = {
        "shop_faq": {"status": "DEPLOY_FAILED", "message": "Traceback:\n  File ...\nTiermeshError: no such folder."}
    }
    status = {
        "observedGeneration": 2,
        "conditions": [condition("Ready", False)],
        "pendingServiceStatus": {"applicationStatuses": failing},
    }
    found = readiness(ON_RAY, live(ON_RAY, status))
    assert found.why == "Ray Serve's application 'shop_faq' is DEPLOY_FAILED: TiermeshError: no such folder."


def test_while_a_second_cluster_starts_the_first_still_answers() -> None:
    status = {
        **SERVING,
        "conditions": [condition("Ready", True), condition("UpgradeInProgress", True)],
        "pendingServiceStatus": {"applicationStatuses": {"shop_faq": {"status": "DEPLOYING"}}},
    }
    found = readiness(ON_RAY, live(ON_RAY, status))
    assert not found.ready
    assert found.why.endswith("is DEPLOYING. The cluster before it still answers.")
    assert not readiness(ON_RAY, live(ON_RAY, {**status, "pendingServiceStatus": {}})).ready


def test_kserves_own_reason_comes_before_the_whole() -> None:
    conditions = [condition("Ready", False, "not ready"), condition("PredictorReady", False, "image cannot be pulled")]
    found = readiness(BY_KSERVE, live(BY_KSERVE, {"conditions": conditions}))
    assert found.why == "InferenceService 'model-faq': image cannot be pulled."
    failed = {"conditions": conditions, "modelStatus": {"lastFailureInfo": {"message": "no such bucket"}}}
    assert "no such bucket" in readiness(BY_KSERVE, live(BY_KSERVE, failed)).why


def test_a_gateway_that_refuses_a_route_says_why() -> None:
    refused = {"parents": [{"conditions": [condition("Accepted", False, "namespace is not allowed")]}]}
    assert readiness(ROUTE, live(ROUTE, refused)).why == "HTTPRoute 'route-shop': namespace is not allowed."


def test_what_cannot_run_says_what_is_missing_and_what_runs_already_is_ready() -> None:
    assert readiness(Rendered(missing=("The cluster has no KEDA.",)), []) == Readiness(
        False, "The cluster has no KEDA."
    )
    assert readiness(Rendered(), []).ready


@pytest.mark.parametrize("status", [{"conditions": None}, {"parents": None}, {"activeServiceStatus": None}, None])
def test_a_status_of_nothing_is_one_that_says_nothing(status: dict[str, Any] | None) -> None:
    for rendered in (DEPLOYED, ON_RAY, BY_KSERVE, LLM, ROUTE):
        children = copy.deepcopy(list(rendered.objects))
        for child in children:
            child["status"] = status
        assert not readiness(rendered, children).ready
