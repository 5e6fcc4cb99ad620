"""Models that mean ill, or are broken: no caller gets what was not said to it, and nothing grows without bounds."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx2
import orjson
import pytest

from control_plane.spec.errors import Code
from routers.upstream import Origin, UpstreamClient, UpstreamLimits
from tests.stub_upstream import Behaviour, Received, answer, chunk, completion, event, head, raw
from tests.unit.routers.mesh import Mesh, code_of, mesh, said
from tests.unit.routers.raw import connected
from tests.unit.routers.samples import chat
from tests.unit.routers.scripted_upstream import OK, REQUEST, upstream

ONE_TRY: dict[str, Any] = {"retries": {"attempts": 1}, "breaker": {"enabled": False}}
CHUNKED = {"transfer-encoding": "chunked", "content-type": "application/json"}
EVENTS = {"transfer-encoding": "chunked", "content-type": "text/event-stream"}


@pytest.fixture
async def whole() -> AsyncIterator[Mesh]:
    """A router that asks one Model, once, and caches nothing."""
    async with mesh() as found:
        spec: dict[str, Any] = {"tiers": {"light": ["light"], "heavy": []}, "resilience": ONE_TRY}
        found.put_in_force(found.documents(**spec, cache={"exact": {"enabled": False}}), 2)
        yield found


def flood(begin: bytes, piece: bytes) -> Behaviour:
    """This, and then that for ever."""

    async def behave(received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(begin)
        try:
            while True:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)  # where the kernel takes all of it, nothing else waits
        finally:
            received.left.set()

    return behave


@pytest.mark.parametrize(
    ("begin", "piece"),
    [
        (b"HTTP/1.1 200 OK\r\nA: ", b"x" * 10_000),
        (b"HTTP/1.1 200 OK\r\n", b"A: b\r\n" * 1000),
        (b"", b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" * 100),
        (head(200, CHUNKED) + chunk(b"a") + b"0\r\n", b"A: b\r\n" * 1000),
        (head(200, CHUNKED) + b"1;", b"x" * 10_000),
    ],
    ids=["header", "headers", "1xx", "trailers", "chunk extension"],
)
async def test_a_head_without_an_end_is_read_no_further(begin: bytes, piece: bytes) -> None:
    async with upstream() as model:
        model.stub.script(flood(begin, piece))
        error = await model.refused()
        assert (error.code, "larger than 65536 bytes" in error.message) == (Code.UPSTREAM_FAILED, True)
        await (await model.stub.received()).left.wait()


async def test_a_body_without_an_end_is_read_no_further() -> None:
    async with upstream(max_answer_bytes=1_000_000) as model:
        model.stub.script(flood(head(200, CHUNKED), chunk(b"x" * 10_000)))
        assert "larger than 1000000 bytes" in (await model.refused()).message
        await (await model.stub.received()).left.wait()


async def test_a_long_stream_whose_chunks_come_in_parts_is_no_endless_head() -> None:
    async def parts(received: object, writer: asyncio.StreamWriter) -> None:
        writer.write(head(200, CHUNKED))
        for _ in range(60):
            for part in (b"1\r\n", b"x", b"\r\n"):
                writer.write(part)
                await asyncio.sleep(0.001)
        writer.write(chunk(b""))

    async with upstream(max_head_bytes=150) as model:
        model.stub.script(parts)
        assert await model.ask() == b"x" * 60


@pytest.mark.parametrize(
    "second", [b"H", b"HTTP/1.1 500", b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil", b"junk"]
)
async def test_what_follows_an_answer_becomes_no_part_of_the_next(second: bytes) -> None:
    """Else it would go to another caller."""
    async with upstream() as model:
        model.stub.script(raw(OK + second, close=False))
        assert (await model.refused()).code is Code.UPSTREAM_FAILED
        assert b"evil" not in await model.ask()
        assert model.stub.accepted == 2


async def test_empty_lines_after_an_answer_are_no_answer() -> None:
    async with upstream() as model:
        model.stub.script(raw(OK + b"\r\n", close=False))
        assert (await model.ask(), model.stub.accepted) == (b"ok", 1)


async def test_trailers_are_no_headers() -> None:
    async with upstream() as model:
        data = head(200, CHUNKED) + chunk(b"ok") + b"0\r\ncontent-encoding: gzip\r\n\r\n"
        model.stub.script(raw(data, close=False))
        exchange = await model.send()
        assert await exchange.read() == b"ok"
        assert b"content-encoding" not in exchange.headers


async def test_a_model_that_answers_before_it_has_read_is_not_asked_again_on_that_connection() -> None:
    """It may never read on: the next request would wait behind what it leaves unread."""
    accepted, over = asyncio.Semaphore(0), asyncio.Event()

    async def answer_at_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted.release()
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        await over.wait()
        writer.transport.abort()

    server = await asyncio.start_server(answer_at_once, "127.0.0.1", 0, limit=1024)
    client = UpstreamClient(UpstreamLimits())
    origin = Origin("127.0.0.1", server.sockets[0].getsockname()[1], False)
    long = REQUEST.replace(b"content-length: 2", b"content-length: 30000000") + b" " * 30_000_000
    for _ in range(2):
        assert await (await client.send(origin, long)).read() == b"ok"
        await accepted.acquire()
    over.set()
    client.close()
    server.close()
    await server.wait_closed()


@pytest.mark.parametrize(
    "line",
    [
        b"content-type: a\0b",
        b"content-type: a\rx-evil: b",
        b"content-type: a\nx-evil: b",
        b"content-type: a\r\n x-evil: b",
    ],
)
async def test_a_header_that_could_be_read_as_two_makes_no_answer(whole: Mesh, line: bytes) -> None:
    whole.light.script(raw(b"HTTP/1.1 200 OK\r\n" + line + b"\r\ncontent-length: 2\r\n\r\n{}", close=False))
    response = await whole.chat()
    assert (response.status_code, code_of(response)) == (502, "upstream_failed")
    assert "x-evil" not in response.headers


async def test_headers_in_odd_characters_are_not_passed_on(whole: Mesh) -> None:
    body = orjson.dumps(completion("a"))
    lines = b"content-type: \xff\xe9\r\nx-tiermesh-confidence: \xb2\r\ncontent-length: %d\r\n\r\n" % len(body)
    whole.light.script(raw(b"HTTP/1.1 200 OK\r\n" + lines + body, close=False))
    response = await whole.chat()
    assert (response.status_code, response.headers["content-type"]) == (200, "application/json")
    assert "x-tiermesh-confidence" not in response.headers


async def test_of_a_model_s_own_headers_callers_see_what_is_named_and_no_more(whole: Mesh) -> None:
    forged = {"x-tiermesh-model": "evil", "set-cookie": "a=b", "x-request-id": "evil", "x-tiermesh-confidence": "0.9"}
    whole.light.script(answer("a", headers={**forged, "connection": "close", "location": "http://evil"}))
    response = await whole.chat()
    assert (response.headers["x-tiermesh-model"], response.headers["x-tiermesh-confidence"]) == ("light", "0.9")
    assert "evil" not in str(response.headers)
    assert not {"set-cookie", "location", "connection"} & set(response.headers)


@pytest.mark.parametrize("by", [-1, 1])
async def test_a_length_that_lies_makes_no_answer(whole: Mesh, by: int) -> None:
    body = orjson.dumps(completion("a"))
    framing = {"content-type": "application/json", "content-length": str(len(body) - by)}
    whole.light.script(raw(head(200, framing) + body))
    response = await whole.chat()
    assert (response.status_code, code_of(response)) == (502, "upstream_failed")
    assert said(await whole.chat()) == "ok"


async def test_a_compressed_answer_goes_on_as_it_came_and_is_never_inflated(whole: Mesh) -> None:
    bomb = gzip.compress(b"0" * 50_000_000)
    whole.light.script(answer(bomb, headers={"content-encoding": "gzip"}))
    async with connected(whole.port) as client:
        client.post(orjson.dumps(chat()), "/v1/chat/completions")
        got = await client.answer()
    assert (got.status, got.headers["content-encoding"], got.body) == (200, "gzip", bomb)


async def test_a_compressed_answer_that_would_have_to_be_translated_is_an_error(whole: Mesh) -> None:
    whole.light.script(answer(gzip.compress(b"{}"), headers={"content-encoding": "gzip"}))
    asked = {"model": "shop", "max_tokens": 5, "messages": [{"role": "user", "content": "a"}]}
    response = await whole.http.post("/v1/messages", json=asked)
    assert (response.status_code, response.json()["error"]["type"]) == (502, "api_error")


async def test_a_stream_without_an_end_ends_at_the_deadline() -> None:
    async with mesh(resilience={**ONE_TRY, "deadlineSeconds": 0.3}) as whole:
        whole.light.script(flood(head(200, EVENTS), chunk(event("x" * 100_000))))
        async with whole.streamed() as response:
            last = (await response.aread())[-500:]
        assert b"deadline_exceeded" in last and b"[DONE]" not in last
        await (await whole.light.received()).left.wait()


ERRORS: list[Callable[[], Behaviour]] = [
    lambda: answer({"error": {"message": "\r\nx-evil: 1\0\x1b[31m", "param": "\r\n"}}, 400),
    lambda: answer({"error": "x" * 100_000}, 400),
    lambda: answer(b"\xff\xfe\0", 500),
    lambda: answer({"error": 1}, 422, {"x-tiermesh-abstained": "\xe9" * 100}),
    lambda: answer({}, 429, {"retry-after": "9" * 100}),
    lambda: answer({}, 429, {"retry-after": "-1"}),
    lambda: answer({}, 999),
    lambda: raw(b"HTTP/1.1 000 Nothing\r\n\r\n"),
    lambda: answer([], 200),
    lambda: answer(b"[" * 5000, 200),
]


@pytest.mark.parametrize("number", range(len(ERRORS)))
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages", "/v1/responses"])
async def test_whatever_a_model_says_in_place_of_an_answer_is_an_error_of_its_caller_s_protocol(
    whole: Mesh, number: int, path: str
) -> None:
    whole.light.script(ERRORS[number]())
    response = await whole.http.post(path, json={**chat(), "max_tokens": 5, **_input(path)})
    assert response.status_code in (400, 422, 429, 502)
    assert response.json()["error"]["message"]
    assert "x-evil" not in response.headers
    assert _wait_seconds(response) < 100_000


def _input(path: str) -> dict[str, Any]:
    return {"input": "a", "messages": None, "max_tokens": None} if path == "/v1/responses" else {}


def _wait_seconds(response: httpx2.Response) -> int:
    return int(response.headers.get("retry-after", 0))


async def test_what_a_model_says_of_its_error_reaches_the_caller_and_no_log(whole: Mesh) -> None:
    whole.light.script(answer({"error": {"message": "secret" * 10}}, 400))
    assert "secret" in (await whole.chat()).text
    whole.ledger.flush()
    assert b"secret" not in b"".join(whole.lines)
