"""By path to what answers; every mistake of a caller is an error in OpenAI's shape."""

import httpx2
import pytest

from routers import handler
from tests.unit.routers.mesh import mesh
from tests.unit.routers.samples import chat


def error_of(response: httpx2.Response) -> tuple[int, str]:
    """Status and code; the shape is checked on the way."""
    error = response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert response.headers["x-request-id"]
    return response.status_code, error["code"]


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/chat/completions", 405, "method_not_allowed"),
        ("DELETE", "/v1/models/shop", 405, "method_not_allowed"),
        ("POST", "/v1/models", 405, "method_not_allowed"),
        ("GET", "/", 404, "not_found"),
        ("POST", "/v1/chat/completions/", 404, "not_found"),
        ("GET", "/v1/modelsx", 404, "not_found"),
        ("GET", "/metrics", 404, "not_found"),
        ("POST", "/explain", 404, "not_found"),
        ("GET", "/v1/models/none", 404, "model_not_found"),
    ],
)
async def test_a_wrong_path_or_method_is_refused(method: str, path: str, status: int, code: str) -> None:
    async with mesh() as whole:
        assert error_of(await whole.http.request(method, path)) == (status, code)


async def test_the_models_are_the_routes() -> None:
    async with mesh() as whole:
        listed = (await whole.http.get("/v1/models")).json()
        assert [entry["id"] for entry in listed["data"]] == ["shop"]
        assert (await whole.http.get("/v1/models/shop")).json() == listed["data"][0]


async def test_an_unknown_model_is_answered_with_the_names_that_exist() -> None:
    async with mesh() as whole:
        response = await whole.chat(model="shpo")
        assert error_of(response) == (404, "model_not_found")
        message = response.json()["error"]["message"]
        assert "Did you mean 'shop'?" in message and "Models here: shop." in message
        assert response.json()["error"]["param"] == "model"


async def test_malformed_json_is_answered_with_its_place() -> None:
    async with mesh() as whole:
        response = await whole.http.post("/v1/chat/completions", content=b'{\n "model": }')
        assert error_of(response) == (400, "invalid_json")
        assert "line 2, column 11" in response.json()["error"]["message"]


@pytest.mark.parametrize("messages", ["hi", 7, {"role": "user"}, [7], [None], [{"role": "user"}], [[]]])
async def test_no_shape_of_messages_is_more_than_a_callers_mistake(messages: object) -> None:
    async with mesh() as whole:
        for path in ("/v1/chat/completions", "/v1/completions"):
            body = {"model": "shop", "prompt": "Once", "messages": messages}
            assert (await whole.http.post(path, json=body)).status_code in (200, 400)


async def test_before_the_first_snapshot_every_question_is_told_to_wait() -> None:
    async with mesh() as whole:
        whole.router.runtime = None
        for response in (await whole.chat(), await whole.http.get("/v1/models")):
            assert error_of(response) == (503, "unavailable")
            assert response.headers["retry-after"]


@pytest.mark.parametrize("given", ["a b", "x" * 129, "<script>", "é"])
async def test_an_id_that_is_harmful_in_a_header_or_a_log_is_replaced(given: str) -> None:
    async with mesh() as whole:
        headers = [(b"x-request-id", given.encode())]
        response = await whole.http.post("/v1/chat/completions", json=chat(), headers=headers)
        assert len(response.headers["x-request-id"]) == 32


async def test_each_request_has_an_id_of_its_own() -> None:
    async with mesh() as whole:
        ids = {(await whole.chat()).headers["x-request-id"] for _ in range(3)}
        assert len(ids) == 3


async def test_a_bug_is_an_error_with_the_id_to_report_and_the_next_request_is_answered(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a bug")

    async with mesh() as whole:
        with monkeypatch.context() as patch:
            patch.setattr(handler, "match", broken)
            response = await whole.chat(headers={"x-request-id": "id-7"})
        assert error_of(response) == (500, "internal")
        assert "a bug" not in response.text
        assert caplog.records[0].__dict__["fields"] == {"request_id": "id-7"}
        assert (await whole.chat()).status_code == 200


async def test_a_query_in_the_path_is_ignored() -> None:
    async with mesh() as whole:
        response = await whole.http.post("/v1/chat/completions?api-version=1", json=chat())
        assert response.status_code == 200


@pytest.mark.parametrize(
    ("method", "body", "status", "kind"),
    [
        ("GET", b"", 405, "invalid_request_error"),
        ("POST", b"{oops}", 400, "invalid_request_error"),
        (
            "POST",
            b'{"model":"none","max_tokens":1,"messages":[{"role":"user","content":"hi"}]}',
            404,
            "not_found_error",
        ),
    ],
)
async def test_callers_of_anthropics_api_get_its_errors(method: str, body: bytes, status: int, kind: str) -> None:
    async with mesh() as whole:
        response = await whole.http.request(method, "/v1/messages", content=body)
        assert (response.status_code, response.json()["error"]["type"]) == (status, kind)
        assert response.json()["type"] == "error"


async def test_callers_of_the_responses_api_get_openais_errors() -> None:
    async with mesh() as whole:
        assert error_of(await whole.http.get("/v1/responses")) == (405, "method_not_allowed")
        assert error_of(await whole.http.post("/v1/responses", content=b"{oops}")) == (400, "invalid_json")
