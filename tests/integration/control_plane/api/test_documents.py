"""Documents over HTTP."""

import json

import httpx2
import pytest

from control_plane.spec.documents import in_namespace, versioned
from tests.unit.control_plane.samples import generating, model, route, shop


def _apply(api: httpx2.Client, *documents: object, **more: object) -> httpx2.Response:
    return api.post("/v1/documents", json={"documents": documents, **more})


def test_a_document_that_was_put_is_got_as_it_was_written(api: httpx2.Client) -> None:
    put = api.put("/v1/models/faq", params={"author": "alice", "reason": "first"}, json=model())
    assert put.status_code == 200
    applied = put.json()
    (difference,) = applied.pop("diff")
    assert (difference["path"], difference["before"], difference["after"]["name"]) == ("backends[faq]", None, "faq")
    assert applied == {
        "changes": [{"kind": "Model", "name": "faq", "namespace": "default", "generation": 1, "outcome": "created"}],
        "snapshot": 1,
        "published": True,
        "dryRun": False,
        "diffComplete": True,
    }
    got = api.get("/v1/models/faq")
    assert got.json() == versioned(model(), 1)
    (revision,) = api.get("/v1/models/faq/revisions").json()["items"]
    assert got.headers["etag"] == f'"1-{revision["sha256"]}"'
    assert (revision["author"], revision["reason"], revision["firstSnapshot"]) == ("alice", "first", 1)


def test_a_kind_is_listed_by_name_without_what_was_deleted(api: httpx2.Client) -> None:
    _apply(api, *shop(), model("zebra"), model("gone"))
    assert api.delete("/v1/models/gone").json()["changes"][0]["outcome"] == "deleted"
    assert [item["metadata"]["name"] for item in api.get("/v1/models").json()["items"]] == ["assistant", "faq", "zebra"]
    assert api.get("/v1/routes").json() == {"items": [versioned(route(), 1)]}


def test_the_revisions_outlive_the_document(api: httpx2.Client) -> None:
    _apply(api, model())
    api.delete("/v1/models/faq", params={"author": "bob"})
    assert api.get("/v1/models/faq").status_code == 404
    revisions = api.get("/v1/models/faq/revisions").json()["items"]
    assert [(one["generation"], one["deleted"], one["document"]) for one in revisions] == [
        (2, True, None),
        (1, False, model()),
    ]


def test_a_bad_document_in_a_batch_changes_nothing_and_all_are_named(api: httpx2.Client) -> None:
    answer = _apply(api, model(), {"kind": "Modle"}, 4, generating(teir="heavy"))
    assert answer.status_code == 422
    assert [wrong["field"] for wrong in answer.json()["errors"]] == [
        "documents[1].kind",
        "documents[2]",
        "documents[3].spec",
    ]
    assert api.get("/v1/models").json() == {"items": []}
    assert api.get("/v1/snapshots").json() == {"items": []}


def test_a_route_to_a_model_that_does_not_exist_is_refused(api: httpx2.Client) -> None:
    answer = api.put("/v1/routes/shop", json=route(tiers={"light": ["faq"]}))
    assert answer.status_code == 422
    assert answer.json()["code"] == "invalid_document"
    assert answer.json()["errors"] == [
        {"field": "Route/shop.spec.tiers.light[0]", "message": "there is no Model 'faq'; there are: none"}
    ]


def test_deleting_a_model_that_a_route_names_is_refused_with_the_route(api: httpx2.Client) -> None:
    _apply(api, *shop())
    answer = api.delete("/v1/models/assistant")
    assert answer.status_code == 409
    assert "Route 'shop'" in answer.json()["detail"]
    assert api.get("/v1/models/assistant").status_code == 200


def test_a_dry_run_answers_what_would_happen(api: httpx2.Client) -> None:
    answer = api.post("/v1/documents", params={"dryRun": "true"}, json={"documents": shop()})
    assert (answer.json()["snapshot"], answer.json()["published"], answer.json()["dryRun"]) == (1, True, True)
    assert api.get("/v1/snapshots").json() == {"items": []}


@pytest.mark.parametrize(
    ("path", "field"), [("/v1/models/other", "metadata.name"), ("/v1/routes/faq", "kind")], ids=["name", "kind"]
)
def test_a_path_and_a_document_that_disagree_are_refused(api: httpx2.Client, path: str, field: str) -> None:
    answer = api.put(path, json=model())
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field


@pytest.mark.parametrize("path", ["/v1/models/fab", "/v1/models/fab/revisions"])
def test_an_unknown_name_is_answered_with_the_nearest(api: httpx2.Client, path: str) -> None:
    _apply(api, model())
    answer = api.get(path)
    assert (answer.status_code, answer.json()["hint"]) == (404, "Did you mean 'faq'?")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "documents"),
        ({"documents": {}}, "documents"),
        ({"documents": [1], "author": ""}, "author"),
        ({"documents": [1], "reason": 4}, "reason"),
        ({"documents": [1], "reason": "\ud800"}, "reason"),
        ([], "body"),
    ],
)
def test_a_batch_of_another_shape_names_the_field(quiet_api: httpx2.Client, body: object, field: str) -> None:
    # json.dumps escapes half characters, as a careless caller would
    content = json.dumps(body)
    answer = quiet_api.post("/v1/documents", content=content, headers={"content-type": "application/json"})
    assert answer.status_code == 400
    assert [wrong["field"] for wrong in answer.json()["errors"]] == [field]


def test_a_batch_of_nothing_is_refused_and_says_what_it_may_hold(quiet_api: httpx2.Client) -> None:
    answer = quiet_api.post("/v1/documents", json={"documents": [], "deleted": []})
    assert (answer.status_code, answer.json()["hint"]) == (422, "Name what to write, or what to delete.")


def test_an_unknown_member_of_a_batch_is_answered_with_the_nearest(quiet_api: httpx2.Client) -> None:
    assert "did you mean 'documents'" in _apply(quiet_api, document=[]).json()["detail"]


def test_a_write_from_an_older_version_shows_both_sides(api: httpx2.Client) -> None:
    for version in ("1", "2"):
        _apply(api, model(version=version))
    answer = api.put("/v1/models/faq", json=versioned(model(version="3"), 1))
    assert (answer.status_code, answer.headers["content-type"]) == (409, "application/problem+json")
    problem = answer.json()
    assert (problem["code"], problem["current"]["spec"]["version"], problem["yours"]["spec"]["version"]) == (
        "conflict",
        "2",
        "3",
    )
    assert problem["errors"] == [{"field": "spec.version", "message": "is '2' now, and yours says '3'"}]
    assert api.put("/v1/models/faq", json={**problem["yours"], "metadata": problem["current"]["metadata"]}).is_success
    assert _apply(api, versioned(model(), 2)).status_code == 409


def test_one_version_is_deleted_and_no_other(api: httpx2.Client) -> None:
    _apply(api, model())
    assert api.delete("/v1/models/faq", params={"resourceVersion": "2"}).status_code == 409
    assert api.delete("/v1/models/faq", params={"resourceVersion": "1"}).is_success
    assert api.delete("/v1/models/faq", params={"resourceVersion": "x"}).status_code == 400


def test_a_namespace_is_part_of_the_address(api: httpx2.Client) -> None:
    assert (
        api.put("/v1/models/faq", params={"namespace": "team"}, json=model()).json()["changes"][0]["namespace"]
        == "team"
    )
    assert api.get("/v1/models/faq").json()["hint"].startswith("There is one in namespace 'team'")
    assert api.get("/v1/models/faq", params={"namespace": "team"}).json()["metadata"] == {
        "name": "faq",
        "namespace": "team",
        "resourceVersion": "1",
    }
    _apply(api, model())
    listed = {
        space: len(api.get("/v1/models", params={"namespace": space}).json()["items"]) for space in ("team", "x", "*")
    }
    assert listed == {"team": 1, "x": 0, "*": 2}
    assert len(api.get("/v1/models/faq/revisions", params={"namespace": "team"}).json()["items"]) == 1
    answer = api.put("/v1/models/faq", params={"namespace": "other"}, json=in_namespace(model(), "team"))
    assert answer.json()["errors"][0] == {
        "field": "metadata.namespace",
        "message": "is 'team', but the path says 'other'",
    }
    assert api.delete("/v1/models/faq", params={"namespace": "team"}).is_success
    assert api.get("/v1/models", params={"namespace": "A"}).status_code == 400


def test_all_documents_are_exported_in_one_answer_without_versions(api: httpx2.Client) -> None:
    _apply(api, *shop(), in_namespace(model(), "team"), model("gone"))
    api.delete("/v1/models/gone")
    items = api.get("/v1/documents").json()["items"]
    assert items == [generating(), model(), in_namespace(model(), "team"), route()]
    assert api.get("/v1/documents", params={"namespace": "team"}).json()["items"] == items[2:3]


def test_a_write_says_who_manages(api: httpx2.Client) -> None:
    managed = {**model(), "metadata": {"name": "faq", "managedBy": "kubernetes"}}
    assert api.put("/v1/models/faq", params={"manager": "kubernetes"}, json=managed).is_success
    assert api.delete("/v1/models/faq").status_code == 409
    assert _apply(api, model()).status_code == 409
    assert _apply(api, model(), manager="kubernetes").is_success


def test_a_batch_writes_and_deletes_at_once(api: httpx2.Client) -> None:
    _apply(api, *shop())
    gone = [{"kind": "Route", "name": "shop"}, {"kind": "Model", "name": "assistant"}, {"kind": "Model", "name": "no"}]
    answer = _apply(api, route("other", tiers={"light": ["faq"]}), deleted=gone)
    assert {change["name"]: change["outcome"] for change in answer.json()["changes"]} == {
        "shop": "deleted",
        "assistant": "deleted",
        "other": "created",
    }
    assert answer.json()["snapshot"] == 2


def test_a_batch_deletes_nothing_that_a_document_names_which_stays(api: httpx2.Client) -> None:
    _apply(api, *shop())
    answer = _apply(api, deleted=[{"kind": "Model", "name": "assistant"}])
    assert (answer.status_code, answer.json()["detail"]) == (409, "Model 'assistant' is named by Route 'shop'.")
    assert api.get("/v1/models/assistant").status_code == 200


def test_a_batch_of_nothing_is_refused(quiet_api: httpx2.Client) -> None:
    assert _apply(quiet_api).json()["errors"][0]["field"] == "documents"


def test_a_batch_deletes_no_kind_that_is_not_there(quiet_api: httpx2.Client) -> None:
    answer = _apply(quiet_api, deleted=[{"kind": "Modle", "name": "faq"}])
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "deleted[0].kind")
