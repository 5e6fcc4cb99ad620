"""The operator as a process: a real API server, a real control plane, a real router."""

from typing import Any

from control_plane.client.http import Client
from tests.integration.kubernetes.mesh import ELSEWHERE, HERE, Mesh, until


def _known(client: Client, mesh: Mesh, kind: str) -> set[str]:
    return {one.metadata.name for one in client.list(kind, mesh.namespace)}


def test_what_is_applied_runs_is_known_and_is_served_and_what_is_deleted_is_nowhere(mesh: Mesh) -> None:
    with mesh.operator() as operator, mesh.plane.client as client:
        mesh.shop()
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
        mesh.shop()
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
