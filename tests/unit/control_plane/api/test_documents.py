"""Documents over HTTP."""

import json

import httpx2
import pytest

from control_plane.spec.documents import versioned
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
        ({"documents": []}, "documents"),
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


def test_an_unknown_member_of_a_batch_is_answered_with_the_nearest(quiet_api: httpx2.Client) -> None:
    assert "did you mean 'documents'" in _apply(quiet_api, document=[]).json()["detail"]
