"""The HTTP server against raw sockets: framing, order, streams, leaving callers, and the end."""

import asyncio
import socket
from typing import cast

import pytest

from control_plane.spec.errors import Code, TiermeshError
from routers.http import Reply, Request
from routers.limits import ServerLimits
from routers.outbox import Outbox
from routers.server import MAX_PIPELINED
from tests.unit.routers.raw import Desk, connected, echo, site

SMALL = ServerLimits(max_body_bytes=1000, max_header_bytes=500)


async def test_a_connection_serves_one_request_after_the_other() -> None:
    async with site() as (_, port), connected(port) as client:
        for path in ("/a", "/b"):
            client.post(b"x", path)
            assert (await client.answer()).body == b"POST %b x" % path.encode()


async def test_a_request_may_come_byte_by_byte() -> None:
    async with site() as (_, port), connected(port) as client:
        for byte in b"POST /a?x=1 HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi":
            client.writer.write(bytes([byte]))
            await asyncio.sleep(0)
        assert (await client.answer()).body == b"POST /a hi"


async def test_the_handler_sees_lower_case_names_and_a_decoded_path() -> None:
    desk = Desk()
    async with site(desk) as (_, port), connected(port) as client:
        client.send("GET /v1/models/Org%2FShop?x=%41 HTTP/1.1", "HOST: h", "X-Request-ID: Id-1")
        request, _ = await desk.next()
        assert request == Request(b"GET", "/v1/models/Org/Shop", {b"host": b"h", b"x-request-id": b"Id-1"}, b"")


async def test_pipelined_requests_are_answered_in_their_order() -> None:
    desk = Desk()
    async with site(desk) as (_, port), connected(port) as client:
        for name in (b"a", b"b", b"c"):
            client.post(name)
        for name in (b"a", b"b", b"c"):
            request, reply = await desk.next()
            assert (request.body, desk.requests.qsize()) == (name, 0)
            reply.send(200, b"", request.body)
        assert [(await client.answer()).body for _ in range(3)] == [b"a", b"b", b"c"]


class Frozen:
    """The event loop, for which it is always the same moment."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.time = lambda: 0.0  # of the last answer too: no answer goes out at once
        self.call_soon = loop.call_soon


async def test_answers_of_one_moment_and_streams_keep_their_order_and_come_before_the_end() -> None:
    def handler(request: Request, reply: Reply) -> None:
        if request.body == b"stream":
            reply.start(200, b"")
            reply.write(b"stream")
            reply.end()
        else:
            reply.send(200, b"", request.body)

    async with site(handler) as (server, port):
        server.outbox = Outbox(cast(asyncio.AbstractEventLoop, Frozen(server.loop)))
        async with connected(port) as client:
            bodies = [b"one", b"two", b"stream", b"three", b"stream", b"stream", b"last"]
            lines = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n{}\r\n{}"
            requests = [
                lines.format(len(body), "Connection: close\r\n" if body == b"last" else "", body.decode())
                for body in bodies
            ]
            client.writer.write("".join(requests).encode())
            assert [(await client.answer()).body for _ in bodies] == bodies
            assert await client.closed() == b""


async def test_a_connection_may_change_its_version_and_is_answered_in_it() -> None:
    desk = Desk()
    async with site(desk) as (_, port), connected(port) as client:
        for version, framing in (("1.1", "chunked"), ("1.0", None)):
            client.send(f"GET / HTTP/{version}", "Host: h", "Connection: keep-alive")
            _, reply = await desk.next()
            reply.start(200, b"")
            reply.write(b"piece")
            reply.end()
            answer = await client.answer()
            assert (answer.headers.get("transfer-encoding"), answer.body) == (framing, b"piece")


async def test_a_chunked_request_is_put_together() -> None:
    async with site() as (_, port), connected(port) as client:
        client.send("POST / HTTP/1.1", "Transfer-Encoding: chunked", body=b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n")
        assert (await client.answer()).body == b"POST / abc"


async def test_a_caller_that_expects_100_is_told_to_go_on() -> None:
    async with site() as (_, port), connected(port) as client:
        client.send("POST / HTTP/1.1", "Content-Length: 2", "Expect: 100-continue")
        assert (await client.answer()).status == 100
        client.writer.write(b"hi")
        assert (await client.answer()).body == b"POST / hi"


async def test_a_caller_is_not_told_to_go_on_amid_the_answer_to_its_last_request() -> None:
    desk = Desk()
    async with site(desk) as (_, port), connected(port) as client:
        client.send("GET / HTTP/1.1", "Host: h")
        _, reply = await desk.next()
        reply.start(200, b"")
        reply.write(b"begun")
        client.send("POST / HTTP/1.1", "Host: h", "Content-Length: 2", "Expect: 100-continue")
        await asyncio.sleep(0.01)
        reply.write(b" and ended")
        reply.end()
        assert (await client.answer()).body == b"begun and ended"
        assert (await client.answer()).status == 100
        client.writer.write(b"hi")
        request, reply = await desk.next()
        assert request.body == b"hi"
        reply.send(200, b"", b"")
        assert (await client.answer()).status == 200


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/1.1\r\nbad header\r\n\r\n",
        b"GET / HTTP/1.1\r\nA: \x00\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: ten\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx",
        b"CONNECT h:1 HTTP/1.1\r\nHost: h\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)
async def test_what_is_not_plain_http_is_refused_once_and_closed(data: bytes) -> None:
    desk = Desk()
    async with site(desk, ServerLimits(linger_seconds=0)) as (_, port), connected(port) as client:
        client.writer.write(data)
        refused = await client.answer()
        assert (refused.status, refused.headers["connection"]) == (400, "close")
        assert await client.closed() == b""
        assert desk.requests.empty()


async def test_garbage_after_a_request_does_not_take_its_answer_away() -> None:
    desk = Desk()
    async with site(desk) as (_, port), connected(port) as client:
        client.writer.transport.set_write_buffer_limits(high=0)
        client.writer.write(b"GET / HTTP/1.1\r\n\r\n" * (MAX_PIPELINED + 1) + b"nonsense\r\n\r\n")
        _, reply = await desk.next()
        client.writer.write(b"x" * 20_000_000)
        await client.writer.drain()
        reply.send(200, b"", b"first")
        assert (await client.answer()).body == b"first"
        assert desk.requests.empty()


@pytest.mark.parametrize("pieces", [1, 2])
async def test_an_offer_to_upgrade_is_ignored_and_the_request_answered_once(pieces: int) -> None:
    async with site() as (_, port), connected(port) as client:
        offer = ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQ"]
        for body in (b"one", b"two"):
            client.send("POST /a HTTP/1.1", "Host: h", *offer, "Content-Length: 3", body=body if pieces == 1 else b"")
            if pieces == 2:
                await client.writer.drain()
                client.writer.write(body)
            assert await client.answer() == (200, {"content-length": "11"}, b"POST /a " + body)
        client.send("GET /b HTTP/1.1", *offer)
        assert (await client.answer()).body == b"GET /b "


async def test_head_is_answered_without_a_body() -> None:
    async with site() as (_, port), connected(port) as client:
        client.send("HEAD /a HTTP/1.1")
        status, headers = await client.head()
        assert (status, headers["content-length"]) == (200, "8")
        client.send("GET /b HTTP/1.1")
        assert (await client.answer()).body == b"GET /b "


async def test_http_1_0_is_answered_and_closed() -> None:
    async with site() as (_, port), connected(port) as client:
        client.send("GET /a HTTP/1.0")
        answer = await client.answer()
        assert (answer.body, answer.headers["connection"]) == (b"GET /a ", "close")
        assert await client.closed() == b""


async def test_a_stream_to_http_1_0_ends_with_the_connection_and_has_no_chunks() -> None:
    def stream(request: Request, reply: Reply) -> None:
        reply.start(200, b"")
        reply.write(b"one")
        reply.write(b"two")
        reply.end()

    async with site(stream) as (_, port), connected(port) as client:
        client.send("GET /a HTTP/1.0", "Connection: keep-alive")
        answer = await client.answer()
        assert answer.body == b"onetwo"
        assert "transfer-encoding" not in answer.headers


async def test_a_caller_that_asks_to_close_is_closed() -> None:
    async with site() as (_, port), connected(port) as client:
        client.send("GET /a HTTP/1.1", "Connection: close")
        assert (await client.answer()).headers["connection"] == "close"
        assert await client.closed() == b""


async def test_a_stream_goes_out_piece_by_piece() -> None:
    desk = Desk()
    async with site(desk) as (_, port), connected(port) as client:
        client.send("GET / HTTP/1.1")
        _, reply = await desk.next()
        reply.start(200, b"content-type: text/event-stream\r\n")
        reply.write(b"one")
        status, headers = await client.head()
        assert (status, headers["transfer-encoding"], headers["content-type"]) == (200, "chunked", "text/event-stream")
        pieces = client.chunks()
        assert await anext(pieces) == b"one"
        reply.write(b"")
        reply.write(b"two")
        assert await anext(pieces) == b"two"
        reply.end()
        assert [piece async for piece in pieces] == []
        client.send("GET / HTTP/1.1")
        assert await desk.next()


async def test_an_empty_stream_is_whole() -> None:
    desk = Desk()
    async with site(desk) as (_, port), connected(port) as client:
        client.send("GET / HTTP/1.1")
        _, reply = await desk.next()
        reply.start(200, b"")
        reply.end()
        assert (await client.answer()).body == b""


async def test_an_aborted_answer_is_seen_as_cut() -> None:
    desk = Desk()
    async with site(desk) as (_, port), connected(port) as client:
        client.send("GET / HTTP/1.1")
        _, reply = await desk.next()
        reply.start(200, b"")
        reply.write(b"one")
        await client.head()
        reply.abort()
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError, ValueError)):
            [piece async for piece in client.chunks()]


async def test_a_caller_that_leaves_is_noticed_once_and_writing_to_it_does_nothing() -> None:
    desk = Desk()
    async with site(desk) as (server, port):
        left = asyncio.Event()
        async with connected(port) as client:
            client.send("GET / HTTP/1.1")
            _, reply = await desk.next()
            reply.on_disconnect = left.set
        await left.wait()
        reply.send(200, b"", b"late")
        reply.start(200, b"")
        reply.write(b"late")
        reply.end()
        reply.abort()
        assert (reply.congested, reply.buffered_bytes, server.connections) == (False, 0, set())


async def test_a_caller_that_leaves_takes_its_waiting_requests_along() -> None:
    desk = Desk()
    async with site(desk) as (_, port):
        left = asyncio.Event()
        async with connected(port) as client:
            client.post(b"a")
            client.post(b"b")
            _, reply = await desk.next()
            reply.on_disconnect = left.set
        await left.wait()
        assert desk.requests.empty()


async def test_stopping_lets_answers_finish_and_closes_what_is_idle() -> None:
    desk = Desk()
    async with site(desk) as (server, port), connected(port) as busy, connected(port) as idle, connected(port) as late:
        busy.send("GET / HTTP/1.1")
        _, reply = await desk.next()
        late.writer.write(b"GET /late HTTP/1.1\r\n")
        while not any(connection.receiving for connection in server.connections):
            await asyncio.sleep(0)
        stopping = asyncio.create_task(server.stop(30))
        assert await idle.closed() == b""
        assert server.draining
        reply.send(200, b"", b"done")
        assert (await busy.answer()) == (200, {"connection": "close", "content-length": "4"}, b"done")
        late.writer.write(b"\r\n")
        request, reply = await desk.next()
        assert (request.path, stopping.done()) == ("/late", False)
        reply.send(200, b"", b"late")
        assert (await late.answer()).body == b"late"
        await stopping


async def test_a_stopped_server_takes_no_new_connection() -> None:
    async with site() as (server, port):
        await server.stop(0)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)


async def test_after_the_grace_period_what_is_left_is_cut() -> None:
    desk = Desk()
    async with site(desk) as (server, port), connected(port) as client:
        client.send("GET / HTTP/1.1")
        _, reply = await desk.next()
        left = asyncio.Event()
        reply.on_disconnect = left.set
        await server.stop(0)
        assert left.is_set() and not server.connections
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await client.head()


async def test_a_port_in_use_is_named_with_the_cure() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        async with site() as (server, _):
            other = type(server)(echo, server.refuse, server.limits)
            with pytest.raises(TiermeshError, match=f"Port {port} on 127.0.0.1 cannot be opened") as caught:
                await other.start("127.0.0.1", port)
            assert caught.value.code is Code.SETUP
