"""What a caller may do in one namespace says nothing of another."""

import pytest

from control_plane.spec.documents import in_namespace
from tests.integration.control_plane.api.askers import Closed, bearer
from tests.unit.control_plane.samples import model, tenant


def test_a_batch_is_refused_whole_and_nothing_is_written_by_whoever_may_not(closed: Closed) -> None:
    http, secrets = closed
    documents = [in_namespace(model("mine"), "other"), model("mine")]
    headers = bearer(secrets["operator-elsewhere"])
    answer = http.post("/v1/documents", json={"documents": documents}, headers=headers)
    assert answer.status_code == 403
    assert "needs operator in the namespace 'default'" in answer.json()["detail"]
    everybody = bearer(secrets["viewer-everywhere"])
    for space in ("default", "other"):
        found = http.get("/v1/models/mine", params={"namespace": space}, headers=everybody)
        assert found.status_code == 404
    assert http.post("/v1/documents", json={"documents": documents[:1]}, headers=headers).is_success


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/documents"),
        ("GET", "/v1/models"),
        ("GET", "/v1/models/faq"),
        ("GET", "/v1/models/faq/revisions"),
        ("PUT", "/v1/models/faq"),
        ("DELETE", "/v1/models/faq"),
    ],
)
def test_what_counts_is_the_namespace_that_the_request_names(closed: Closed, method: str, path: str) -> None:
    http, secrets = closed
    body = in_namespace(model("faq"), "other") if method == "PUT" else None
    here, elsewhere = (
        http.request(method, path, params={"namespace": "other"}, json=body, headers=bearer(secrets[name]))
        for name in ("admin-here", "operator-elsewhere")
    )
    assert (here.status_code, here.json()["code"]) == (403, "forbidden")
    assert "in the namespace 'other'" in here.json()["detail"]
    assert elsewhere.status_code in (200, 404)


def test_a_document_cannot_say_another_namespace_than_the_one_that_was_permitted(closed: Closed) -> None:
    http, secrets = closed
    answer = http.put(
        "/v1/models/faq", json=in_namespace(model("faq"), "other"), headers=bearer(secrets["operator-here"])
    )
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "metadata.namespace")


@pytest.mark.parametrize("path", ["/v1/tenants?namespace=*", "/v1/documents"])
def test_lists_show_what_the_caller_may_view(closed: Closed, path: str) -> None:
    http, secrets = closed
    for space, name in (("default", "operator-here"), ("other", "operator-elsewhere")):
        params = {"namespace": space}
        assert http.put("/v1/tenants/acme", params=params, json=tenant(), headers=bearer(secrets[name])).is_success
    seen = {
        name: {
            item["metadata"].get("namespace", "default")
            for item in http.get(path, headers=bearer(secrets[name])).json()["items"]
        }
        for name in ("viewer-here", "viewer-elsewhere", "viewer-everywhere")
    }
    expected = {"viewer-here": {"default"}, "viewer-elsewhere": {"other"}, "viewer-everywhere": {"default", "other"}}
    assert seen == expected


def test_an_unknown_name_is_not_answered_with_what_the_caller_may_not_view(closed: Closed) -> None:
    http, secrets = closed
    params = {"namespace": "other"}
    hidden = bearer(secrets["operator-elsewhere"])
    assert http.put("/v1/tenants/hidden", params=params, json=tenant("hidden"), headers=hidden).is_success
    for path in ("/v1/tenants/hidden", "/v1/tenants/hidden/revisions"):
        hints = {
            name: "namespace 'other'" in http.get(path, headers=bearer(secrets[name])).json()["hint"]
            for name in ("viewer-here", "viewer-everywhere")
        }
        assert hints == {"viewer-here": False, "viewer-everywhere": True}
