"""gRPC's calls: messages from bytes, answers as frames, errors as statuses."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_plane.spec.errors import Code, TiermeshError
from routers.grpc_calls import Answer, Messages, StreamCall, UnaryCall, framed, refuse
from routers.http import Reply, Request
from routers.http2.frames import END_STREAM, Kind, Setting, frame
from routers.http2.hpack import literal
from routers.http2.server import Http2Server
from routers.http2.stream import Headers, Receiver, Stream
from routers.limits import ServerLimits
from tests.unit.routers.http2.client import POST, Client
from tests.unit.routers.raw import Desk

LIMIT = 1000


@contextlib.asynccontextmanager
async def calling(begin: Callable[[Headers, Stream], Receiver]) -> AsyncIterator[Client]:
    """A client of a server whose calls begin so."""
    server = Http2Server(begin, ServerLimits())
    port = await server.start("127.0.0.1", 0)
    client = Client(*await asyncio.open_connection("127.0.0.1", port))
    client.greet()
    try:
        yield client
    finally:
        client.leave()
        await server.stop(0)


def unary(answer: Answer) -> Callable[[Headers, Stream], Receiver]:
    return lambda headers, stream: UnaryCall(headers, stream, answer, LIMIT)


def streamed(answer: Answer) -> Callable[[Headers, Stream], Receiver]:
    return lambda headers, stream: StreamCall(headers, stream, answer, LIMIT)


def echo(request: Request, reply: Reply) -> None:
    """Answers with the message."""
    reply.send(200, b"content-type: application/grpc\r\nx-request-id: 7\r\n", request.body)


def echo_framed(request: Request, reply: Reply) -> None:
    """The same, as streams have it."""
    reply.send(200, b"x-request-id: 7\r\n", framed(request.body))


async def test_a_message_is_answered_with_metadata_before_and_a_status_behind() -> None:
    async with calling(unary(echo)) as client:
        client.ask(body=framed(b"question"))
        head = await client.headers()
        assert (head[b":status"], head[b"content-type"], head[b"x-request-id"]) == (b"200", b"application/grpc", b"7")
        assert (await client.frame(Kind.DATA)).payload == framed(b"question")
        assert await client.headers() == {b"grpc-status": b"0"}


async def test_an_error_is_headers_alone() -> None:
    def fail(request: Request, reply: Reply) -> None:
        reply.send(429, b"grpc-status: 8\r\nretry-after: 7\r\n", b"voll: 100%\n")

    async with calling(unary(fail)) as client:
        client.ask(body=framed(b""))
        head = await client.headers()
        assert (head[b"grpc-status"], head[b"retry-after"], head[b"grpc-message"]) == (b"8", b"7", b"voll: 100%25%0A")


async def test_an_answer_in_pieces_is_one_message() -> None:
    def answer(request: Request, reply: Reply) -> None:
        reply.start(200, b"x-request-id: 7\r\n")
        reply.write(b"a")
        reply.write(b"b")
        reply.end()

    async with calling(unary(answer)) as client:
        client.ask(body=framed(b""))
        assert (await client.headers())[b"x-request-id"] == b"7"
        assert (await client.frame(Kind.DATA)).payload == framed(b"ab")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", b"3"),
        (framed(b"a") + framed(b"b"), b"3"),
        (framed(b"abc")[:-1], b"3"),
        (b"\1" + framed(b"packed")[1:], b"12"),
        (framed(b"x" * (LIMIT + 1)), b"8"),
        (b"\0\xff\xff\xff\xff", b"8"),
    ],
)
async def test_what_is_not_one_message_is_refused(body: bytes, status: bytes) -> None:
    async with calling(unary(echo)) as client:
        client.ask(body=body)
        head = await client.headers()
        assert (head[b"grpc-status"], head[b"grpc-accept-encoding"]) == (status, b"identity")


@pytest.mark.parametrize("kind", [unary, streamed])
async def test_a_caller_who_leaves_is_told_of(kind: Callable[[Answer], Callable[[Headers, Stream], Receiver]]) -> None:
    desk, left = Desk(), asyncio.Event()
    async with calling(kind(desk)) as client:
        client.ask(body=framed(b"question"))
        _, reply = await desk.next()
        reply.on_disconnect = left.set
        client.send(frame(Kind.RST_STREAM, 0, 1, bytes(4)))
        await left.wait()
        reply.send(200, b"", b"nobody hears it")


@pytest.mark.parametrize("kind", [unary, streamed])
async def test_an_answer_that_is_cut_is_a_reset(
    kind: Callable[[Answer], Callable[[Headers, Stream], Receiver]],
) -> None:
    async with calling(kind(lambda request, reply: reply.abort())) as client:
        client.ask(body=framed(b"question"))
        assert (await client.frame(Kind.RST_STREAM)).stream == 1


async def test_messages_of_a_stream_are_answered_one_after_the_other() -> None:
    desk = Desk()
    async with calling(streamed(desk)) as client:
        client.ask(body=framed(b"one") + framed(b"two"))
        first, reply = await desk.next()
        assert first.body == b"one" and desk.requests.empty()
        reply.start(200, b"x-request-id: 1\r\n")
        for piece in (b"a", b"b"):
            reply.write(framed(piece))
            assert (await client.frame(Kind.DATA)).payload == framed(piece)
        reply.end()
        second, reply = await desk.next()
        assert second.body == b"two"
        reply.send(200, b"x-request-id: 2\r\n", framed(b"c"))
        assert (await client.frame(Kind.DATA)).payload == framed(b"c")
        last = await client.frame(Kind.HEADERS)
        assert last.flags & END_STREAM


async def test_many_messages_that_are_answered_at_once_do_not_nest() -> None:
    async with calling(streamed(echo_framed)) as client:
        client.ask(body=framed(b"") * 3000)
        received = b""
        while len(received) < 5 * 3000:
            received += (await client.frame(Kind.DATA)).payload
        assert received == framed(b"") * 3000


async def test_a_stream_without_messages_ends_well() -> None:
    async with calling(streamed(echo_framed)) as client:
        client.ask(body=b"")
        assert (await client.headers())[b"grpc-status"] == b"0"


async def test_a_message_that_cannot_be_read_ends_a_stream() -> None:
    async with calling(streamed(echo_framed)) as client:
        client.ask(body=None)
        client.send(frame(Kind.DATA, 0, 1, framed(b"one")))
        assert (await client.frame(Kind.DATA)).payload == framed(b"one")
        client.send(frame(Kind.DATA, 0, 1, b"\1" + framed(b"packed")[1:]))
        assert (await client.headers())[b"grpc-status"] == b"12"


async def test_a_message_that_cannot_be_read_is_the_last_word_also_to_a_slow_caller() -> None:
    window, more = Setting.INITIAL_WINDOW_SIZE.to_bytes(2, "big") + bytes(4), (100).to_bytes(4, "big")
    async with calling(streamed(echo_framed)) as client:
        client.send(frame(Kind.SETTINGS, 0, 0, window))
        client.ask(body=None)
        packed = b"\1" + framed(b"packed")[1:]
        client.send(frame(Kind.DATA, 0, 1, framed(b"one")), frame(Kind.DATA, END_STREAM, 1, packed))
        await client.headers()
        client.send(frame(Kind.WINDOW_UPDATE, 0, 1, more))
        assert (await client.frame(Kind.DATA)).payload == framed(b"one")
        assert (await client.headers())[b"grpc-status"] == b"12"


async def test_a_message_that_cannot_be_read_ends_a_stream_after_the_answer_under_way() -> None:
    desk = Desk()
    async with calling(streamed(desk)) as client:
        client.ask(body=None)
        client.send(frame(Kind.DATA, 0, 1, framed(b"one")), frame(Kind.DATA, 0, 1, b"\1" + framed(b"packed")[1:]))
        _, reply = await desk.next()
        reply.send(200, b"", framed(b"answer"))
        assert (await client.frame(Kind.DATA)).payload == framed(b"answer")
        assert (await client.headers())[b"grpc-status"] == b"12"


async def test_a_slow_caller_is_waited_for() -> None:
    desk, drained = Desk(), asyncio.Event()
    async with calling(streamed(desk)) as client:
        client.ask(body=framed(b"question"))
        _, reply = await desk.next()
        reply.on_drain = drained.set
        reply.start(200, b"")
        reply.write(framed(b"x" * 70_000))
        assert reply.congested and reply.buffered_bytes > 0
        more = (70_000).to_bytes(4, "big")
        client.send(frame(Kind.WINDOW_UPDATE, 0, 0, more), frame(Kind.WINDOW_UPDATE, 0, 1, more))
        await drained.wait()
        assert not reply.congested


@pytest.mark.parametrize(
    ("headers", "name", "value"),
    [
        (POST, b"grpc-status", b"12"),
        (literal(b":path", b"/") + literal(b"content-type", b"text/html"), b":status", b"415"),
    ],
)
async def test_what_is_not_here_says_so(headers: bytes, name: bytes, value: bytes) -> None:
    async with calling(lambda headers, stream: refuse(stream, headers)) as client:
        client.ask(body=b"whatever", block=headers)
        assert (await client.headers())[name] == value


@given(st.lists(st.binary(max_size=20), max_size=5), st.lists(st.integers(1, 9), min_size=1))
def test_messages_may_be_cut_anywhere(sent: list[bytes], cuts: list[int]) -> None:
    data, messages, found = b"".join(map(framed, sent)), Messages(LIMIT), []
    while data:
        for cut in cuts:
            found += messages.read(data[:cut])
            data = data[cut:]
    assert found == sent and messages.whole


@given(st.binary(max_size=50))
def test_arbitrary_bytes_are_messages_or_an_error(data: bytes) -> None:
    try:
        assert all(len(message) <= LIMIT for message in Messages(LIMIT).read(data))
    except TiermeshError as error:
        assert error.code in (Code.BODY_TOO_LARGE, Code.METHOD_NOT_ALLOWED)
