"""The whole path in a cluster: the chart's pods run as processes, kubectl applies the laptop's shop, and a Rollout.

There is neither KubeRay nor a node here: the Models' Ray Serve is that of `tiermesh up`, and the test says in KubeRay's
place that it runs.
"""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml

from control_plane.spec.documents import API_VERSION
from tests.chart.generate import CHART, CHECKOUT
from tests.integration.kubernetes.pods import Pods, pods
from tests.integration.kubernetes.releases import Release
from tests.kubernetes.cluster import Cluster
from tests.openai_stub import said, serving
from tests.stack import Stack

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


@pytest.fixture
def running(stack: Stack, cluster: Cluster, namespace: str, tmp_path: Path) -> Iterator[Pods]:
    """The chart in a namespace of its own, and its pods."""
    release = Release(cluster, namespace)
    settings = {"controlPlane": {"settings": {"rolloutSeconds": 0.2}}}
    operator = {"namespaces": [DOCUMENTS], "settings": {"address": stack.models}}
    release.helm("install", CHART, values={**settings, "operator": operator})
    with pods(release, tmp_path) as found:
        yield found
        cluster.kubectl("delete", "rollouts,routes,models", "--all", "-n", DOCUMENTS, "--timeout=60s")
    release.helm("uninstall")


def test_the_shop_of_the_laptop_answers_from_a_cluster_and_a_rollout_that_fails_goes_back(
    running: Pods, cluster: Cluster
) -> None:
    def kubectl(*arguments: object, text: str = "") -> str:
        return cluster.kubectl(*arguments, "-n", DOCUMENTS, text=text)

    kubectl("apply", "-f", CHECKOUT / "examples" / "shop")
    _until(lambda: {"faq", "assistant"} <= _services(kubectl("get", "rayservices", "-o", "name")))
    for name in ("faq", "assistant"):
        patch = ("--subresource=status", "--type=merge", "-p", json.dumps({"status": RUNNING}))
        kubectl("patch", "rayservice", f"model-{name}", *patch)
    kubectl("wait", "models,routes", "--all", "--for=condition=Ready", "--timeout=60s")
    shown = [line.split()[:5] for line in kubectl("get", "models").splitlines()[1:]]
    assert shown == [["assistant", "vllm", "heavy", "1", "True"], ["faq", "faq", "light", "1", "True"]]
    answer = _ask(running, "shop", "How long does delivery take?")
    assert (answer.status_code, answer.headers["x-tiermesh-model"]) == (200, "faq")
    assert "days" in answer.json()["choices"][0]["message"]["content"]

    with serving(lambda *_: said("well")) as good, serving(lambda *_: (500, {"error": {"message": "broken"}})) as bad:
        kubectl("apply", "-f", "-", text=_rollout(good.url, bad.url))
        kubectl("wait", "route/help", "--for=condition=Ready", "--timeout=60s")
        phase = ("get", "rollout", "newer", "-o", "jsonpath={.status.phase}")
        _until(lambda: [_ask(running, "help") for _ in range(20)] and kubectl(*phase) == "rolled-back")
        _until(lambda: {_ask(running, "help").status_code for _ in range(10)} == {200})
        assert "rolled-back" in kubectl("get", "rollouts")


def _services(names: str) -> set[str]:
    return {name.rpartition("/")[2].removeprefix("model-") for name in names.split()}


def _rollout(good: str, bad: str) -> str:
    """A Route, and the Model that is to take the place of its own."""
    newer = {
        "route": "help",
        "override": {"tiers": {"light": ["bad"]}},
        "steps": [{"setWeight": 50}, {"analysis": {"minutes": 0.01}}],
        "guardrails": [{"metric": "errors", "margin": {"absolute": 0.3}}],
    }
    named: list[tuple[str, str, dict[str, Any]]] = [
        ("Model", "good", {"engine": "openai", "tier": "light", "url": good}),
        ("Model", "bad", {"engine": "openai", "tier": "light", "url": bad}),
        ("Route", "help", {"tiers": {"light": ["good"]}, "cache": {"exact": {"enabled": False}}}),
        ("Rollout", "newer", newer),
    ]
    return yaml.safe_dump_all(
        {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec}
        for kind, name, spec in named
    )


def _ask(running: Pods, model: str, question: str = "Where is my parcel?") -> httpx2.Response:
    body = {"model": model, "messages": [{"role": "user", "content": question}]}
    return httpx2.post(f"{running.router}/v1/chat/completions", json=body, timeout=60)


def _until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not true():
        assert time.monotonic() < deadline, "it did not become true in time"
        time.sleep(0.2)
