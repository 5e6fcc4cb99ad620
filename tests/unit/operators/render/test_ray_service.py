"""Models as RayServices."""

from typing import Any

import yaml

from operators.render import Rendered, Site, render_model
from tests.unit.operators.render.samples import (
    ASSISTANT,
    EVERYTHING,
    FAQ,
    QWEN,
    SITE,
    WISHES,
    kinds,
    model,
    policy,
    the,
)


def cluster(rendered: Rendered) -> dict[str, Any]:
    found: dict[str, Any] = the("RayService", rendered)["spec"]["rayClusterConfig"]
    return found


def config(rendered: Rendered) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(the("RayService", rendered)["spec"]["serveConfigV2"])
    return found


def test_ray_serve_is_given_the_document_with_absolute_paths_and_its_name_for_routers() -> None:
    rendered = render_model(model(FAQ), None, EVERYTHING, SITE)
    (application,) = config(rendered)["applications"]
    assert application["route_prefix"] == "/shop_faq"
    assert application["args"]["document"]["spec"]["faq"]["knowledge"] == "file:///srv/tiermesh/knowledge"
    assert application["args"]["document"]["spec"]["servedName"] == "faq"
    assert rendered.url == "http://model-faq-serve-svc.shop.svc:8000/shop_faq/v1"


def test_what_changes_no_answer_starts_no_replica_anew() -> None:
    plain = render_model(model(FAQ), None, EVERYTHING, SITE)
    priced = model(FAQ, price={"inputUsdPerMillionTokens": 1}, kubernetes={"nodeSelector": {"a": "b"}})
    assert config(render_model(priced, None, EVERYTHING, SITE)) == config(plain)


def test_a_change_of_the_document_leaves_the_pods_alone() -> None:
    plain = render_model(model(FAQ), None, EVERYTHING, SITE)
    stricter = render_model(model(FAQ, faq={**FAQ["faq"], "threshold": 0.9}), None, EVERYTHING, SITE)
    assert cluster(stricter) == cluster(plain)
    assert config(stricter) != config(plain)
    assert the("RayService", plain)["spec"]["upgradeStrategy"] == {"type": "NewCluster"}


def test_a_gpu_model_gets_workers_on_nodes_with_its_accelerator() -> None:
    rendered = render_model(model(QWEN, "qwen"), None, EVERYTHING, SITE)
    (group,) = cluster(rendered)["workerGroupSpecs"]
    pod = group["template"]["spec"]
    assert group["groupName"] == "l40s"
    assert pod["nodeSelector"] == {"nvidia.com/gpu.product": "NVIDIA-L40S"}
    assert pod["tolerations"] == [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]
    assert pod["containers"][0]["resources"]["limits"] == {"memory": "25Gi", "nvidia.com/gpu": "2"}
    head = cluster(rendered)["headGroupSpec"]["template"]["spec"]
    assert "nvidia.com/gpu" not in head["containers"][0]["resources"]["limits"]
    assert "tolerations" not in head


def test_an_accelerator_that_nobody_placed_is_named_with_the_cure() -> None:
    (said,) = render_model(model(QWEN), None, EVERYTHING, Site()).missing
    assert "'L40S'" in said
    assert "TIERMESH_OPERATOR_ACCELERATORS" in said


def test_the_model_that_finds_passages_runs_in_the_same_ray() -> None:
    rendered = render_model(model(ASSISTANT, "assistant"), None, EVERYTHING, SITE, {"faq": model(FAQ)})
    assert [one["name"] for one in config(rendered)["applications"]] == ["shop_assistant", "shop_faq"]
    (group,) = cluster(rendered)["workerGroupSpecs"]
    assert group["template"]["spec"]["containers"][0]["resources"]["requests"]["cpu"] == "1500m"
    on_gpu = model({**ASSISTANT, "resources": {"gpus": 1}}, "assistant")
    apart = cluster(render_model(on_gpu, None, EVERYTHING, SITE, {"faq": model(FAQ)}))
    assert [one["groupName"] for one in apart["workerGroupSpecs"]] == ["gpu", "cpu"]


def test_without_the_model_that_finds_passages_nothing_runs_and_the_sentence_says_why() -> None:
    rendered = render_model(model(ASSISTANT, "assistant"), None, EVERYTHING, SITE)
    assert not rendered.objects
    assert "no Model 'faq' in this namespace" in rendered.missing[0]


def test_half_a_gpu_puts_two_replicas_into_a_pod() -> None:
    half = model({**QWEN, "resources": {"gpus": 0.5, "memoryGib": 4}}, replicas={"min": 3, "max": 5})
    rendered = render_model(half, None, EVERYTHING, SITE)
    (group,) = cluster(rendered)["workerGroupSpecs"]
    (deployment,) = config(rendered)["applications"][0]["deployments"]
    assert (group["minReplicas"], group["maxReplicas"]) == (2, 3)
    assert group["template"]["spec"]["containers"][0]["resources"]["limits"] == {"memory": "9Gi", "nvidia.com/gpu": "1"}
    assert deployment["max_replicas_per_node"] == 2


def test_bounds_let_ray_serve_scale_and_ask_for_pods() -> None:
    rendered = render_model(
        model(FAQ), policy(min=0, max=4, signals=[{"metric": "queue", "target": 4}]), EVERYTHING, SITE
    )
    (deployment,) = config(rendered)["applications"][0]["deployments"]
    assert deployment["autoscaling_config"]["min_replicas"] == 0
    assert deployment["autoscaling_config"]["target_ongoing_requests"] == 20  # 16 under way, 4 waiting
    assert cluster(rendered)["enableInTreeAutoscaling"] is True
    # With no worker, the head has to take the request that starts one.
    assert the("RayService", rendered)["spec"]["excludeHeadPodFromServeSvc"] is False
    assert not rendered.missing


def test_a_fixed_number_needs_no_autoscaler() -> None:
    rendered = render_model(model(FAQ, replicas={"min": 3, "max": 3}), None, EVERYTHING, SITE)
    assert "enableInTreeAutoscaling" not in cluster(rendered)
    assert the("PodDisruptionBudget", rendered)["spec"]["minAvailable"] == 2


def test_a_single_replica_does_not_keep_its_node_from_being_emptied() -> None:
    assert "PodDisruptionBudget" not in kinds(render_model(model(FAQ), None, EVERYTHING, SITE))


def test_signals_that_ray_serve_does_not_know_are_named() -> None:
    asked = policy(min=1, max=2, signals=[{"metric": "cpu", "target": 50}], schedule=[
        {"start": "0 8 * * *", "end": "0 9 * * *", "min": 2}
    ])  # fmt: skip
    said = " ".join(render_model(model(FAQ), asked, EVERYTHING, SITE).missing)
    assert "signal cpu counts for nothing" in said
    assert "no schedule" in said


def test_only_workers_get_what_the_document_asks_for() -> None:
    rendered = render_model(model(FAQ, kubernetes=WISHES), None, EVERYTHING, SITE)
    worker = cluster(rendered)["workerGroupSpecs"][0]["template"]["spec"]
    head = cluster(rendered)["headGroupSpec"]["template"]["spec"]
    assert worker["containers"][0]["envFrom"] == [{"secretRef": {"name": "hugging-face"}}]
    assert worker["serviceAccountName"] == "weights"
    assert {"name": "files", "mountPath": "/srv/tiermesh", "readOnly": True} in worker["containers"][0]["volumeMounts"]
    assert "envFrom" not in head["containers"][0]
    assert "serviceAccountName" not in head
    assert head["automountServiceAccountToken"] is False


def test_nobody_runs_code_through_rays_ports_without_its_token() -> None:
    assert cluster(render_model(model(FAQ), None, EVERYTHING, SITE))["authOptions"] == {"mode": "token"}
