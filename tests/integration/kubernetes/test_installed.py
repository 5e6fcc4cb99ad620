"""The whole path: installed by Helm, described with kubectl, asked over HTTP, deleted again."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
import yaml

from control_plane.spec.documents import API_VERSION
from tests.chart.generate import CHART
from tests.integration.kubernetes.pods import Pods, pods
from tests.integration.kubernetes.releases import Release
from tests.kubernetes.cluster import Cluster
from tests.openai_stub import said, serving

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def release(cluster: Cluster, namespace: str) -> Release:
    """Installed, with an operator that has rights in its own namespace alone."""
    found = Release(cluster, namespace)
    found.helm("install", CHART, values={"operator": {"namespaces": [namespace]}})
    return found


@pytest.fixture
def running(release: Release, tmp_path: Path) -> Iterator[Pods]:
    """Its pods, as processes."""
    with pods(release, tmp_path) as found:
        yield found


def _documents(url: str) -> str:
    """A shop whose light model answers elsewhere, and whose heavy one the cluster runs."""
    light = {"engine": "openai", "tier": "light", "url": f"{url}/v1"}
    heavy = {
        "engine": "vllm",
        "tier": "heavy",
        "source": "hf://org/name",
        "kubernetes": {"runtime": "deployment"},
        "resources": {"gpus": 1},
    }
    named = [
        ("Model", "small", light),
        ("Model", "big", heavy),
        ("Route", "shop", {"tiers": {"light": ["small"], "heavy": ["big"]}}),
        ("ScalingPolicy", "big", {"model": "big", "min": 1, "max": 3, "signals": [{"metric": "cpu", "target": 70}]}),
    ]
    return yaml.safe_dump_all(
        {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec}
        for kind, name, spec in named
    )


def test_what_kubectl_applies_is_answered_by_the_router_and_leaves_nothing_when_it_is_deleted(
    release: Release, running: Pods
) -> None:
    with serving(lambda path, body: said("two days")) as stub:
        release.kubectl("apply", "-f", "-", text=_documents(stub.url))
        release.kubectl("wait", "models,routes", "--all", "--for=condition=Ready", "--timeout=60s")
        question = {"model": f"{release.namespace}/shop", "messages": [{"role": "user", "content": "How long?"}]}
        answer = httpx2.post(f"{running.router}/v1/chat/completions", json=question, timeout=30)
    assert (answer.status_code, answer.json()["choices"][0]["message"]["content"]) == (200, "two days")
    assert answer.headers["x-tiermesh-model"] == f"{release.namespace}/small"
    assert release.get("deployment/model-big")["status"]["readyReplicas"] == 1
    unknown = httpx2.get(f"{running.control_plane}/v1/documents", timeout=30)
    assert unknown.status_code == 401
    release.kubectl("delete", "models,routes,scalingpolicies", "--all", "--timeout=60s")
    release.kubectl("wait", "deployment/model-big", "--for=delete", "--timeout=60s")
    log = running.logs["operator"].read_text()
    assert not re.search("forbidden|cannot [a-z]+ resource|not enough permissions", log, re.IGNORECASE)
    assert "leads" in {json.loads(line).get("message") for line in log.splitlines() if line.startswith("{")}
