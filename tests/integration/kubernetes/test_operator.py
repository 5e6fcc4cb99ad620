"""The operator as a process: a real API server, a real control plane, a real router."""

import re
from pathlib import Path
from typing import Any

from control_plane.client.http import Client
from control_plane.client.versions import VersionsClient
from control_plane.spec.courses import Command
from control_plane.spec.documents import API_VERSION, parse
from tests.integration.control_plane.models.samples import registration
from tests.integration.kubernetes.mesh import ELSEWHERE, HERE, Mesh, until
from tests.registry import copied
from tests.registry import empty_registry as empty_registry

SHOP = {"tiers": {"light": ["small"], "heavy": ["big"]}}


def _known(client: Client, mesh: Mesh, kind: str) -> set[str]:
    return {one.metadata.name for one in client.list(kind, mesh.namespace)}


def _shop(mesh: Mesh) -> None:
    mesh.apply("Model", "small", ELSEWHERE)
    mesh.apply("Model", "big", HERE)
    mesh.apply("Route", "shop", SHOP)


def test_what_is_applied_runs_is_known_and_is_served_and_what_is_deleted_is_nowhere(mesh: Mesh) -> None:
    with mesh.operator() as operator, mesh.plane.client as client:
        _shop(mesh)
        mesh.ready("Model", "small", "big")
        mesh.ready("Route", "shop")
        known = client.get("Model", "big", mesh.namespace)
        assert known.metadata.managed_by == "kubernetes"
        model: Any = mesh.get("Model", "big")
        assert known.model_dump(mode="json")["spec"]["url"] == model["status"]["url"]
        assert (model["status"]["replicas"], model["status"]["snapshot"] > 0) == (1, True)
        assert mesh.get("Deployment", "model-big") is not None

        mesh.apply("Model", "small", {**ELSEWHERE, "version": "2"})
        until(
            lambda: client.get("Model", "small", mesh.namespace).model_dump()["spec"]["version"], lambda at: at == "2"
        )
        until(lambda: mesh.get("Model", "small") or {}, lambda one: one["status"]["observedGeneration"] == 2)

        # The Model is named by the Route, and goes once that has gone.
        mesh.kubectl("delete", "model", "big", "--wait=false")
        until(lambda: mesh.condition("Model", "big"), lambda found: found[1] == "InUse")
        assert "Route" in mesh.condition("Model", "big")[2]
        mesh.kubectl("delete", "route", "shop", "--timeout=90s")
        mesh.kubectl("wait", "--for=delete", "model/big", "--timeout=90s")
        until(lambda: mesh.get("Deployment", "model-big"), lambda one: one is None)
        assert _known(client, mesh, "Model") == {"small"}
        events = mesh.kubectl("get", "events", "--field-selector=involvedObject.name=big", "-o", "name")
        assert events
        assert operator.metric("tiermesh_operator_reconciles_total") > 0


def test_a_process_that_was_killed_writes_nothing_when_it_is_started_again(mesh: Mesh) -> None:
    with mesh.operator() as operator:
        _shop(mesh)
        mesh.ready("Model", "small", "big")
        mesh.ready("Route", "shop")
        before = mesh.versions()
        operator.kill()
        operator.start()
        operator.wait()
        until(lambda: operator.metric("tiermesh_operator_reconciles_total"), lambda looks: looks >= 6)
        until(lambda: operator.metric("tiermesh_operator_unsaid"), lambda unsaid: unsaid == 0)
        assert operator.metric("tiermesh_operator_unready") == 0
        assert mesh.versions() == before


def test_drift_is_repaired_at_once_and_what_was_deleted_comes_back(mesh: Mesh) -> None:
    with mesh.operator():
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


def test_of_two_operators_one_works_and_the_other_goes_on_when_it_ends(mesh: Mesh) -> None:
    with mesh.operator("one") as one, mesh.operator("other") as other:
        until(lambda: {one.state(), other.state()}, lambda states: states == {"leads", "stands by"})
        first, second = (one, other) if one.state() == "leads" else (other, one)
        mesh.apply("Model", "small", ELSEWHERE)
        mesh.ready("Model", "small")
        assert second.metric("tiermesh_operator_reconciles_total") == 0
        first.kill()
        second.wait()
        mesh.apply("Model", "later", ELSEWHERE)
        mesh.ready("Model", "later")
        second.stop()
        lease: Any = mesh.get("Lease", "tiermesh-operator")
        assert lease["spec"].get("holderIdentity", "") == ""


def test_what_is_suspended_is_left_alone_until_it_is_not(mesh: Mesh) -> None:
    with mesh.operator(), mesh.plane.client as client:
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
    with mesh.operator() as operator:
        operator.wait()
        mesh.apply("Route", "shop", {"tiers": {"light": ["smal"]}})
        found = until(lambda: mesh.condition("Route", "shop", "Accepted"), lambda one: one[0] == "False")
        assert "spec.tiers.light[0]" in found[2]
        mesh.apply("Model", "smal", ELSEWHERE)
        mesh.ready("Route", "shop")


def test_what_another_manager_owns_is_refused_and_stays_what_it_was(mesh: Mesh) -> None:
    with mesh.operator(), mesh.plane.client as client:
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
    with mesh.operator():
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
    with mesh.operator():
        _shop(mesh)
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
    with mesh.operator(), mesh.plane.client as client, VersionsClient(mesh.plane.replica.url) as registry:
        for number in (1, 2):
            registry.register("weights", registration(number), "ann")
        registry.promote("weights", 1, "live", "ann")
        _shop(mesh)
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
    with mesh.operator():
        _shop(mesh)
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


def test_a_document_whose_resource_went_unseen_goes_too(mesh: Mesh) -> None:
    with mesh.operator() as operator, mesh.plane.client as client:
        mesh.apply("Model", "small", ELSEWHERE)
        mesh.ready("Model", "small")
        operator.kill()
        mesh.kubectl("patch", "model", "small", "--type=merge", "-p", '{"metadata":{"finalizers":null}}')
        mesh.kubectl("delete", "model", "small")
        assert _known(client, mesh, "Model") == {"small"}
        operator.start()
        until(lambda: _known(client, mesh, "Model"), lambda names: not names)


def test_a_deletion_does_not_wait_for_ever_for_a_control_plane_that_is_gone(mesh: Mesh) -> None:
    with mesh.operator(deletion_seconds=2) as operator:
        mesh.apply("Model", "big", HERE)
        mesh.ready("Model", "big")
        operator.stop()
    with mesh.operator(deletion_seconds=2, control_plane_url="http://127.0.0.1:9") as operator:
        operator.wait()
        mesh.kubectl("delete", "model", "big", "--timeout=90s")
        until(lambda: mesh.get("Deployment", "model-big"), lambda one: one is None)
    with mesh.operator(), mesh.plane.client as client:
        until(lambda: _known(client, mesh, "Model"), lambda names: not names)
