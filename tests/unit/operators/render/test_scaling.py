"""How many pods run."""

from dataclasses import replace
from typing import Any

from control_plane.spec.documents import ScalingPolicy
from operators.render import Offers, Rendered, Site, render_model
from tests.unit.operators.render.samples import (
    BARE,
    DEMAND,
    EVERY_SIGNAL,
    EVERYTHING,
    FAQ,
    PLAIN,
    QWEN,
    SITE,
    SKLEARN,
    as_runtime,
    kinds,
    model,
    policy,
    the,
)

VLLM = as_runtime(QWEN, "deployment")


def vllm(asked: ScalingPolicy | None, offers: Offers = EVERYTHING, site: Site = SITE, **more: Any) -> Rendered:
    return render_model(model(VLLM, "qwen", **more), asked, offers, site)


def triggers(rendered: Rendered) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = the("ScaledObject", rendered)["spec"]["triggers"]
    return found


def test_a_fixed_number_is_written_and_nothing_decides() -> None:
    rendered = vllm(None, replicas={"min": 2, "max": 2})
    assert the("Deployment", rendered)["spec"]["replicas"] == 2
    assert "ScaledObject" not in kinds(rendered)


def test_where_something_decides_no_number_is_written() -> None:
    for offers in (EVERYTHING, BARE):
        rendered = render_model(model(as_runtime(FAQ, "deployment"), replicas={"min": 1, "max": 3}), None, offers, SITE)
        assert "replicas" not in the("Deployment", rendered)["spec"]


def test_bounds_alone_scale_by_requests_where_they_are_counted() -> None:
    (trigger,) = triggers(vllm(None, replicas={"min": 1, "max": 3}))
    assert "vllm:num_requests_running" in trigger["metadata"]["query"]
    assert trigger["metadata"]["threshold"] == "89.6"  # seven tenths of 128


def test_bounds_alone_scale_by_the_processor_where_it_does_the_work() -> None:
    rendered = render_model(model(as_runtime(FAQ, "deployment"), replicas={"min": 1, "max": 3}), None, BARE, PLAIN)
    (metric,) = the("HorizontalPodAutoscaler", rendered)["spec"]["metrics"]
    assert metric["resource"] == {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}


def test_a_gpu_model_that_nothing_can_scale_stays_and_says_why() -> None:
    rendered = vllm(None, BARE, PLAIN, replicas={"min": 2, "max": 3})
    assert the("Deployment", rendered)["spec"]["replicas"] == 2
    assert "no KEDA" in rendered.missing[0]
    assert "stays at 2 of 2 to 3 replicas" in rendered.missing[1]


def test_from_none_the_routers_say_that_somebody_asks() -> None:
    rendered = vllm(DEMAND)
    *_, wakes = triggers(rendered)
    assert wakes["metadata"]["query"] == 'sum(rate(tiermesh_router_attempts_total{model=~"shop/qwen(:.+)?"}[2m]))'
    assert the("ScaledObject", rendered)["spec"]["minReplicaCount"] == 0


def test_each_signal_and_window_is_a_trigger() -> None:
    rendered = vllm(EVERY_SIGNAL)
    assert [one["type"] for one in triggers(rendered)] == ["prometheus", "prometheus", "cpu", "prometheus", "cron"]
    assert triggers(rendered)[-1]["metadata"] == {
        "timezone": "Europe/Berlin",
        "start": "0 8 * * 1-5",
        "end": "0 18 * * 1-5",
        "desiredReplicas": "3",
    }
    behavior = the("ScaledObject", rendered)["spec"]["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
    assert behavior["scaleDown"]["stabilizationWindowSeconds"] == 3600  # 7200 is more than Kubernetes allows


def test_queries_ask_for_this_models_pods_alone() -> None:
    for trigger in triggers(vllm(DEMAND))[:2]:
        assert '{namespace="shop",service="model-qwen"}' in trigger["metadata"]["query"]


def test_without_prometheus_keda_has_nobody_to_ask() -> None:
    rendered = vllm(DEMAND, EVERYTHING, replace(SITE, prometheus_url=None))
    assert the("Deployment", rendered)["spec"]["replicas"] == 1
    assert "TIERMESH_OPERATOR_PROMETHEUS_URL" in " ".join(rendered.missing)


def test_without_keda_what_kubernetes_cannot_do_is_named_and_the_rest_is_done() -> None:
    asked = policy(min=0, max=4, signals=[{"metric": "cpu", "target": 60}, {"metric": "queue", "target": 2}])
    rendered = render_model(model(as_runtime(FAQ, "deployment")), asked, BARE, PLAIN)
    assert the("HorizontalPodAutoscaler", rendered)["spec"]["minReplicas"] == 1
    assert "nothing scales by queue, no replica at all" in rendered.missing[0]


def test_where_nothing_wakes_it_one_replica_stays() -> None:
    assert the("Deployment", vllm(DEMAND, BARE, PLAIN))["spec"]["replicas"] == 1


def test_the_autoscaler_is_written_in_the_version_that_the_cluster_has() -> None:
    old = Offers({"HorizontalPodAutoscaler": "autoscaling/v2beta2"})
    rendered = render_model(model(as_runtime(FAQ, "deployment"), replicas={"min": 1, "max": 2}), None, old, PLAIN)
    assert the("HorizontalPodAutoscaler", rendered)["apiVersion"] == "autoscaling/v2beta2"


def test_an_inference_service_is_scaled_through_kserves_deployment() -> None:
    rendered = render_model(
        model(SKLEARN, "iris"), policy(min=1, max=3, signals=[{"metric": "cpu", "target": 50}]), EVERYTHING, SITE
    )
    scaled = the("ScaledObject", rendered)["spec"]
    assert scaled["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": "model-iris-predictor"}
    annotations = the("InferenceService", rendered)["metadata"]["annotations"]
    assert annotations["serving.kserve.io/autoscalerClass"] == "external"
