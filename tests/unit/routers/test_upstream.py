"""The client towards models against real sockets: every way in which an answer can come, and fail to."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from control_plane.spec.errors import Code, TiermeshError
from routers.exchange import Exchange
from routers.upstream import Origin, UpstreamClient, UpstreamLimits
from tests.stub_upstream import Steps, StubUpstream, answer, chunk, event, head, held, raw, stream

CERTIFICATE = Path(__file__).with_name("tls") / "certificate.pem"
REQUEST = b"POST /v1/chat/completions HTTP/1.1\r\nhost: h\r\ncontent-length: 2\r\n\r\n{}"
OK = head(200, {"content-length": "2"}) + b"ok"


class Model:
    """A stub and a client of it."""

    def __init__(self, stub: StubUpstream, limits: UpstreamLimits) -> None:
        self.stub = stub
        self.client = UpstreamClient(limits)

    async def send(self) -> Exchange:
        return await self.client.send(Origin.of(self.stub.url), REQUEST)

    async def ask(self) -> bytes:
        """The whole body of an answer."""
        return await (await self.send()).read()

    async def refused(self) -> TiermeshError:
        """The error that a request ends with."""
        with pytest.raises(TiermeshError) as caught:
            await self.ask()
        return caught.value


@contextlib.asynccontextmanager
async def upstream(**limits: float) -> AsyncIterator[Model]:
    async with StubUpstream() as stub:
        model = Model(stub, UpstreamLimits(**limits))  # type: ignore[arg-type]  # whole numbers where they must be
        try:
            yield model
        finally:
            model.client.close()


class Sponge:
    """A sink that keeps all, and tells of it."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.came = asyncio.Event()

    def on_body(self, data: bytes) -> None:
        self.pieces.append(data)
        self.came.set()


async def test_one_connection_carries_one_request_after_the_other() -> None:
    async with upstream() as model:
        for _ in range(3):
            await model.ask()
        assert (model.stub.accepted, len(model.stub.requests)) == (1, 3)


async def test_requests_at_once_have_a_connection_each_and_these_are_used_again() -> None:
    async with upstream() as model:
        slow = [held(), held()]
        model.stub.script(*slow)
        asking = [asyncio.create_task(model.ask()) for _ in slow]
        await model.stub.received(2)
        for one in slow:
            one.go.set()
        await asyncio.gather(*asking)
        await model.ask()
        assert model.stub.accepted == 2


@pytest.mark.parametrize(
    ("data", "close", "body"),
    [
        (OK, False, b"ok"),
        (head(200, {"transfer-encoding": "chunked"}) + chunk(b"o") + chunk(b"k") + chunk(b""), False, b"ok"),
        (head(200, {"connection": "close"}) + b"ok", True, b"ok"),
        (b"HTTP/1.0 200 OK\r\n\r\nok", True, b"ok"),
        (head(200, {"content-length": "0"}), False, b""),
        (head(204, {}), False, b""),
        (head(100, {}) + OK, False, b"ok"),
        (head(103, {"link": "</a>", "content-length": "9"}) + head(200, {"connection": "close"}) + b"ok", True, b"ok"),
    ],
    ids=["length", "chunked", "close", "1.0", "empty", "204", "100", "103"],
)
async def test_every_framing_gives_the_body(data: bytes, close: bool, body: bytes) -> None:
    async with upstream() as model:
        model.stub.script(raw(data, close))
        assert await model.ask() == body
        assert await model.ask() != b""
        assert model.stub.accepted == (2 if close else 1)


async def test_an_answer_may_come_byte_by_byte() -> None:
    async def drops(received: object, writer: asyncio.StreamWriter) -> None:
        for byte in OK:
            writer.write(bytes([byte]))
            await asyncio.sleep(0)

    async with upstream() as model:
        model.stub.script(drops)
        assert await model.ask() == b"ok"


async def test_status_and_headers_come_with_the_head() -> None:
    async with upstream() as model:
        model.stub.script(answer(b"no", 418, {"Retry-After": "7"}))
        exchange = await model.send()
        assert (exchange.status, exchange.headers[b"retry-after"]) == (418, b"7")
        assert await exchange.read() == b"no"


async def test_a_pooled_connection_that_the_model_gave_up_is_replaced_once() -> None:
    async with upstream() as model:
        model.stub.script(answer(), raw(b""), answer(b"second"))
        await model.ask()
        assert await model.ask() == b"second"
        assert (model.stub.accepted, len(model.stub.requests)) == (2, 3)


async def test_a_request_is_sent_twice_at_most() -> None:
    async with upstream() as model:
        model.stub.script(answer(), raw(b""), raw(b""))
        await model.ask()
        assert (await model.refused()).code is Code.UPSTREAM_FAILED
        assert len(model.stub.requests) == 3


async def test_a_request_on_a_fresh_connection_is_not_sent_again() -> None:
    async with upstream() as model:
        model.stub.script(raw(b""))
        assert (await model.refused()).code is Code.UPSTREAM_FAILED
        assert len(model.stub.requests) == 1


async def test_an_answer_that_has_begun_is_not_asked_for_again() -> None:
    async with upstream() as model:
        model.stub.script(answer(), raw(head(200, {"content-length": "9"}) + b"half"))
        await model.ask()
        assert (await model.refused()).code is Code.UPSTREAM_FAILED
        assert len(model.stub.requests) == 2


async def test_a_model_that_hangs_up_between_requests_costs_nothing() -> None:
    async with upstream() as model:
        await model.ask()
        model.stub.hang_up()
        await model.ask()
        assert len(model.stub.requests) == 2


async def test_a_connection_that_was_idle_for_too_long_is_not_used_again() -> None:
    async with upstream(idle_seconds=-1) as model:
        await model.ask()
        await model.ask()
        assert model.stub.accepted == 2


async def test_what_a_model_says_unasked_ends_the_connection() -> None:
    async with upstream() as model:
        model.stub.script(raw(OK, close=False))
        await model.ask()
        (writer,) = model.stub._writers
        writer.write(OK)
        await (await model.stub.received(1)).left.wait()
        assert await model.ask() == await model.ask()
        assert model.stub.accepted == 2


@pytest.mark.parametrize(
    "data",
    [
        head(200, {"content-length": "9"}) + b"half",
        head(200, {"transfer-encoding": "chunked"}) + chunk(b"half"),
        head(200, {"transfer-encoding": "chunked"}) + b"5\r\nha",
        b"HTTP/1.1 200 OK\r\ncontent-le",
        b"HTTP/1.1 100 Continue\r\n\r\n",
    ],
)
async def test_an_answer_that_is_cut_is_an_error(data: bytes) -> None:
    async with upstream() as model:
        model.stub.script(raw(data))
        error = await model.refused()
        assert (error.code, error.status) == (Code.UPSTREAM_FAILED, 502)


@pytest.mark.parametrize(
    "data",
    [
        b"\x00\x01garbage\r\n\r\n",
        b"HTTP/1.1 2x0 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n",
        head(200, {"transfer-encoding": "chunked"}) + b"zz\r\n",
    ],
)
async def test_an_answer_that_is_no_http_is_an_error_and_ends_the_connection(data: bytes) -> None:
    async with upstream() as model:
        model.stub.script(raw(data, close=False))
        assert (await model.refused()).code is Code.UPSTREAM_FAILED
        await (await model.stub.received(1)).left.wait()
        await model.ask()
        assert model.stub.accepted == 2


async def test_two_answers_to_one_request_are_never_mixed() -> None:
    async with upstream() as model:
        model.stub.script(raw(OK + head(500, {"content-length": "4"}) + b"evil", close=False))
        with contextlib.suppress(TiermeshError):
            exchange = await model.send()
            assert exchange.status == 200
            assert await exchange.read() == b"ok"
        assert await model.ask() not in (b"evil", b"okevil")
        assert model.stub.accepted == 2


async def test_where_nothing_listens_the_model_is_starting() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        origin = Origin("127.0.0.1", free.getsockname()[1], False)
        with pytest.raises(TiermeshError, match=f"Nothing answers at 127.0.0.1:{origin.port}") as caught:
            await UpstreamClient(UpstreamLimits()).send(origin, REQUEST)
    assert (caught.value.code, caught.value.status) == (Code.MODEL_STARTING, 503)
    assert caught.value.retry_after_seconds


async def test_a_connection_that_does_not_open_in_time_counts_as_starting() -> None:
    async with upstream(connect_seconds=0) as model:
        assert (await model.refused()).code is Code.MODEL_STARTING


async def test_one_connection_too_many_is_a_full_queue() -> None:
    async with upstream(max_connections=1) as model:
        slow = held()
        model.stub.script(slow)
        asking = asyncio.create_task(model.ask())
        await slow.begun.wait()
        error = await model.refused()
        assert (error.code, error.status, error.retry_after_seconds) == (Code.QUEUE_FULL, 429, 1)
        slow.go.set()
        await asking
        await model.ask()


@pytest.mark.parametrize("data", [raw(b""), raw(b"garbage\r\n\r\n", close=False), raw(head(200, {}) + b"ok")])
async def test_a_connection_that_failed_leaves_its_place(data: object) -> None:
    async with upstream(max_connections=1) as model:
        assert callable(data)
        for _ in range(3):
            model.stub.script(data)
            with contextlib.suppress(TiermeshError):
                await model.ask()
            await (await model.stub.received(len(model.stub.requests))).left.wait()
        await model.ask()


async def test_a_request_that_is_given_up_while_it_connects_leaves_exactly_one_place() -> None:
    """Whenever the cancellation comes, also between the connection's opening and its use."""
    async with upstream(max_connections=2) as model:
        for turns in range(12):
            asking = asyncio.create_task(model.ask())
            for _ in range(turns):
                await asyncio.sleep(0)
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
        while len(model.client._pools[Origin.of(model.stub.url)]._all) > 1:
            await asyncio.sleep(0)
        slow = [held(), held()]
        model.stub.reset()
        model.stub.script(*slow)
        asking_both = [asyncio.create_task(model.ask()) for _ in slow]
        await model.stub.received(2)
        assert (await model.refused()).code is Code.QUEUE_FULL
        for one in slow:
            one.go.set()
        await asyncio.gather(*asking_both)


async def test_an_answer_that_is_too_large_is_refused_and_read_no_further() -> None:
    async with upstream(max_answer_bytes=1000) as model:
        model.stub.script(answer(b"x" * 1000), answer(b"x" * 1001))
        assert len(await model.ask()) == 1000
        assert "larger than 1000 bytes" in (await model.refused()).message
        await (await model.stub.received(2)).left.wait()


async def test_a_stream_may_be_larger_than_an_answer() -> None:
    async with upstream(max_answer_bytes=1000) as model:
        steps = Steps([b"x" * 900] * 3)
        model.stub.script(steps)
        steps.step()
        exchange, sponge = await model.send(), Sponge()
        exchange.attach(sponge)
        steps.go()
        await exchange.done
        assert b"".join(sponge.pieces).startswith(b"x" * 2700)


async def test_a_stream_comes_piece_by_piece() -> None:
    async with upstream() as model:
        steps = Steps([event("one"), event("two")])
        model.stub.script(steps)
        steps.step()
        exchange, sponge = await model.send(), Sponge()
        exchange.attach(sponge)
        await sponge.came.wait()
        assert sponge.pieces == [event("one")]
        assert not exchange.done.done()
        steps.go()
        await exchange.done
        assert b"".join(sponge.pieces) == event("one") + event("two") + b"data: [DONE]\n\n"


async def test_a_stream_that_ended_before_its_sink_came_is_whole() -> None:
    async with upstream() as model:
        model.stub.script(stream("one"))
        exchange, sponge = await model.send(), Sponge()
        await exchange.done
        exchange.attach(sponge)
        assert b"".join(sponge.pieces) == event("one") + b"data: [DONE]\n\n"


async def test_who_gives_an_exchange_up_closes_the_connection() -> None:
    async with upstream() as model:
        steps = Steps([event("one"), event("two")])
        model.stub.script(steps)
        steps.step()
        exchange = await model.send()
        exchange.close()
        await (await model.stub.received()).left.wait()
        await model.ask()
        assert model.stub.accepted == 2


async def test_who_stops_waiting_for_the_head_closes_the_connection() -> None:
    async with upstream() as model:
        model.stub.script(held())
        asking = asyncio.create_task(model.ask())
        received = await model.stub.received()
        asking.cancel()
        await received.left.wait()


async def test_an_exchange_that_is_over_may_be_closed_and_keeps_its_connection() -> None:
    async with upstream() as model:
        exchange = await model.send()
        await exchange.read()
        exchange.close()
        await model.ask()
        assert model.stub.accepted == 1


async def test_a_paused_stream_stops_the_model_and_goes_on_where_it_was() -> None:
    written = 0

    async def flood(received: object, writer: asyncio.StreamWriter) -> None:
        nonlocal written
        writer.write(head(200, {"transfer-encoding": "chunked"}))
        for _ in range(1000):
            writer.write(chunk(b"x" * 100_000))
            await writer.drain()
            written += 1
        writer.write(chunk(b""))

    async with upstream() as model:
        model.stub.script(flood)
        exchange, sponge = await model.send(), Sponge()
        exchange.attach(sponge)
        await sponge.came.wait()
        exchange.pause()
        before = -1
        while before < written:
            before = written
            for _ in range(100):
                await asyncio.sleep(0)
        assert written < 500
        exchange.resume()
        await exchange.done
        assert sum(map(len, sponge.pieces)) == 100_000_000


async def test_a_connection_that_was_paused_at_its_answers_end_can_be_used_again() -> None:
    async with upstream() as model:
        steps = Steps([event("one"), event("two")])
        model.stub.script(steps)
        steps.step()
        exchange = await model.send()

        class Slow:
            def on_body(self, data: bytes) -> None:
                exchange.pause()

        exchange.attach(Slow())
        exchange.resume()
        model.stub.default = answer(b"next")
        steps.go()
        while not exchange.done.done():
            exchange.resume()
            await asyncio.sleep(0)
        assert await model.ask() == b"next"


async def test_a_tls_model_is_asked_where_its_certificate_is_trusted_and_only_there() -> None:
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(CERTIFICATE, CERTIFICATE.with_name("key.pem"))

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"{}")
        writer.write(OK)
        await reader.read()
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=serving)
    origin = Origin("127.0.0.1", server.sockets[0].getsockname()[1], True)
    trusting = UpstreamClient(UpstreamLimits(), lambda: ssl.create_default_context(cafile=str(CERTIFICATE)))
    assert await (await trusting.send(origin, REQUEST)).read() == b"ok"
    with pytest.raises(TiermeshError, match="TLS with 127.0.0.1:.* fails: CERTIFICATE_VERIFY_FAILED") as caught:
        await UpstreamClient(UpstreamLimits()).send(origin, REQUEST)
    assert caught.value.code is Code.UPSTREAM_FAILED
    trusting.close()
    server.close()
