"""The client towards models against real sockets: every way in which an answer can come, and fail to."""

import asyncio
import contextlib
import socket
import ssl

import pytest

from control_plane.spec.errors import Code, TiermeshError
from routers.upstream import Origin, UpstreamClient, UpstreamLimits
from tests.stub_upstream import answer, chunk, head, held, raw
from tests.unit.routers.scripted_upstream import CERTIFICATE, OK, REQUEST, upstream


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
