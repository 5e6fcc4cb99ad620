"""What a person sees of custom resources, and what a cluster's own commands do with them."""

import json
from typing import Any

from tests.kubernetes.cluster import Cluster
from tests.kubernetes.generated import BASES, manifest


def _apply(cluster: Cluster, namespace: str, *written: dict[str, Any]) -> None:
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": written})
    cluster.kubectl("apply", "-n", namespace, "-f", "-", text=text)


def test_all_kinds_are_found_by_their_category_and_wait_for_an_operator(cluster: Cluster, namespace: str) -> None:
    _apply(cluster, namespace, *(manifest(kind, "first", specs[0]) for kind, specs in BASES.items()))
    lines = [line for line in cluster.kubectl("get", "tiermesh", "-n", namespace).splitlines() if "/first" in line]
    assert {line.split(".")[0] for line in lines} == {kind.lower() for kind in BASES}
    assert all("Unknown" in line and "Pending" in line for line in lines)
    wide = cluster.kubectl("get", "tmm", "first", "-n", namespace, "-o", "wide")
    assert "No operator has looked at it yet" in wide


def test_a_model_is_scaled_within_its_bounds(cluster: Cluster, namespace: str) -> None:
    spec = {"engine": "vllm", "tier": "heavy", "source": "hf://a/b", "replicas": {"min": 1, "max": 3}}
    _apply(cluster, namespace, manifest("Model", "first", spec))
    cluster.kubectl("scale", "tmm/first", "-n", namespace, "--replicas=3")
    floor = cluster.kubectl("get", "tmm", "first", "-n", namespace, "-o", "jsonpath={.spec.replicas.min}")
    assert floor == "3"
    refused = cluster.run("kubectl", "scale", "tmm/first", "-n", namespace, "--replicas=4").stderr
    assert "spec.replicas.min" in refused and "min must not be greater than max" in refused


def test_a_status_is_written_by_itself_and_changes_no_generation(cluster: Cluster, namespace: str) -> None:
    _apply(cluster, namespace, manifest("Route", "first", BASES["Route"][0]))
    patch = {"spec": {"tiers": {"light": ["other"]}}, "status": {"snapshot": 7, "waitingFor": ["router-1"]}}
    told = ("patch", "tmr", "first", "-n", namespace, "--subresource=status", "--type=merge", "-p", json.dumps(patch))
    cluster.kubectl(*told)
    kept = json.loads(cluster.kubectl("get", "tmr", "first", "-n", namespace, "-o", "json"))
    assert (kept["spec"], kept["metadata"]["generation"]) == (BASES["Route"][0], 1)
    assert (kept["status"]["snapshot"], kept["status"]["waitingFor"]) == (7, ["router-1"])
    assert kept["status"]["conditions"][0]["type"] == "Ready"


def test_a_field_is_explained_with_what_stands_for_it(cluster: Cluster) -> None:
    assert "Default: 0.02." in cluster.kubectl("explain", "route.spec.complexity.contract.maxQualityLoss")
