"""What an operator makes of custom resources, and says of them. One works for all tests of this file, in a namespace of
each: none of them does anything to it."""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from control_plane.client.versions import VersionsClient
from control_plane.spec.courses import Command
from control_plane.spec.documents import API_VERSION, parse
from tests.integration.control_plane.models.samples import registration
from tests.integration.kubernetes.mesh import ELSEWHERE, HERE, Mesh, Plane, until
from tests.kubernetes.cluster import Cluster, new_name
from tests.registry import copied
from tests.registry import empty_registry as empty_registry


@pytest.fixture(scope="module")
def meshes(request: pytest.FixtureRequest, cluster: Cluster, plane: Plane) -> Iterator[Iterator[Mesh]]:
    """One for each test, and an operator that works in them all."""
    with ExitStack() as stack:
        tests = [item for item in request.session.items if item.path == request.path]
        names = [stack.enter_context(cluster.namespace(new_name())) for _ in tests]
        found = [Mesh(cluster, name, plane) for name in names]
        stack.enter_context(found[0].operator(namespaces=",".join(names)))
        yield iter(found)


@pytest.fixture
def mesh(meshes: Iterator[Mesh]) -> Mesh:
    """A namespace that no other test has."""
    return next(meshes)


def test_drift_is_repaired_at_once_and_what_was_deleted_comes_back(mesh: Mesh) -> None:
    mesh.apply("Model", "big", HERE)
    mesh.ready("Model", "big")
    image = _image(mesh)
    mesh.kubectl("set", "image", "deployment/model-big", "*=evil:1")
    mesh.kubectl("label", "service", "model-big", "app.kubernetes.io/managed-by-")
    mesh.kubectl("delete", "pdb", "model-big", "--ignore-not-found")
    until(lambda: _image(mesh), lambda now: now == image)
    until(lambda: _labels(mesh), lambda now: "app.kubernetes.io/managed-by" in now)
    before: Any = mesh.get("Deployment", "model-big")
    mesh.kubectl("delete", "deployment", "model-big")
    found: Any = until(lambda: mesh.get("Deployment", "model-big"), lambda one: one is not None)
    assert found["metadata"]["uid"] != before["metadata"]["uid"]


def _image(mesh: Mesh) -> str:
    found: Any = mesh.get("Deployment", "model-big")
    return str(found["spec"]["template"]["spec"]["containers"][0]["image"])


def _labels(mesh: Mesh) -> dict[str, str]:
    found: Any = mesh.get("Service", "model-big")
    return dict(found["metadata"].get("labels", {}))


def test_what_is_suspended_is_left_alone_until_it_is_not(mesh: Mesh) -> None:
    with mesh.plane.client as client:
        mesh.apply("Model", "big", HERE)
        mesh.ready("Model", "big")
        mesh.apply("Model", "big", {**HERE, "version": "2", "suspend": True})
        until(lambda: mesh.condition("Model", "big"), lambda found: found[1] == "Suspended")
        mesh.kubectl("scale", "deployment/model-big", "--replicas=0")
        mesh.kubectl("delete", "service", "model-big")
        mesh.apply("Model", "small", ELSEWHERE)
        mesh.ready("Model", "small")  # by then the other one would have been repaired
        assert mesh.get("Service", "model-big") is None
        assert client.get("Model", "big", mesh.namespace).model_dump()["spec"]["version"] == "1"
        mesh.apply("Model", "big", {**HERE, "version": "2"})
        mesh.ready("Model", "big")
        assert mesh.get("Service", "model-big") is not None
        assert client.get("Model", "big", mesh.namespace).model_dump()["spec"]["version"] == "2"


def test_what_is_wrong_says_so_in_its_status_with_the_field_and_the_cure(mesh: Mesh) -> None:
    mesh.apply("Route", "shop", {"tiers": {"light": ["smal"]}})
    found = until(lambda: mesh.condition("Route", "shop", "Accepted"), lambda one: one[0] == "False")
    assert "spec.tiers.light[0]" in found[2]
    mesh.apply("Model", "smal", ELSEWHERE)
    mesh.ready("Route", "shop")


def test_what_another_manager_owns_is_refused_and_stays_what_it_was(mesh: Mesh) -> None:
    with mesh.plane.client as client:
        document = {
            "apiVersion": API_VERSION,
            "kind": "Model",
            "metadata": {"name": "small", "namespace": mesh.namespace, "managedBy": "tiermesh"},
            "spec": {**ELSEWHERE, "version": "theirs"},
        }
        client.apply([parse(document)], "alice")
        mesh.apply("Model", "small", ELSEWHERE)
        found = until(lambda: mesh.condition("Model", "small", "Accepted"), lambda one: one[0] == "False")
        assert "managed by 'tiermesh'" in found[2]
        assert client.get("Model", "small", mesh.namespace).model_dump()["spec"]["version"] == "theirs"


def test_the_status_of_a_child_becomes_the_resources_own(mesh: Mesh) -> None:
    mesh.apply("Model", "net", {"engine": "kserve", "tier": "light", "source": "s3://models/iris/model.joblib"})
    child: Any = until(lambda: _child(mesh), lambda one: one is not None)
    assert mesh.condition("Model", "net", "Deployed")[0] != "True"
    conditions = [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}]
    mesh.play("InferenceService", child["metadata"]["name"], {"conditions": conditions})
    mesh.ready("Model", "net")
    broken = [{**conditions[0], "status": "False", "reason": "NoGpu", "message": "no node has a GPU"}]
    mesh.play("InferenceService", child["metadata"]["name"], {"conditions": broken})
    found = until(lambda: mesh.condition("Model", "net"), lambda one: one[0] == "False")
    assert "no node has a GPU" in found[2]


def _child(mesh: Mesh) -> dict[str, Any] | None:
    return next(iter(mesh.list("InferenceService")), None)


def test_a_rollouts_steps_are_in_its_status(mesh: Mesh) -> None:
    mesh.shop()
    change = {"override": {"complexity": {"threshold": 0.2}}, "steps": [{"setWeight": 5}, {"pause": {}}]}
    mesh.apply("Rollout", "careful", {"route": "shop", **change})
    status: Any = until(
        lambda: (mesh.get("Rollout", "careful") or {}).get("status", {}), lambda one: one.get("phase") == "paused"
    )
    assert (status["step"], status["steps"], status["weight"]) == (2, 2, 5)
    table = mesh.kubectl("get", "rollouts")
    assert "paused" in table


def test_another_version_of_a_model_runs_beside_the_first_while_a_rollout_tries_it(
    mesh: Mesh, empty_registry: Path
) -> None:
    copied(empty_registry, mesh.plane.folder)
    with mesh.plane.client as client, VersionsClient(mesh.plane.replica.url) as registry:
        for number in (1, 2):
            registry.register("weights", registration(number), "ann")
        registry.promote("weights", 1, "live", "ann")
        mesh.shop()
        mesh.apply("Model", "big", {**HERE, "source": "models:/weights@live"})
        change = {"onChange": ["model"], "steps": [{"setWeight": 10}, {"pause": {}}]}
        mesh.apply("Rollout", "careful", {"route": "shop", **change})
        mesh.ready("Model", "big")
        mesh.ready("Rollout", "careful")
        registry.promote("weights", 2, "live", "ann")
        until(lambda: (mesh.get("Rollout", "careful") or {}).get("status", {}), lambda one: one.get("weight") == 10)
        assert [_weights(mesh, name) for name in ("model-big", "model-big--v2")] == [{"1.tar"}, {"2.tar"}]
        client.tell("careful", Command.PROMOTE, "ann", namespace=mesh.namespace, full=True)
        until(lambda: _weights(mesh, "model-big--v2"), lambda found: not found)
        assert _weights(mesh, "model-big") == {"2.tar"}
        mesh.ready("Model", "big")


def _weights(mesh: Mesh, name: str) -> set[str]:
    """Which of `registration`'s the objects of this name serve; none where there are none."""
    return {*re.findall(r"x\.test/(\d\.tar)", str([one for one in mesh.made() if one["metadata"]["name"] == name]))}


def test_an_experiments_state_and_verdict_are_in_its_status(mesh: Mesh) -> None:
    mesh.shop()
    asked = {"name": "sold", "of": "outcome", "outcome": "order", "kind": "proportion", "goal": "increase"}
    arms = [{"name": "a"}, {"name": "b", "override": {"complexity": {"threshold": 0.2}}}]
    metrics = [{**asked, "primary": True}]
    mesh.apply("Experiment", "which", {"route": "shop", "arms": arms, "metrics": metrics, "state": "running"})
    mesh.ready("Experiment", "which")
    status: Any = until(
        lambda: (mesh.get("Experiment", "which") or {}).get("status", {}), lambda one: one.get("verdict")
    )
    line = mesh.kubectl("get", "experiments").splitlines()[1]
    assert status["phase"] == "running"
    assert ["which", "shop", "running", status["verdict"]] == line.split()[:4]


def test_what_somebody_else_made_under_a_rendered_name_stays_theirs_and_a_condition_says_so(mesh: Mesh) -> None:
    theirs = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "model-big"}}
    mesh.put({**theirs, "spec": {"ports": [{"port": 1, "protocol": "TCP"}]}})
    mesh.apply("Model", "big", HERE)
    found = until(lambda: mesh.condition("Model", "big", "Deployed"), lambda one: one[1] == "WriteRefused")
    assert "Service 'model-big' is there already and belongs to nobody" in found[2]
    live: Any = mesh.get("Service", "model-big")
    assert (live["spec"]["ports"][0]["port"], live["metadata"].get("ownerReferences")) == (1, None)
    mesh.kubectl("delete", "service", "model-big")
    mesh.ready("Model", "big")
