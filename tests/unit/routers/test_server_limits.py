"""The HTTP server bounds what it takes, how long it waits, and what it keeps for who does not read."""

import asyncio

import pytest

from routers.http import Reply, Request
from routers.limits import ServerLimits
from routers.server import MAX_PIPELINED, HttpServer
from tests.unit.routers.raw import Client, Desk, connected, site

SMALL = ServerLimits(max_body_bytes=1000, max_header_bytes=500)


def sweep(server: HttpServer, after_seconds: float) -> None:
    """What the server's timer does, so much later."""
    for connection in list(server.connections):
        connection.sweep(server.loop.time() + after_seconds)


async def test_a_request_that_waits_behind_a_long_answer_is_not_too_slow() -> None:
    desk = Desk()
    async with site(desk) as (server, port), connected(port) as client:
        client.writer.write(b"GET /a HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\n\r\nGET /c HTT")
        _, first = await desk.next()
        sweep(server, after_seconds=1000)
        first.send(200, b"", b"a")
        _, second = await desk.next()
        second.send(200, b"", b"b")
        assert [(await client.answer()).body for _ in range(2)] == [b"a", b"b"]


@pytest.mark.parametrize(("size", "status"), [(1000, 200), (1001, 413)])
async def test_a_body_up_to_the_limit_is_taken_and_one_byte_more_is_not(size: int, status: int) -> None:
    async with site(limits=SMALL) as (_, port), connected(port) as client:
        client.post(b"x" * size)
        assert (await client.answer()).status == status
    async with site(limits=SMALL) as (_, port), connected(port) as client:
        body = b"%x\r\n%b\r\n0\r\n\r\n" % (size, b"x" * size)
        client.send("POST / HTTP/1.1", "Transfer-Encoding: chunked", body=body)
        assert (await client.answer()).status == status


@pytest.mark.parametrize("framing", ["Content-Length: 100000000", "Transfer-Encoding: chunked"])
async def test_a_caller_that_is_still_sending_can_read_why_it_was_refused(framing: str) -> None:
    async with site(limits=SMALL) as (_, port), connected(port) as client:
        client.send("POST / HTTP/1.1", framing)
        for _ in range(200):
            client.writer.write(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
            await client.writer.drain()
        refused = await client.answer()
        assert (refused.status, refused.body) == (413, b"body_too_large")
        assert refused.headers["connection"] == "close"


async def test_a_refused_connection_is_closed_after_a_moment() -> None:
    async with site(limits=ServerLimits(linger_seconds=0)) as (_, port), connected(port) as client:
        client.send("nonsense")
        assert (await client.answer()).status == 400
        assert await client.closed() == b""


async def test_a_caller_that_expects_100_for_too_much_is_refused_at_once() -> None:
    async with site(limits=SMALL) as (_, port), connected(port) as client:
        client.send("POST / HTTP/1.1", "Content-Length: 1001", "Expect: 100-continue")
        assert (await client.answer()).status == 413


@pytest.mark.parametrize(
    "lines",
    [
        [f"GET /{'x' * 600} HTTP/1.1"],
        ["GET / HTTP/1.1", f"A: {'x' * 600}"],
        ["GET / HTTP/1.1", *(f"A{number}: {'x' * 40}" for number in range(20))],
    ],
    ids=["line", "one", "many"],
)
async def test_a_head_over_the_limit_is_refused(lines: list[str]) -> None:
    async with site(limits=SMALL) as (_, port), connected(port) as client:
        client.send(*lines)
        refused = await client.answer()
        assert (refused.status, refused.body) == (431, b"headers_too_large")


async def test_a_header_that_never_ends_is_refused_before_it_fills_the_memory() -> None:
    async with site(limits=SMALL) as (_, port), connected(port) as client:
        client.writer.write(b"GET / HTTP/1.1\r\nA: ")
        answered = asyncio.create_task(client.answer())
        for _ in range(1000):
            client.writer.write(b"x" * 1000)
            await client.writer.drain()
        assert (await answered).status == 431


async def test_the_end_of_a_long_body_does_not_count_as_the_next_head() -> None:
    limits = ServerLimits(max_header_bytes=500)
    async with site(limits=limits) as (_, port), connected(port) as client:
        client.post(b"x" * 400)
        client.writer.write(b"POST / HTTP/1.1\r\nContent-Length: 100000\r\n\r\n")
        await client.answer()
        client.writer.write(b"x" * 100_000 + b"GET /next ")
        assert (await client.answer()).status == 200
        client.writer.write(b"HTTP/1.1\r\n\r\n")
        assert (await client.answer()).body == b"GET /next "


async def test_of_a_long_pipeline_only_a_part_is_read_ahead() -> None:
    desk = Desk()
    async with site(desk) as (_, port), connected(port) as client:
        client.writer.transport.set_write_buffer_limits(high=0)
        for _ in range(MAX_PIPELINED + 1):
            client.post(b"x")
        await client.writer.drain()
        sending = asyncio.create_task(_send(client, b"y" * 8_000_000, 5))
        for _ in range(MAX_PIPELINED + 1):
            _, reply = await desk.next()
            assert not sending.done()
            reply.send(200, b"", b"")
        for _ in range(5):
            request, reply = await desk.next()
            assert len(request.body) == 8_000_000
            reply.send(200, b"", b"")
        await sending


async def _send(client: Client, body: bytes, times: int) -> None:
    for _ in range(times):
        client.post(body)
        await client.writer.drain()


async def test_a_slow_caller_is_congested_and_drains() -> None:
    desk = Desk()
    async with site(desk) as (_, port), connected(port) as client:
        client.send("GET / HTTP/1.1")
        _, reply = await desk.next()
        drained = asyncio.Event()
        reply.on_drain = drained.set
        reply.start(200, b"")
        while not reply.congested:
            reply.write(b"x" * 65536)
        assert reply.buffered_bytes > 0
        reading = asyncio.create_task(client.answer())
        await drained.wait()
        assert not reply.congested
        reply.end()
        assert set((await reading).body) == set(b"x")


async def test_a_caller_that_reads_nothing_is_read_no_further() -> None:
    """Else each of its requests would add an answer to the memory."""
    answered = 0

    def large(request: Request, reply: Reply) -> None:
        nonlocal answered
        answered += 1
        reply.send(200, b"", b"x" * 1_000_000)

    async with site(large) as (_, port), connected(port) as client:
        client.pause()
        for _ in range(400):
            client.send("GET / HTTP/1.1")
            await asyncio.sleep(0)
        for _ in range(3):
            assert answered < 100
            client.read_on()
            assert len((await client.answer()).body) == 1_000_000
            client.pause()
            for _ in range(400):
                await asyncio.sleep(0)
        client.read_on()
        for _ in range(397):
            assert len((await client.answer()).body) == 1_000_000


async def test_what_arrives_drop_by_drop_is_refused() -> None:
    limits = ServerLimits(receive_seconds=0, linger_seconds=0)
    async with site(limits=limits) as (_, port), connected(port) as head, connected(port) as body:
        head.writer.write(b"GET / HT")
        body.send("POST / HTTP/1.1", "Content-Length: 10", body=b"x")
        for client in (head, body):
            assert (await client.answer()).body == b"request_timeout"
            assert await client.closed() == b""


async def test_an_idle_connection_is_closed() -> None:
    async with site(limits=ServerLimits(keep_alive_seconds=75)) as (server, port), connected(port) as client:
        client.send("GET / HTTP/1.1")
        await client.answer()
        sweep(server, after_seconds=74)
        client.send("GET / HTTP/1.1")
        assert (await client.answer()).status == 200
        sweep(server, after_seconds=76)
        assert await client.closed() == b""


async def test_a_connection_that_never_asks_anything_is_closed() -> None:
    async with site() as (server, port), connected(port) as client:
        while not server.connections:
            await asyncio.sleep(0)
        sweep(server, after_seconds=76)
        assert await client.closed() == b""


async def test_a_caller_that_never_takes_its_last_answer_is_cut() -> None:
    desk = Desk()
    async with site(desk) as (server, port), connected(port) as client:
        client.pause()
        client.send("GET / HTTP/1.1", "Connection: close")
        _, reply = await desk.next()
        reply.send(200, b"", b"x" * 50_000_000)
        (connection,) = server.connections
        assert connection.transport.get_write_buffer_size() > 0
        sweep(server, after_seconds=76)
        while server.connections:
            await asyncio.sleep(0)


async def test_a_connection_with_an_answer_under_way_is_not_idle() -> None:
    desk = Desk()
    async with site(desk) as (server, port), connected(port) as client:
        client.send("GET / HTTP/1.1")
        _, reply = await desk.next()
        sweep(server, after_seconds=1000)
        reply.send(200, b"", b"slow")
        assert (await client.answer()).body == b"slow"
