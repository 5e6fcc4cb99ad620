"""What is to be done about a custom resource."""

import json
from typing import Any

import pytest

from control_plane.spec.beside import BESIDE
from control_plane.spec.documents import TRIED, Model, parse
from operators.kinds import FINALIZER, child_key
from operators.observed import Patch, Standing
from operators.render import Offers
from operators.resource import Resource, digest
from operators.serving import Served
from tests.unit.operators.samples import (
    HERE,
    NOW,
    accepted,
    after,
    condition,
    live,
    look,
    resource,
    routers,
    running,
    types,
)


def test_a_new_resource_is_held_and_its_document_sent_with_its_manager() -> None:
    patch = look(resource(finalizers=[], labels={"team": "a"}))
    assert patch.hold
    assert patch.send == {
        "apiVersion": "tiermesh.dev/v1alpha1",
        "kind": "Model",
        "metadata": {"name": "small", "namespace": "team", "labels": {"team": "a"}, "managedBy": "kubernetes"},
        "spec": {"engine": "openai", "tier": "light", "url": "http://models.example/v1"},
    }
    assert patch.status is None


def test_of_annotations_those_of_the_mesh_are_a_part_of_the_document() -> None:
    patch = look(resource(annotations={"tiermesh.dev/commit": "4f2", "argocd.example/sync": "12:00"}))
    assert patch.send is not None
    assert patch.send["metadata"]["annotations"] == {"tiermesh.dev/commit": "4f2"}


def test_it_is_ready_once_every_router_serves_a_snapshot_that_holds_it() -> None:
    one = resource()
    patch = look(one, standing=accepted(one, 4), presence=routers(4, 5))
    assert types(patch) == ["Accepted", "Ready"]
    assert condition(patch, "Ready") == ("True", "Ready")
    assert patch.status is not None
    assert (patch.status["snapshot"], patch.status["observedGeneration"]) == (4, 1)
    assert "waitingFor" not in patch.status


def test_until_then_its_status_says_who_it_waits_for_and_who_refused() -> None:
    one = resource()
    patch = look(one, standing=accepted(one, 4), presence=routers(4, 3, refusing="no such tier"))
    assert condition(patch, "Ready") == ("False", "WaitingForRouters")
    assert patch.status is not None
    assert patch.status["waitingFor"] == ["router-1", "router-x"]
    assert "router-x refused snapshot 9: no such tier" in patch.status["conditions"][-1]["message"]


def test_where_no_router_is_alive_nothing_is_ready() -> None:
    one = resource()
    assert condition(look(one, standing=accepted(one), presence=routers()), "Ready") == ("False", "NoRouter")


@pytest.mark.parametrize("spec", [None, HERE])
def test_a_second_look_at_what_was_written_does_nothing(spec: dict[str, Any] | None) -> None:
    one = resource(finalizers=[], spec=spec)
    known = {"children": running(one) if spec else (), "presence": routers(4)}
    first = look(one, standing=accepted(one), **known)
    assert first.writes
    second = look(after(one, first), standing=accepted(one), **known)
    assert not second.writes
    assert second.happenings == ()


def test_a_new_process_writes_nothing_although_it_asks_the_control_plane_anew() -> None:
    one = resource()
    known = after(one, look(one, standing=accepted(one, 4), presence=routers(9)))
    for standing in (None, accepted(one, 9, changed=False), Standing(accepted(one).digest, unreachable="It is away.")):
        for presence in (None, routers(9)):
            assert look(known, standing=standing, presence=presence).status is None


def test_a_control_plane_that_was_set_up_anew_counts_its_snapshots_from_one() -> None:
    one = resource()
    known = after(one, look(one, standing=accepted(one, 4), presence=routers(9)))
    patch = look(known, standing=accepted(one, 1), presence=routers(1))
    assert patch.status is not None
    assert patch.status["snapshot"] == 1


def test_the_time_of_a_transition_stays_while_the_state_does() -> None:
    one = resource()
    known = after(one, look(one, standing=accepted(one), presence=routers(1)))
    for each in known.status["conditions"]:
        each["lastTransitionTime"] = "2026-01-01T00:00:00Z"
    patch = look(known, standing=accepted(one), presence=routers(4))
    assert patch.status is not None
    assert [one["lastTransitionTime"] for one in patch.status["conditions"]] == [
        "2026-01-01T00:00:00Z",
        NOW.strftime("%Y-%m-%dT%H:%M:%SZ"),
    ]


def test_a_document_that_is_wrong_is_not_sent_and_each_field_is_named() -> None:
    patch = look(resource(spec={"engine": "openai", "teir": "light", "url": "x"}))
    assert patch.send is None
    assert condition(patch, "Accepted") == ("False", "Invalid")
    assert condition(patch, "Ready") == ("False", "Invalid")
    assert patch.status is not None
    assert "did you mean 'tier'?" in patch.status["conditions"][0]["message"]


def test_what_the_control_plane_refuses_says_why_and_is_an_event() -> None:
    one = resource()
    refused = Standing(accepted(one).digest, refusal="spec.tiers.light[0]: there is no Model 'x'", reason="Invalid")
    patch = look(one, standing=refused)
    assert condition(patch, "Accepted") == ("False", "Invalid")
    assert [(each.reason, each.warning) for each in patch.happenings] == [("Invalid", True)]


def test_an_older_answer_says_nothing_about_what_is_sent_now() -> None:
    one = resource()
    assert look(one, standing=Standing("another")).status is None


def test_what_runs_here_is_written_and_its_address_goes_upwards() -> None:
    one = resource(name="big", spec=HERE)
    patch = look(one)
    assert [each["kind"] for each in patch.apply][:1] != []
    assert all(each["metadata"]["ownerReferences"][0]["uid"] == "uid-big" for each in patch.apply)
    assert patch.send is not None
    assert patch.send["spec"]["url"].startswith("http://model-big.team.svc")


def test_it_is_deployed_once_its_children_run() -> None:
    one = resource(name="big", spec=HERE)
    children = running(one)
    patch = look(one, standing=accepted(one), children=children, presence=routers(4))
    assert patch.apply == ()
    assert condition(patch, "Deployed") == ("True", "Deployed")
    children[0]["status"] = {}
    waiting = look(one, standing=accepted(one), children=children, presence=routers(4))
    assert condition(waiting, "Deployed") == condition(waiting, "Ready") == ("False", "NotRunning")


def test_drift_is_written_over_and_nothing_else_is() -> None:
    one = resource(name="big", spec=HERE)
    children = running(one)
    (deployment,) = (each for each in children if each["kind"] == "Deployment")
    deployment["spec"]["template"]["spec"]["containers"][0]["image"] = "evil"
    patch = look(one, standing=accepted(one), children=children, presence=routers(4))
    assert [each["kind"] for each in patch.apply] == ["Deployment"]
    assert [each.reason for each in patch.happenings][:1] == ["Applied"]


def test_what_ran_before_stays_until_what_takes_its_place_runs() -> None:
    one = resource(name="big", spec=HERE)
    children = running(one)
    old = {**children[0], "kind": "RayService", "apiVersion": "ray.io/v1"}
    assert look(one, standing=accepted(one), children=[*children, old]).prune == (old,)
    children[0]["status"] = {}
    assert look(one, standing=accepted(one), children=[*children, old]).prune == ()


def test_what_the_cluster_lacks_is_a_condition_and_nothing_is_sent() -> None:
    one = resource(name="big", spec=HERE | {"kubernetes": {"runtime": "ray"}})
    patch = look(one)
    assert patch.send is None
    assert condition(patch, "Deployed") == condition(patch, "Ready") == ("False", "Missing")
    assert look(one, offers=Offers({"RayService": "ray.io/v1"})).send is not None


def test_what_the_api_server_refuses_to_write_is_a_condition() -> None:
    one = resource(name="big", spec=HERE)
    patch = look(one, standing=accepted(one), children=running(one), problem="Deployment 'x' was not written: no.")
    assert condition(patch, "Deployed") == ("False", "WriteRefused")
    assert patch.send is not None


@pytest.mark.parametrize(("kind", "sent"), [("Deployment", False), ("Service", False), ("ServiceMonitor", True)])
def test_routers_hear_of_no_model_that_cannot_answer_since_what_answers_was_refused(kind: str, sent: bool) -> None:
    one, offers = resource(name="big", spec=HERE), Offers({"ServiceMonitor": "monitoring.coreos.com/v1"})
    children = [child for child in map(live, look(one, offers=offers).apply) if child["kind"] != kind]
    patch = look(one, children=children, offers=offers, problem="No.")
    assert [child["kind"] for child in patch.apply] == [kind]
    assert (patch.send is not None) == sent
    if not sent:
        assert condition(patch, "Deployed") == condition(patch, "Ready") == ("False", "WriteRefused")


def test_a_suspended_resource_is_left_alone_and_keeps_what_was_known_of_it() -> None:
    one = resource()
    known = after(one, look(one, standing=accepted(one), presence=routers(4)))
    suspended = Resource({**known.body, "spec": {**known.spec, "suspend": True}})
    patch = look(suspended)
    assert (patch.send, patch.apply, patch.hold) == (None, (), False)
    assert condition(patch, "Ready") == ("Unknown", "Suspended")
    assert condition(patch, "Accepted") == ("True", "Accepted")
    assert not look(after(suspended, patch)).writes


def test_a_document_does_not_say_that_it_is_suspended() -> None:
    patch = look(resource(spec={"engine": "openai", "tier": "light", "url": "http://x/v1", "suspend": False}))
    assert patch.send is not None
    assert "suspend" not in patch.send["spec"]


def test_how_far_a_rollout_is_stays_in_its_status_while_nobody_says() -> None:
    one = resource(
        "Rollout", spec={"route": "shop", "override": {"complexity": {"threshold": 0}}, "steps": [{"setWeight": 5}]}
    )
    patch = look(one, standing=accepted(one), presence=routers(4), progress={"phase": "progressing", "step": 1})
    assert patch.status is not None
    assert (patch.status["phase"], patch.status["step"]) == ("progressing", 1)
    assert look(after(one, patch), standing=accepted(one), presence=routers(4)).status is None


def test_what_is_sent_reads_well_where_it_goes() -> None:
    sent = look(resource(name="big", spec=HERE)).send
    assert sent is not None
    assert parse(sent).metadata.managed_by == "kubernetes"
    assert digest(sent) == digest(dict(reversed([*sent.items()])))


def test_a_model_of_the_registry_runs_once_its_version_is_known() -> None:
    one = resource(name="big", spec=HERE | {"source": "models:/big@production"})
    patch = look(one, served=Served())
    assert (patch.apply, patch.send is not None) == ((), True)


def _serving(one: Resource, source: str, name: str = "", **annotations: str) -> Model:
    """As the control plane says that a Model, or another version of it, is to be served."""
    said = one.document(source=source, sha256="0" * 64, version="3")
    assert isinstance(said, Model)
    of = {"name": name or "big", "annotations": annotations}
    return said.model_copy(update={"metadata": said.metadata.model_copy(update=of)})


@pytest.mark.parametrize(
    ("spec", "url", "kind"),
    [
        ({"engine": "triton"}, "http://model-big.team.svc:8000", "Deployment"),
        ({"engine": "triton", "protocol": "oip-grpc"}, "http://model-big.team.svc:8001", "Deployment"),
        ({"engine": "kserve"}, "http://model-big-http.team.svc:8080", "InferenceService"),
    ],
    ids=["triton", "triton over grpc", "kserve"],
)
def test_a_model_whose_engine_only_a_cluster_runs_gets_its_version_by_saying_first_where_it_will_answer(
    spec: dict[str, str], url: str, kind: str
) -> None:
    runs = {"modelFormat": "sklearn"} if spec["engine"] == "kserve" else {}
    said = {**spec, "tier": "light", "source": "models:/big@production", "kubernetes": runs}
    one, offers = resource(name="big", spec=said), Offers({"InferenceService": "serving.kserve.io/v1beta1"})
    assert look(one, offers=offers).send is None  # what was tried before this process began would be lost
    first = look(one, offers=offers, served=Served())
    assert first.send is not None and (first.apply, first.send["spec"]["url"]) == ((), url)
    source = "hf://org/big@abc" if kind == "InferenceService" else "file:///weights"
    known: dict[str, Any] = {"offers": offers, "served": Served.of([_serving(one, source)])}
    second = look(one, **known)
    assert kind in {child["kind"] for child in second.apply}
    assert second.send == first.send
    status = look(one, standing=accepted(one, **known), **known).status or {}
    assert "checksum of the registry's version is not checked" in status["conditions"][1]["message"]


def test_a_version_that_a_rollout_tries_runs_beside_the_stable_one_until_it_is_tried_no_more() -> None:
    one = resource(name="big", spec=HERE | {"source": "models:/big@live"})
    stable, other = _serving(one, "hf://org/old"), _serving(one, "hf://org/new", "big--v4", **{TRIED: "big"})
    before, tried = {"served": Served.of([stable])}, {"served": Served.of([stable, other])}
    alone, both = look(one, **before), look(one, **tried)
    assert [_said(each) for each in (alone, both)] == [
        {},
        {"big--v4": ["http://model-big--v4.team.svc:8000/team_big--v4/v1", False]},
    ]
    added = [child for child in both.apply if child not in alone.apply]
    assert [*alone.apply, *added] == [*both.apply]
    assert {child["kind"] for child in added} >= {"Deployment", "Service"}
    assert all("hf://org/new" not in str(child) for child in alone.apply) and "org/new" in str(added)

    ran = [live(child) for child in both.apply]
    assert _said(look(one, children=ran, **tried))["big--v4"][1]
    assert not look(one, children=ran, **tried).apply
    gone = look(one, children=ran, **before)
    assert ({child_key(child) for child in gone.prune}, gone.send) == (
        {child_key(child) for child in added},
        alone.send,
    )


def _said(patch: Patch) -> dict[str, list[Any]]:
    """Where other versions run, as the control plane is told, and whether they do."""
    assert patch.send is not None
    found = json.loads(patch.send["metadata"]["annotations"][BESIDE])
    return {name: [place["url"], place["running"]] for name, place in found.items()}


def test_a_bento_of_the_registry_is_told_at_once_that_there_is_none() -> None:
    said = {"engine": "bento", "tier": "light", "source": "models:/big@production", "kubernetes": {"image": "a:1"}}
    patch = look(resource(name="big", spec=said))
    assert patch.send is None and patch.status is not None
    assert "A Bento holds its weights: remove source." in patch.status["conditions"][0]["message"]


def test_an_unheld_resource_is_held() -> None:
    assert look(resource(finalizers=["others.example/x"])).hold
    assert not look(resource(finalizers=["others.example/x", FINALIZER])).hold
    assert not Patch().writes
