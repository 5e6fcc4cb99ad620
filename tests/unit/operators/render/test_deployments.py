"""Models as Deployments."""

from typing import Any

import pytest
import yaml

from operators.render import Rendered, Site, render_model
from tests.unit.operators.render.samples import (
    ASSISTANT,
    BARE,
    BENTO,
    EVERYTHING,
    FAQ,
    PLAIN,
    QWEN,
    SITE,
    TRITON,
    as_runtime,
    kinds,
    model,
    the,
    wishing,
)

VLLM = as_runtime(QWEN, "deployment")


def pod(rendered: Rendered) -> dict[str, Any]:
    found: dict[str, Any] = the("Deployment", rendered)["spec"]["template"]["spec"]
    return found


def container(rendered: Rendered) -> dict[str, Any]:
    (found,) = pod(rendered)["containers"]
    return dict(found)


def test_vllms_own_server_is_started_as_the_document_says() -> None:
    rendered = render_model(model(VLLM, "qwen"), None, BARE, PLAIN)
    said = container(rendered)
    assert said["command"] == ["python3", "-m", "vllm.entrypoints.openai.api_server"]
    assert {"--model=Qwen/Qwen3-8B", "--revision=main", "--served-model-name=qwen"} <= {*said["args"]}
    assert {"--max-model-len=16384", "--max-num-seqs=128", "--tensor-parallel-size=2"} <= {*said["args"]}
    assert rendered.url == "http://model-qwen.shop.svc:8000/v1"
    assert said["readinessProbe"]["httpGet"] == {"path": "/health", "port": "http"}


def test_adapters_are_served_under_the_names_by_which_routers_ask_for_them() -> None:
    adapted = {**VLLM, "adapters": [{"name": "legal", "source": "file://./legal"}]}
    said = container(render_model(model(adapted, "qwen"), None, BARE, PLAIN))["args"]
    assert said[said.index("--lora-modules") + 1] == '{"name": "qwen:legal", "path": "/srv/tiermesh/legal"}'


def test_what_vllms_own_server_would_leave_out_runs_on_ray_within_the_pod() -> None:
    for more in ({"sha256": "0" * 64}, {"generation": {"systemPrompt": "Be brief."}}):
        said = container(render_model(model({**VLLM, **more}), None, BARE, PLAIN))
        assert said["command"][:2] == ["serve", "run"]


def test_ray_within_a_pod_runs_the_model_and_the_one_that_finds_its_passages() -> None:
    rendered = render_model(model(ASSISTANT, "assistant"), None, BARE, PLAIN, {"faq": model(FAQ)})
    config = yaml.safe_load(the("ConfigMap", rendered)["data"]["serve.yaml"])
    assert [one["name"] for one in config["applications"]] == ["shop_assistant", "shop_faq"]
    assert container(rendered)["readinessProbe"]["httpGet"]["path"] == "/shop_assistant/v1/models"
    assert rendered.url == "http://model-assistant.shop.svc:8000/shop_assistant/v1"


def test_a_new_configuration_starts_new_pods() -> None:
    def template(threshold: float) -> dict[str, Any]:
        rendered = render_model(model({**FAQ, "faq": {**FAQ["faq"], "threshold": threshold}}), None, BARE, PLAIN)
        found: dict[str, Any] = the("Deployment", rendered)["spec"]["template"]
        return found

    assert template(0.4) != template(0.5)
    assert template(0.4) == template(0.4)


def test_an_old_pod_stays_until_a_new_one_answers() -> None:
    strategy = the("Deployment", render_model(model(FAQ), None, BARE, PLAIN))["spec"]["strategy"]
    assert strategy["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}


def test_no_argument_is_replaced_by_the_value_of_a_secret() -> None:
    nosy = model(as_runtime(QWEN, "deployment", envFrom=["hugging-face"]), servedName="$(HF_TOKEN)")
    assert "--served-model-name=$$(HF_TOKEN)" in container(render_model(nosy, None, BARE, PLAIN))["args"]


def test_what_a_document_asks_of_the_cluster_is_in_its_pods() -> None:
    rendered = render_model(model(wishing(VLLM)), None, EVERYTHING, SITE)
    placed = pod(rendered)
    assert placed["nodeSelector"] == {"nvidia.com/gpu.product": "NVIDIA-L40S", "pool": "models"}
    assert {"key": "dedicated", "operator": "Equal", "value": "models", "effect": "NoSchedule"} in placed["tolerations"]
    assert {one["topologyKey"] for one in placed["topologySpreadConstraints"]} == {
        "kubernetes.io/hostname",
        "topology.kubernetes.io/zone",
    }
    assert {"name": "home", "emptyDir": {"sizeLimit": "40Gi"}} in placed["volumes"]
    claim = {"claimName": "shop-files", "readOnly": True}
    assert {"name": "files", "persistentVolumeClaim": claim} in placed["volumes"]
    assert container(rendered)["resources"]["limits"]["nvidia.com/gpu"] == "2"


def test_a_platform_may_choose_the_user() -> None:
    assert pod(render_model(model(FAQ), None, BARE, PLAIN))["securityContext"]["runAsUser"] == 10001
    assert "runAsUser" not in pod(render_model(model(FAQ), None, BARE, Site(user=None)))["securityContext"]


@pytest.mark.parametrize(
    ("more", "url"),
    [
        ({}, "http://model-triton.shop.svc:8000"),
        ({"protocol": "oip-http"}, "http://model-triton.shop.svc:8000"),
        ({"protocol": "oip-grpc"}, "http://model-triton.shop.svc:8001"),
    ],
)
def test_routers_ask_triton_on_the_port_of_its_protocol(more: dict[str, str], url: str) -> None:
    assert render_model(model({**TRITON, **more}, "triton"), None, BARE, PLAIN).url == url


@pytest.mark.parametrize(
    ("source", "repository"),
    [
        ("s3://models/repository", "s3://models/repository"),
        ("file://./repository", "/srv/tiermesh/repository"),
        ("pvc://weights/a/b", "/mnt/models/a/b"),
    ],
)
def test_triton_reads_the_repository_where_it_is(source: str, repository: str) -> None:
    rendered = render_model(model({**TRITON, "source": source}), None, BARE, PLAIN)
    assert f"--model-repository={repository}" in container(rendered)["args"]
    claims = [
        one["persistentVolumeClaim"]["claimName"]
        for one in pod(rendered)["volumes"]
        if len(one.keys() & {"persistentVolumeClaim"})
    ]
    assert claims == (["weights"] if source.startswith("pvc://") else [])


def test_a_bento_runs_from_its_own_image_as_its_own_user() -> None:
    rendered = render_model(model(BENTO, "bento"), None, BARE, PLAIN)
    assert container(rendered)["image"] == "registry.example/faq:1"
    assert "command" not in container(rendered)
    assert pod(rendered)["securityContext"]["runAsUser"] == 1034
    assert rendered.url == "http://model-bento.shop.svc:3000/v1"


def test_prometheus_is_told_only_where_it_is_present_and_wanted() -> None:
    watched = the("ServiceMonitor", render_model(model(VLLM), None, EVERYTHING, SITE))
    assert watched["metadata"]["labels"]["release"] == "prometheus"
    assert "ServiceMonitor" not in kinds(render_model(model(VLLM), None, EVERYTHING, Site(monitoring=False)))
    assert "ServiceMonitor" not in kinds(render_model(model(VLLM), None, BARE, SITE))


def test_the_service_finds_the_pods_and_the_budget_too() -> None:
    rendered = render_model(model(VLLM, "qwen.1"), None, EVERYTHING, SITE)
    labels = the("Deployment", rendered)["spec"]["template"]["metadata"]["labels"]
    for chosen in (
        the("Deployment", rendered)["spec"]["selector"]["matchLabels"],
        the("Service", rendered)["spec"]["selector"],
        the("PodDisruptionBudget", rendered)["spec"]["selector"]["matchLabels"],
        the("ServiceMonitor", rendered)["spec"]["selector"]["matchLabels"],
        the("InferencePool", rendered)["spec"]["selector"]["matchLabels"],
    ):
        assert chosen == {"tiermesh.dev/model": "qwen.1"}
        assert chosen.items() <= labels.items()
