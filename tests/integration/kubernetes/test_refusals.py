"""What is wrong is refused at `kubectl apply`, by a message that names the field and the cure."""

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.harness.wrong_manifests import Wrong, wrong_manifests
from tests.kubernetes.cluster import Cluster

Refusals = dict[str, str]
"""What kubectl said of each, by name."""


@pytest.fixture(scope="module")
def refusals(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Refusals:
    """What the API says of all of them: one kubectl asks for all, for it takes a second to begin."""
    folder = tmp_path_factory.mktemp("wrong")
    for one in wrong_manifests("api"):
        _write(folder, one.name, one.manifest)
    answer = cluster.run("kubectl", "apply", "--dry-run=server", "-f", folder)
    assert answer.returncode == 1
    assert answer.stdout == "", "some were accepted"
    return _by_name(answer.stderr, [one.name for one in wrong_manifests("api")])


def _write(folder: Path, name: str, manifest: dict[str, Any]) -> None:
    (folder / f"{name}.json").write_text(json.dumps(manifest))


def _by_name(text: str, names: list[str]) -> Refusals:
    """kubectl names the object, or the file where it could not be read as one."""
    said = [f"Error from server{part}" for part in text.split("Error from server")[1:]]
    return {name: next((one for one in said if f'"{name}"' in one or f"/{name}.json" in one), "") for name in names}


@pytest.mark.parametrize("wrong", wrong_manifests("api"), ids=lambda wrong: wrong.what)
def test_a_wrong_manifest_is_refused_with_its_field_and_the_cure(wrong: Wrong, refusals: Refusals) -> None:
    said = refusals[wrong.name]
    assert wrong.field in said and wrong.says in said, said


def test_a_change_that_may_not_be_is_refused_and_what_was_there_stays(cluster: Cluster, namespace: str) -> None:
    changes = wrong_manifests("change")
    apply = ("apply", "-n", namespace, "-f", "-")
    cluster.kubectl(*apply, text=_together([one.before for one in changes if one.before]))
    refused = cluster.run("kubectl", *apply, text=_together([one.manifest for one in changes]))
    assert refused.stdout == "", "some were accepted"
    said = _by_name(refused.stderr, [one.name for one in changes])
    assert len(changes) == 3
    for wrong in changes:
        assert wrong.field in said[wrong.name] and wrong.says in said[wrong.name], wrong.what


def _together(manifests: list[dict[str, Any]]) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": manifests})


def test_what_only_the_control_plane_can_refuse_is_accepted(cluster: Cluster) -> None:
    later = [one.manifest for one in wrong_manifests("condition")]
    applied = cluster.kubectl("apply", "--server-side", "--dry-run=server", "-f", "-", text=_together(later))
    assert len(applied.splitlines()) == len(later)
