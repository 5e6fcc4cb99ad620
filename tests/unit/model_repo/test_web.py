import asyncio
from collections.abc import AsyncGenerator, MutableMapping
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from control_plane.spec.errors import Code, TiermeshError
from model_repo import web
from tests.unit.model_repo.samples import client


async def fails(request: Request) -> Response:
    raise TiermeshError(Code.UNAVAILABLE, "Later.", retry_after_seconds=7)


async def crashes(request: Request) -> Response:
    raise ZeroDivisionError


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/fails", 503, "unavailable"),
        ("GET", "/nothing", 404, "not_found"),
        ("PUT", "/fails", 405, "method_not_allowed"),
    ],
)
async def test_every_error_has_the_shape_of_openai(method: str, path: str, status: int, code: str) -> None:
    async with client(web.application([Route("/fails", fails)])) as http:
        response = await http.request(method, path)
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)
    assert set(response.json()["error"]) == {"message", "type", "param", "code"}
    assert response.headers.get("retry-after") == ("7" if status == 503 else None)


async def test_a_crash_is_an_error_of_the_server_in_the_same_shape() -> None:
    sent = await respond(web.application([Route("/", crashes)]), raises=ZeroDivisionError)
    assert sent[0]["status"] == 500
    assert b'"code":"internal"' in sent[1]["body"]


async def test_a_failure_in_mid_stream_is_the_last_event_and_done_does_not_follow() -> None:
    async def chunks() -> AsyncGenerator[web.Event | None]:
        yield {"n": 1}
        raise TiermeshError(Code.UNAVAILABLE, "Gone.")

    sent = await respond(web.Events(chunks()))
    body = b"".join(message.get("body", b"") for message in sent)
    assert body.startswith(b'data: {"n":1}\n\ndata: {"error":')
    assert b"[DONE]" not in body


async def test_a_caller_who_leaves_while_a_chunk_is_sent_closes_the_generator_at_once() -> None:
    closed, sending = asyncio.Event(), asyncio.Event()

    async def chunks() -> AsyncGenerator[web.Event | None]:
        try:
            yield {}
        finally:
            closed.set()

    async def send(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.body":
            sending.set()
            await asyncio.Event().wait()

    events = web.Events(chunks())
    task = asyncio.create_task(events(SCOPE, never, send))
    await sending.wait()
    task.cancel()
    await asyncio.wait([task])
    assert closed.is_set()


SCOPE = {
    "type": "http",
    "asgi": {"spec_version": "2.4"},
    "method": "GET",
    "path": "/",
    "headers": [],
    "query_string": b"",
}


async def never() -> MutableMapping[str, Any]:
    await asyncio.Event().wait()
    raise AssertionError


async def respond(application: Any, raises: type[Exception] | None = None) -> list[MutableMapping[str, Any]]:
    """All messages that an application sends to one request."""
    sent: list[MutableMapping[str, Any]] = []

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    if raises is None:
        await application(SCOPE, never, send)
    else:
        with pytest.raises(raises):
            await application(SCOPE, never, send)
    return sent
