"""Callers who mean ill, against a whole router: what they send is refused, or does what it says and nothing more."""

import asyncio
from collections.abc import Mapping

import httpx2
import orjson
import pytest

from tests.unit.routers.mesh import Mesh, mesh
from tests.unit.routers.raw import Answer, connected
from tests.unit.routers.samples import EASY, HARD, chat, route
from tests.unit.routers.tenants import authorized, tenant
from tests.unit.routers.test_server_limits import sweep

BODY = orjson.dumps(chat())
ASK = b"POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\n"
LENGTH = b"Content-Length: %d\r\n" % len(BODY)
CHUNKED = b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)
LAST = b"GET /v1/models HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"


async def sent(whole: Mesh, data: bytes) -> list[Answer]:
    """All answers to these bytes and to a last request behind them."""
    async with connected(whole.port) as client:
        client.writer.write(data + LAST)
        answers: list[Answer] = []
        while not answers or "connection" not in answers[-1].headers:
            answers.append(await client.answer())
        return answers


@pytest.mark.parametrize(
    "data",
    [
        ASK + LENGTH + b"Transfer-Encoding: chunked\r\n\r\n" + CHUNKED,
        ASK + b"Transfer-Encoding: chunked\r\n" + LENGTH + b"\r\n" + CHUNKED,
        ASK + LENGTH + b"Content-Length: 0\r\n\r\n" + BODY,
        ASK + LENGTH + LENGTH + b"\r\n" + BODY,
        ASK + b"Content-Length: %d, %d\r\n\r\n" % (len(BODY), len(BODY)) + BODY,
        ASK + b"Content-Length: +%d\r\n\r\n" % len(BODY) + BODY,
        ASK + b"Content-Length: 0x%x\r\n\r\n" % len(BODY) + BODY,
        ASK + b"Content-Length:\r\n\r\n" + BODY,
        ASK + b"Transfer-Encoding: xchunked\r\n\r\n" + CHUNKED,
        ASK + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + CHUNKED,
        ASK + b"Transfer-Encoding: chunked, chunked\r\n\r\n" + CHUNKED,
        ASK + b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNKED,
        ASK + b"Transfer-Encoding: \x0bchunked\r\n\r\n" + CHUNKED,
        ASK + b"Transfer-Encoding : chunked\r\n\r\n" + CHUNKED,
        ASK + b"Transfer-Encoding:\r\n chunked\r\n\r\n" + CHUNKED,
        ASK.replace(b"1.1", b"1.0") + b"Transfer-Encoding: chunked\r\n\r\n" + CHUNKED,
        ASK.replace(b"1.1", b"2.0") + LENGTH + b"\r\n" + BODY,
        b"POST /v1/chat/completions\r\n\r\n",
        ASK.replace(b"\r\n", b"\n") + LENGTH + b"\r\n" + BODY,
        ASK + b"A: b\nTransfer-Encoding: chunked\r\n" + LENGTH + b"\r\n" + BODY,
        ASK + b"A: b\rTransfer-Encoding: chunked\r\n" + LENGTH + b"\r\n" + BODY,
        ASK + b"A: b\r\n c\r\n" + LENGTH + b"\r\n" + BODY,
        ASK + b"A: \0\r\n" + LENGTH + b"\r\n" + BODY,
        ASK + b"A\0: b\r\n" + LENGTH + b"\r\n" + BODY,
        ASK + b"Host: other\r\n" + LENGTH + b"\r\n" + BODY,
        ASK + b"Authorization: Bearer a\r\nAuthorization: Bearer b\r\n" + LENGTH + b"\r\n" + BODY,
        ASK + b"Content-Encoding: gzip\r\n" + LENGTH + b"\r\n" + BODY,
        ASK + b"Content-Encoding: gzip\r\nContent-Encoding: identity\r\n" + LENGTH + b"\r\n" + BODY,
        ASK + b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n" + BODY,
        ASK + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n" + BODY,
        ASK + b"Transfer-Encoding: chunked\r\n\r\n1;a\nb\r\n" + BODY,
        ASK + b"Transfer-Encoding: chunked\r\n\r\n1\r\n" + BODY,
    ],
)
async def test_what_two_readers_might_read_in_two_ways_is_refused_once_and_reaches_no_model(data: bytes) -> None:
    async with mesh() as whole:
        (refused,) = await sent(whole, data)
        assert (refused.status, refused.headers["connection"]) == (400, "close")
        assert orjson.loads(refused.body)["error"]["code"] == "invalid_request"
        assert whole.light.requests == []


@pytest.mark.parametrize(
    "data",
    [
        ASK + b"Content-Length: 000%d\r\n\r\n" % len(BODY) + BODY,
        ASK.replace(b" ", b"  ") + LENGTH + b"\r\n" + BODY,
        ASK.replace(b"/v1", b"http://elsewhere/v1") + LENGTH + b"\r\n" + BODY,
        ASK + b"Transfer-Encoding: chunked\r\n\r\n" + CHUNKED.replace(b"\r\n", b';a="b"\r\n', 1),
        ASK + b"A: \xff\r\nB:\r\n" + LENGTH + b"\r\n" + BODY,
        b"\r\n\r\n" + ASK + LENGTH + b"\r\n" + BODY,
    ],
    ids=["zeros", "two spaces", "absolute", "chunk extension", "odd headers", "empty lines"],
)
async def test_what_is_odd_and_means_one_thing_is_read_as_that(data: bytes) -> None:
    async with mesh() as whole:
        first, second = await sent(whole, data)
        assert (first.status, second.status) == (200, 200)
        assert orjson.loads(second.body)["object"] == "list"
        assert (await whole.light.received()).fields == {**chat(), "model": "light"}


async def test_garbage_after_a_body_is_refused_and_is_part_of_no_request() -> None:
    async with mesh() as whole:
        answers = await sent(whole, ASK + LENGTH + b"\r\n" + BODY + b"nonsense\r\n\r\n")
        assert [answer.status for answer in answers] == [200]
        assert len(whole.light.requests) == 1


async def test_trailers_are_no_headers_of_this_request_or_the_next() -> None:
    async with mesh() as whole:
        whole.put_in_force([*whole.documents(), tenant("acme")], 2)
        stolen = f"Authorization: {authorized('acme')['authorization']}\r\n\r\n".encode()
        data = ASK + b"Transfer-Encoding: chunked\r\n\r\n" + CHUNKED.removesuffix(b"\r\n") + stolen
        answers = await sent(whole, data)
        assert [answer.status for answer in answers] == [401, 401]


async def test_endless_trailers_are_refused() -> None:
    async with mesh() as whole, connected(whole.port) as client:
        client.writer.write(ASK + b"Transfer-Encoding: chunked\r\n\r\n" + CHUNKED.removesuffix(b"\r\n"))
        for _ in range(100):
            client.writer.write(b"A: b\r\n" * 1000)
            await client.writer.drain()
        assert (await client.answer()).status == 431


async def test_many_small_headers_are_as_bad_as_a_large_one() -> None:
    async with mesh() as whole:
        few, many = (b"".join(b"a%x:\r\n" % number for number in range(count)) for count in (100, 5000))
        assert len(many) < whole.server.limits.max_header_bytes
        statuses = [(await sent(whole, ASK + lines + LENGTH + b"\r\n" + BODY))[0].status for lines in (few, many)]
        assert statuses == [200, 431]


@pytest.mark.parametrize("begun", [ASK, ASK + LENGTH + b"\r\n" + BODY[:5], ASK + b"Transfer-Encoding: chunked\r\n\r\n"])
async def test_a_request_that_comes_drop_by_drop_is_told_so_and_closed(begun: bytes) -> None:
    async with mesh() as whole, connected(whole.port) as client:
        client.writer.write(begun)
        while not any(connection.receiving for connection in whole.server.connections):
            await asyncio.sleep(0)
        sweep(whole.server, after_seconds=whole.server.limits.receive_seconds - 5)
        client.writer.write(b"")
        sweep(whole.server, after_seconds=whole.server.limits.receive_seconds + 5)
        slow = await client.answer()
        assert (slow.status, orjson.loads(slow.body)["error"]["code"]) == (408, "request_timeout")


ODD = ["shop\r\nx-evil: 1", "shop\r\n\r\nHTTP/1.1 200 OK", "shöp", "商店", "\0", "\x1b[31m", "shop ", "\U0001f600", "."]


@pytest.mark.parametrize("name", ODD)
async def test_a_name_that_does_not_exist_says_nothing_in_a_header(name: str) -> None:
    async with mesh() as whole:
        response = await whole.http.post("/v1/chat/completions", json=chat() | {"model": name})
        assert response.status_code == 404
        assert set(response.headers) == {"content-type", "content-length", "x-request-id"}


async def test_a_name_of_megabytes_is_answered_at_once_and_not_repeated() -> None:
    async with mesh() as whole:
        response = await whole.http.post("/v1/chat/completions", json=chat() | {"model": "x" * 5_000_000})
        assert (response.status_code, len(response.content) < 1000) == (404, True)


@pytest.mark.parametrize("given", [b"a b", b"a\tb", b"\xff", b"a,b", b"x" * 129, b"", b"<script>", b"a%0d%0ab"])
async def test_a_request_id_that_is_not_harmless_is_replaced(given: bytes) -> None:
    async with mesh() as whole:
        answer, _ = await sent(whole, ASK + b"X-Request-Id: " + given + b"\r\n" + LENGTH + b"\r\n" + BODY)
        assert answer.headers["x-request-id"].encode() != given
        seen = (await whole.light.received()).headers["x-request-id"]
        assert seen == answer.headers["x-request-id"] and len(seen) == 32


@pytest.mark.parametrize("name", ["a\r\nx-evil: 1", "a b", "ä", ""])
def test_a_route_with_such_a_name_is_no_document(name: str) -> None:
    with pytest.raises(Exception, match="metadata.name"):
        route(name)


FORGED = {
    "authorization": "Bearer mine",
    "x-api-key": "mine",
    "cookie": "a=b",
    "x-tiermesh-tenant": "acme",
    "x-tiermesh-tier": "heavy",
    "x-tiermesh-model": "heavy",
    "x-tiermesh-arm": "other",
    "x-tiermesh-cache": "hit-exact",
    "x-tiermesh-confidence": "1.0",
    "x-request-timeout-seconds": "1",
    "x-forwarded-for": "10.0.0.1",
    "te": "trailers",
    "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
}


def told(response: httpx2.Response) -> dict[str, str]:
    """What the router says of its decision."""
    said = {name: value for name, value in response.headers.items() if name.startswith("x-tiermesh-")}
    return {name: value for name, value in said.items() if name not in ("x-tiermesh-cache", "x-tiermesh-reasons")}


@pytest.mark.parametrize("text", [EASY, HARD])
async def test_what_a_caller_says_of_itself_reaches_no_model_and_changes_no_decision(text: str) -> None:
    async with mesh(cache={"exact": {"enabled": False}}) as whole:
        plain, forged = await whole.chat(text), await whole.chat(text, FORGED)
        assert told(plain) == told(forged)
        first, second = (whole.light if text == EASY else whole.heavy).requests
        assert _without_own(first.headers) == _without_own(second.headers)
        assert not set(second.headers) & set(FORGED) - {"x-request-timeout-seconds"}
        assert float(second.headers["x-request-timeout-seconds"]) > 1


def _without_own(headers: Mapping[str, str]) -> dict[str, str]:
    own = ("x-request-id", "x-request-timeout-seconds")
    return {name: value for name, value in headers.items() if name not in own}


async def test_a_key_of_one_tenant_is_not_made_another_s_by_a_header() -> None:
    async with mesh() as whole:
        whole.put_in_force([*whole.documents(), tenant("acme"), tenant("other")], 2)
        await whole.chat(headers={**authorized("acme"), "x-tiermesh-tenant": "other"})
        assert [line["tenant"] for line in whole.logged()] == ["acme"]


async def test_the_model_field_is_replaced_wherever_else_the_word_stands() -> None:
    """Else the body that the model reads would not be the one that was decided about."""
    bodies = [
        b'{"model":"heavy","messages":[{"role":"user","content":"a"}],"model":"shop"}',
        b'{"messages":[{"role":"user","content":"\\"model\\": \\"heavy\\""}],"model":"shop"}',
        b'{"mod\\u0065l":"shop","messages":[{"role":"user","content":"a"}],"metadata":{"model":"heavy"}}',
    ]
    async with mesh(cache={"exact": {"enabled": False}}) as whole:
        for number, body in enumerate(bodies, start=1):
            assert (await whole.http.post("/v1/chat/completions", content=body)).status_code == 200
            assert (await whole.light.received(number)).fields["model"] == "light"
