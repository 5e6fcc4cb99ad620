"""Every error is a problem that says what to do, the framework's own included."""

import httpx2
import pytest

from tests.unit.control_plane.samples import model

_JSON = {"content-type": "application/json"}


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "status", "code", "detail"),
    [
        ("GET", "/v1/nothing", b"", {}, 404, "not_found", "nothing at /v1/nothing"),
        ("PATCH", "/v1/models", b"", {}, 405, "method_not_allowed", "/v1/models does not take PATCH"),
        ("POST", "/v1/documents", b'{"documents":\n [}', _JSON, 400, "invalid_json", "at line 2, column 3."),
        ("POST", "/v1/documents", b"\xff", _JSON, 400, "invalid_json", "cannot be read"),
        ("POST", "/v1/documents", b"[" * 100_000, _JSON, 400, "invalid_json", "cannot be read"),
        ("POST", "/v1/documents", b"9" * 5_000, _JSON, 400, "invalid_json", "cannot be read"),
        ("POST", "/v1/documents", b"", _JSON, 400, "invalid_request", "body: Field required"),
        ("POST", "/v1/documents", b"{}", {"content-type": "text/plain"}, 400, "invalid_request", "dictionary"),
        ("GET", "/v1/snapshots/one", b"", {}, 400, "invalid_request", "number: "),
        ("GET", "/v1/snapshots?limit=0", b"", {}, 400, "invalid_request", "limit: "),
        ("GET", "/v1/snapshots?limits=1", b"", {}, 400, "invalid_request", "no query parameter 'limits'"),
        ("PUT", "/v1/models/a", b'{"kind": "\\ud800"}', _JSON, 422, "invalid_document", "'\\ud800'"),
    ],
)
def test_an_error_is_a_problem_with_a_stable_type_and_a_hint(
    quiet_api: httpx2.Client,
    method: str,
    path: str,
    body: bytes,
    headers: dict[str, str],
    status: int,
    code: str,
    detail: str,
) -> None:
    answer = quiet_api.request(method, path, content=body, headers=headers)
    problem = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert (problem["type"], problem["code"], problem["status"]) == (
        f"tag:tiermesh.dev,2026:problems/{code}",
        code,
        status,
    )
    assert detail in problem["detail"]
    assert problem["hint"]


def test_a_method_that_is_not_taken_says_which_are(quiet_api: httpx2.Client) -> None:
    assert quiet_api.patch("/v1/models").headers["allow"] == "GET"
    assert quiet_api.patch("/v1/models/faq").headers["allow"] == "DELETE, GET, PUT"
    assert quiet_api.patch("/v1/tokens").headers["allow"] == "GET, POST"


def test_an_unknown_query_parameter_is_answered_with_the_nearest(quiet_api: httpx2.Client) -> None:
    answer = quiet_api.put("/v1/models/faq", params={"autor": "alice"}, json=model())
    assert answer.json()["hint"] == "Did you mean 'author'?"
    assert quiet_api.get("/v1/models/faq").status_code == 404


def test_an_inner_failure_tells_a_caller_nothing_of_the_inside(
    api: httpx2.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("the secret is 42")

    monkeypatch.setattr("control_plane.store.snapshots.summaries", broken)
    answer = api.get("/v1/snapshots")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert "42" not in answer.text
