"""The whole path in a cluster: the chart is installed, its pods run as processes, documents come by kubectl.

There is neither KubeRay nor a node here: the Models' Ray Serve is that of `tiermesh up`, and the test says in KubeRay's
place that it runs.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import yaml
from openai import APIStatusError, OpenAI

from tests.kubernetes.cluster import CHECKOUT, Cluster
from tests.kubernetes.cluster import cluster as cluster
from tests.kubernetes.cluster import namespace as namespace
from tests.kubernetes.pods import Mesh
from tests.openai_stub import said, serving
from tests.stack import Stack

pytestmark = pytest.mark.timeout(600)

WAIT_SECONDS = 60.0
DOCUMENTS = "default"
"""The namespace of the custom resources: what runs for `tiermesh up` is of no other."""
RUNNING = {
    "conditions": [
        {
            "type": "Ready",
            "status": "True",
            "reason": "NonZeroServeEndpoints",
            "message": "",
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }
    ],
    "activeServiceStatus": {"rayClusterStatus": {"availableWorkerReplicas": 1}},
}
"""What KubeRay says of a RayService that answers."""


@pytest.fixture(scope="module")
def mesh(stack: Stack, cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    """The chart in a namespace of its own, and its three processes."""
    where = "tiermesh-system"
    values = {
        "crds": {"install": False},  # the cluster of the tests has them
        "operator": {"namespaces": [DOCUMENTS], "settings": {"address": stack.models}},
        "controlPlane": {"settings": {"rolloutSeconds": 0.2}},
    }
    command = ("install", "mesh", CHECKOUT / "charts" / "tiermesh", "-n", where, "--create-namespace", "--values", "-")
    cluster.helm(*command, text=json.dumps(values))
    found = Mesh(cluster, where, tmp_path_factory.mktemp("pods"))
    with ExitStack() as pods:
        for component in ("control-plane", "router", "operator"):
            pods.enter_context(found.pod(f"mesh-tiermesh-{component}"))
        yield found
        everything = "rollouts,experiments,routes,models,prompts,tenants,scalingpolicies"
        cluster.kubectl("delete", everything, "--all", "-n", DOCUMENTS, "--timeout", "60s")
    cluster.helm("uninstall", "mesh", "-n", where, "--no-hooks")


@pytest.fixture(scope="module")
def client(mesh: Mesh) -> Iterator[OpenAI]:
    router = mesh.addresses["mesh-tiermesh-router", "http"]
    with OpenAI(base_url=f"{router}/v1", api_key="unused", max_retries=0, timeout=120) as client:
        yield client


def test_the_shop_of_the_laptop_answers_once_kubectl_has_applied_it(mesh: Mesh, client: OpenAI) -> None:
    cluster = mesh.cluster
    cluster.kubectl("apply", "-n", DOCUMENTS, "-f", CHECKOUT / "examples" / "shop")
    for name in ("model-faq", "model-assistant"):
        _until(lambda: name in cluster.kubectl("get", "rayservices", "-n", DOCUMENTS, "-o", "name"))  # noqa: B023 - at once
        patch = json.dumps({"status": RUNNING})
        cluster.kubectl(
            *("patch", "rayservice", name, "-n", DOCUMENTS, "--subresource", "status", "--type", "merge", "-p", patch)
        )
    cluster.kubectl("wait", "--for=condition=Ready", "models,routes", "--all", "-n", DOCUMENTS, "--timeout", "60s")
    shown = cluster.kubectl("get", "models", "-n", DOCUMENTS).splitlines()
    assert [line.split()[:5] for line in shown[1:]] == [
        ["assistant", "vllm", "heavy", "1", "True"],
        ["faq", "faq", "light", "1", "True"],
    ]
    asked = [{"role": "user", "content": "How long does delivery take?"}]
    raw = client.chat.completions.with_raw_response.create(model="shop", messages=asked)  # type: ignore[arg-type]
    assert raw.headers["x-tiermesh-model"] == "faq"
    assert "days" in (raw.parse().choices[0].message.content or "")


def test_a_rollout_that_fails_is_seen_to_go_back_by_itself_through_kubectl(mesh: Mesh, client: OpenAI) -> None:
    cluster = mesh.cluster
    with serving(lambda *_: said("well")) as good, serving(lambda *_: (500, {"error": {"message": "broken"}})) as bad:
        documents = [
            _document("Model", "good", {"engine": "openai", "tier": "light", "url": good.url}),
            _document("Model", "bad", {"engine": "openai", "tier": "light", "url": bad.url}),
            _document("Route", "help", {"tiers": {"light": ["good"]}, "cache": {"exact": {"enabled": False}}}),
            _document(
                "Rollout",
                "newer",
                {
                    "route": "help",
                    "override": {"tiers": {"light": ["bad"]}},
                    "steps": [{"setWeight": 50}, {"analysis": {"minutes": 0.01}}],
                    "guardrails": [{"metric": "errors", "margin": {"absolute": 0.3}}],
                },
            ),
        ]
        cluster.kubectl("apply", "-n", DOCUMENTS, "-f", "-", text=yaml.safe_dump_all(documents))
        cluster.kubectl("wait", "--for=condition=Ready", "route/help", "-n", DOCUMENTS, "--timeout", "60s")
        phase = ("get", "rollout", "newer", "-n", DOCUMENTS, "-o", "jsonpath={.status.phase}")
        _until(lambda: [_model(client) for _ in range(20)] and cluster.kubectl(*phase) == "rolled-back")
        assert "rolled-back" in cluster.kubectl("get", "rollouts", "-n", DOCUMENTS)
        _until(lambda: {_model(client) for _ in range(10)} == {"good"})


def _document(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "tiermesh.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec}


def _model(client: OpenAI) -> str:
    """Who answered a question; nobody, where that failed."""
    asked = [{"role": "user", "content": "Where is my parcel?"}]
    try:
        raw = client.chat.completions.with_raw_response.create(model="help", messages=asked)  # type: ignore[arg-type]
    except APIStatusError:
        return ""
    return raw.headers["x-tiermesh-model"]


def _until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not true():
        assert time.monotonic() < deadline, "it did not become true in time"
        time.sleep(0.2)
