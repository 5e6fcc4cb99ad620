"""The documents that run on a laptop are custom resources of a cluster, and read back as they were written."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings

from control_plane.spec.documents import PLURALS
from tests.kubernetes.cluster import Cluster
from tests.kubernetes.generated import manifest, specs

EXAMPLES = sorted((Path(__file__).parents[3] / "examples").glob("*/*.yaml"))
EACH = 25
_EASY = settings(derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))


_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def _read_back(cluster: Cluster, written: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """As the API would keep them, without what it and kubectl add."""
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": written}, ensure_ascii=False)
    answer = json.loads(cluster.kubectl("apply", "--dry-run=server", "-o", "json", "-f", "-", text=text))
    return [_as_written(one) for one in answer["items"]]


def _as_written(kept: dict[str, Any]) -> dict[str, Any]:
    metadata = {"name": kept["metadata"]["name"]}
    if annotations := {key: value for key, value in kept["metadata"]["annotations"].items() if key != _APPLIED}:
        metadata["annotations"] = annotations
    return {"apiVersion": kept["apiVersion"], "kind": kept["kind"], "metadata": metadata, "spec": kept["spec"]}


def test_every_example_is_accepted_and_reads_back_as_it_was_written(cluster: Cluster) -> None:
    written = [one for file in EXAMPLES for one in yaml.safe_load_all(file.read_text(encoding="utf-8")) if one]
    assert {one["kind"] for one in written} >= {"Model", "Route", "Experiment", "Rollout", "Prompt"}
    assert _read_back(cluster, written) == written


def test_a_folder_is_applied_as_it_lies(cluster: Cluster, namespace: str) -> None:
    folder = EXAMPLES[0].parents[1] / "shop"
    assert "route.tiermesh.dev/shop created" in cluster.kubectl("apply", "-n", namespace, "-f", folder)
    assert cluster.kubectl("apply", "-n", namespace, "-f", folder).count("unchanged") == 3


@pytest.mark.parametrize("kind", sorted(PLURALS.values()))
def test_what_the_language_takes_a_cluster_takes_and_keeps_as_it_is(kind: str, cluster: Cluster) -> None:
    made: list[dict[str, Any]] = []

    @settings(_EASY, max_examples=EACH, phases=[Phase.generate])
    @given(specs(kind))
    def collect(spec: dict[str, Any]) -> None:
        made.append(manifest(kind, f"made-{len(made)}", spec))

    collect()
    assert len(made) >= EACH
    assert _read_back(cluster, made) == made
