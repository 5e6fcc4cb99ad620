"""A connection of HTTP/2: what a caller may say, what ends a stream, what ends it all."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routers.http2.connection import MAX_NOISE, MAX_STREAMS
from routers.http2.frames import (
    ACK,
    DEFAULT_WINDOW,
    END_HEADERS,
    END_STREAM,
    MAX_FRAME_BYTES,
    MAX_WINDOW,
    PADDED,
    PREFACE,
    PRIORITISED,
    Fault,
    Kind,
    Setting,
    frame,
    header_frames,
)
from routers.http2.hpack import literal
from routers.limits import ServerLimits
from tests.unit.routers.http2.client import HEAD, POST, TRAILERS, Client, site

FOUR = (4).to_bytes(4, "big")


def setting(name: Setting, value: int) -> bytes:
    """A frame with one setting."""
    return frame(Kind.SETTINGS, 0, 0, name.to_bytes(2, "big") + value.to_bytes(4, "big"))


async def test_a_request_and_its_answer() -> None:
    async with site() as there, there.connected() as client:
        client.ask(body=b"question")
        desk = await there.desks.get()
        await desk.ended.wait()
        assert (desk.headers[b":path"], desk.body) == (b"/s/m", b"question")
        desk.stream.respond(HEAD, b"answer", TRAILERS)
        assert (await client.headers())[b":status"] == b"200"
        assert (await client.frame(Kind.DATA)).payload == b"answer"
        last = await client.frame(Kind.HEADERS)
        assert last.flags & END_STREAM


async def test_the_settings_are_told_and_the_callers_acknowledged() -> None:
    async with site() as there, there.connected() as client:
        told = (await client.frame(Kind.SETTINGS)).payload
        assert (4).to_bytes(2, "big") + there.server.stream_window.to_bytes(4, "big") in told
        assert (await client.frame(Kind.SETTINGS)).flags == ACK


async def test_bytes_may_be_cut_anywhere_and_frames_padded_and_headers_split() -> None:
    half = len(POST) // 2
    said = b"".join(
        [
            PREFACE,
            frame(Kind.SETTINGS, 0, 0),
            frame(Kind.PRIORITY, 0, 1, bytes(5)),
            frame(Kind.HEADERS, PADDED | PRIORITISED, 1, b"\2" + bytes(5) + POST[:half] + b"\0\0"),
            frame(Kind.CONTINUATION, END_HEADERS, 1, POST[half:]),
            frame(Kind.DATA, PADDED, 1, b"\3ab\0\0\0"),
            frame(77, 0, 0, b"unknown"),  # type: ignore[arg-type]  # that is what is tested
            frame(Kind.DATA, END_STREAM, 1, b"c"),
        ]
    )
    async with site() as there, there.connected(greeting=False) as client:
        for at in range(len(said)):
            client.send(said[at : at + 1])
            await asyncio.sleep(0)
        desk = await there.desks.get()
        await desk.ended.wait()
        assert (desk.headers[b":path"], desk.body) == (b"/s/m", b"abc")


async def test_trailers_of_a_caller_end_its_request() -> None:
    async with site() as there, there.connected() as client:
        client.ask(body=None)
        client.send(frame(Kind.HEADERS, END_HEADERS | END_STREAM, 1, literal(b"x", b"1")))
        await (await there.desks.get()).ended.wait()


async def test_an_answer_waits_for_the_streams_window() -> None:
    async with site() as there, there.connected() as client:
        client.send(setting(Setting.INITIAL_WINDOW_SIZE, 3))
        client.ask()
        desk = await there.desks.get()
        await desk.ended.wait()
        desk.stream.respond(HEAD, b"answer", TRAILERS)
        assert (await client.frame(Kind.DATA)).payload == b"ans"
        assert desk.stream.congested and desk.stream.buffered_bytes == 3
        client.send(frame(Kind.WINDOW_UPDATE, 0, 1, FOUR))
        assert (await client.frame(Kind.DATA)).payload == b"wer"
        assert (await client.frame(Kind.HEADERS)).flags & END_STREAM


async def test_a_window_that_is_set_later_counts_for_what_is_under_way() -> None:
    async with site() as there, there.connected() as client:
        client.send(setting(Setting.INITIAL_WINDOW_SIZE, 0))
        client.ask(body=None)
        desk = await there.desks.get()
        desk.stream.start(HEAD)
        desk.stream.write(b"late")
        await client.frame(Kind.HEADERS)
        client.send(setting(Setting.INITIAL_WINDOW_SIZE, 10))
        assert (await client.frame(Kind.DATA)).payload == b"late"
        await desk.writable.wait()


async def test_streams_share_the_connections_window() -> None:
    async with site() as there, there.connected() as client:
        client.send(setting(Setting.INITIAL_WINDOW_SIZE, MAX_WINDOW))
        client.ask(1)
        client.ask(3)
        for _ in range(2):
            desk = await there.desks.get()
            await desk.ended.wait()
            desk.stream.respond(HEAD, b"x" * 40_000, TRAILERS)
        received = 0
        while received < DEFAULT_WINDOW:
            received += len((await client.frame(Kind.DATA)).payload)
        assert received == DEFAULT_WINDOW
        client.send(frame(Kind.WINDOW_UPDATE, 0, 0, (80_000).to_bytes(4, "big")))
        while received < 80_000:
            received += len((await client.frame(Kind.DATA)).payload)
        assert received == 80_000


async def test_what_is_dealt_with_may_be_sent_again() -> None:
    async with site() as there, there.connected() as client:
        client.ask(body=None)
        client.send(frame(Kind.DATA, 0, 1, b"12345"))
        desk = await there.desks.get()
        desk.stream.consumed(5)
        await client.frame(Kind.WINDOW_UPDATE)  # the connection's, at its beginning
        update = await client.frame(Kind.WINDOW_UPDATE)
        assert (update.stream, update.payload) == (1, (5).to_bytes(4, "big"))


async def test_padding_may_be_sent_again_at_once() -> None:
    async with site() as there, there.connected() as client:
        client.ask(body=None)
        client.send(frame(Kind.DATA, PADDED, 1, b"\2ab\0\0"))
        await client.frame(Kind.WINDOW_UPDATE)  # the connection's, at its beginning
        update = await client.frame(Kind.WINDOW_UPDATE)
        assert (update.stream, update.payload) == (1, (3).to_bytes(4, "big"))


async def test_more_of_a_body_than_its_window_ends_the_connection() -> None:
    async with site(ServerLimits(max_body_bytes=0)) as there, there.connected() as client:
        client.ask(body=None)
        window = there.server.stream_window
        client.send(*[frame(Kind.DATA, 0, 1, b"x" * MAX_FRAME_BYTES)] * (window // MAX_FRAME_BYTES))
        desk = await there.desks.get()
        client.send(frame(Kind.PING, 0, 0, bytes(8)))
        await client.frame(Kind.PING)
        desk.stream.consumed(10)
        client.send(frame(Kind.DATA, 0, 1, b"x" * 10), frame(Kind.DATA, 0, 1, b"y"))
        assert await client.goaway() == Fault.FLOW_CONTROL_ERROR
        assert len(desk.body) == window + 10


async def test_a_large_body_does_not_close_the_connections_window() -> None:
    async with site() as there, there.connected() as client:
        client.ask(body=None)
        client.send(*[frame(Kind.DATA, 0, 1, b"x" * MAX_FRAME_BYTES)] * 64)
        await client.frame(Kind.WINDOW_UPDATE)
        assert (await client.frame(Kind.WINDOW_UPDATE)).stream == 0


SMALL = ServerLimits(max_body_bytes=64 * 1024)
"""So small that a connection soon holds as much as it may."""


def begin_bodies(client: Client, numbers: range) -> None:
    """One frame of a body on each stream, which goes on."""
    for number in numbers:
        client.ask(number, body=None)
        client.send(frame(Kind.DATA, 0, number, b"x" * MAX_FRAME_BYTES))


async def test_a_body_too_many_is_refused_and_the_others_go_on() -> None:
    async with site(SMALL) as there, there.connected() as client:
        most = there.server.connection_bytes // MAX_FRAME_BYTES
        begin_bodies(client, range(1, 2 * most + 2, 2))
        refused = await client.frame(Kind.RST_STREAM)
        assert (refused.stream, refused.payload) == (2 * most + 1, Fault.ENHANCE_YOUR_CALM.to_bytes(4, "big"))
        desks = [await there.desks.get() for _ in range(most + 1)]
        await desks[-1].left.wait()
        client.send(frame(Kind.DATA, END_STREAM, 1, b""))
        await desks[0].ended.wait()
        assert len(desks[0].body) == MAX_FRAME_BYTES


@pytest.mark.parametrize("end", ["whole", "reset", "answered", "consumed"])
async def test_a_body_that_is_done_with_makes_room_for_others(end: str) -> None:
    async with site(SMALL) as there, there.connected() as client:
        most = there.server.connection_bytes // MAX_FRAME_BYTES
        for first in (1, 2 * most + 1):
            numbers = range(first, first + 2 * most, 2)
            begin_bodies(client, numbers)
            desks = [await there.desks.get() for _ in numbers]
            assert Fault.ENHANCE_YOUR_CALM not in await client.resets()
            for number, desk in zip(numbers, desks, strict=True):
                if end == "whole":
                    client.send(frame(Kind.DATA, END_STREAM, number, b""))
                elif end == "reset":
                    client.send(frame(Kind.RST_STREAM, 0, number, bytes(4)))
                elif end == "answered":
                    desk.stream.conclude(HEAD + TRAILERS)
                else:
                    desk.stream.consumed(MAX_FRAME_BYTES)


@pytest.mark.parametrize("how", ["reset", "disconnect"])
async def test_a_caller_who_leaves_is_told_of(how: str) -> None:
    async with site() as there, there.connected() as client:
        client.ask()
        desk = await there.desks.get()
        client.send(frame(Kind.RST_STREAM, 0, 1, bytes(4))) if how == "reset" else client.leave()
        await desk.left.wait()
        desk.stream.respond(HEAD, b"nobody hears it", TRAILERS)
        desk.stream.write(b"nor this")
        desk.stream.end(TRAILERS)


async def test_an_answer_before_the_requests_end_asks_for_no_more() -> None:
    async with site() as there, there.connected() as client:
        client.ask(body=None)
        (await there.desks.get()).stream.conclude(HEAD + TRAILERS)
        assert (await client.frame(Kind.HEADERS)).flags & END_STREAM
        assert (await client.frame(Kind.RST_STREAM)).payload == bytes(4)
        client.send(frame(Kind.DATA, END_STREAM, 1, b"late"), frame(Kind.PING, 0, 0, bytes(8)))
        assert (await client.frame(Kind.PING)).flags == ACK


async def test_streams_beyond_the_limit_are_refused_and_the_others_go_on() -> None:
    async with site() as there, there.connected() as client:
        for number in range(MAX_STREAMS + 1):
            client.ask(2 * number + 1, body=None)
        refused = await client.frame(Kind.RST_STREAM)
        assert (refused.stream, refused.payload[3]) == (2 * MAX_STREAMS + 1, Fault.REFUSED_STREAM)
        assert there.desks.qsize() == MAX_STREAMS


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ([b"GET / HTTP/1.1\r\n\r\n"], Fault.PROTOCOL_ERROR),
        ([PREFACE, MAX_FRAME_BYTES.to_bytes(3, "big")[:-1] + b"\1" + bytes(6)], Fault.FRAME_SIZE_ERROR),
        ([PREFACE, frame(Kind.DATA, 0, 1, b"x")], Fault.PROTOCOL_ERROR),
        ([PREFACE, frame(Kind.DATA, 0, 0, b"x")], Fault.PROTOCOL_ERROR),
        ([PREFACE, frame(Kind.HEADERS, END_HEADERS, 2, POST)], Fault.PROTOCOL_ERROR),
        ([PREFACE, frame(Kind.HEADERS, END_HEADERS, 1, b"\x80")], Fault.COMPRESSION_ERROR),
        ([PREFACE, frame(Kind.HEADERS, END_HEADERS | PADDED, 1, b"\x09")], Fault.PROTOCOL_ERROR),
        ([PREFACE, frame(Kind.HEADERS, 0, 1, POST), frame(Kind.PING, 0, 0, bytes(8))], Fault.PROTOCOL_ERROR),
        ([PREFACE, frame(Kind.HEADERS, 0, 1), frame(Kind.CONTINUATION, 0, 3)], Fault.PROTOCOL_ERROR),
        ([PREFACE, frame(Kind.CONTINUATION, 0, 1, POST)], Fault.PROTOCOL_ERROR),
        ([PREFACE, frame(Kind.PUSH_PROMISE, 0, 1, POST)], Fault.PROTOCOL_ERROR),
        ([PREFACE, frame(Kind.RST_STREAM, 0, 1, bytes(4))], Fault.PROTOCOL_ERROR),
        ([PREFACE, frame(Kind.SETTINGS, 0, 0, b"x")], Fault.FRAME_SIZE_ERROR),
        ([PREFACE, setting(Setting.INITIAL_WINDOW_SIZE, 2**31)], Fault.FLOW_CONTROL_ERROR),
        ([PREFACE, frame(Kind.PING, 0, 0, b"x")], Fault.FRAME_SIZE_ERROR),
        ([PREFACE, frame(Kind.WINDOW_UPDATE, 0, 0, bytes(4))], Fault.PROTOCOL_ERROR),
        ([PREFACE, frame(Kind.WINDOW_UPDATE, 0, 0, MAX_WINDOW.to_bytes(4, "big"))], Fault.FLOW_CONTROL_ERROR),
        ([PREFACE, *[frame(Kind.PING, 0, 0, bytes(8))] * (MAX_NOISE + 1)], Fault.ENHANCE_YOUR_CALM),
        ([PREFACE, *[frame(Kind.SETTINGS, 0, 0)] * (MAX_NOISE + 1)], Fault.ENHANCE_YOUR_CALM),
        (
            [PREFACE, frame(Kind.HEADERS, 0, 1), *[frame(Kind.CONTINUATION, 0, 1)] * (MAX_NOISE + 1)],
            Fault.ENHANCE_YOUR_CALM,
        ),
        (
            [PREFACE, frame(Kind.HEADERS, 0, 1), *[frame(Kind.CONTINUATION, 0, 1, b"\x88" * 16_000)] * 5],
            Fault.ENHANCE_YOUR_CALM,
        ),
        (
            [PREFACE, frame(Kind.HEADERS, END_HEADERS, 1, POST), *[frame(Kind.DATA, 0, 1)] * (MAX_NOISE + 1)],
            Fault.ENHANCE_YOUR_CALM,
        ),
    ],
)
async def test_what_breaks_the_protocol_ends_the_connection_and_says_why(said: list[bytes], fault: Fault) -> None:
    async with site() as there, there.connected(greeting=False) as client:
        client.send(*said)
        assert await client.goaway() == fault
        assert not there.server.connections


async def test_streams_that_are_opened_and_reset_without_end_end_the_connection() -> None:
    async with site() as there, there.connected() as client:
        for number in range(1, 2 * MAX_NOISE + 4, 2):
            client.ask(number, body=None)
            client.send(frame(Kind.RST_STREAM, 0, number, bytes(4)))
        assert await client.goaway() == Fault.ENHANCE_YOUR_CALM


async def test_a_long_header_block_is_written_in_parts() -> None:
    block = literal(b"x", b"y" * 3 * MAX_FRAME_BYTES)
    parts = header_frames(END_STREAM, 1, block)
    async with site() as there, there.connected() as client:
        client.send(parts)
        desk = await there.desks.get()
        assert len(desk.headers[b"x"]) == 3 * MAX_FRAME_BYTES and desk.ended.is_set()


async def test_a_caller_that_says_nothing_and_a_call_that_never_ends_are_given_up() -> None:
    async with site(ServerLimits(receive_seconds=0.01)) as there:
        async with there.connected(greeting=False) as silent:
            assert (await silent.closed())[3] == Kind.SETTINGS
        async with there.connected() as client:
            client.ask(body=None)
            patient = await there.desks.get()
            patient.may_pause = True
            client.ask(3, body=None)
            assert (await client.frame(Kind.RST_STREAM)).stream == 3
            assert not patient.left.is_set()


@given(
    st.lists(st.tuples(st.integers(0, 10), st.integers(0, 63), st.integers(0, 4), st.binary(max_size=30)), max_size=8)
)
async def test_arbitrary_frames_end_in_answers_or_in_a_fault(frames: list[tuple[int, int, int, bytes]]) -> None:
    async with site() as there, there.connected() as client:
        client.send(*[frame(Kind(min(kind, 9)), flags, number, data) for kind, flags, number, data in frames])
        client.send(frame(Kind.PING, 0, 0, b"the end."))
        found = await client.frame(Kind.PING, Kind.GOAWAY)
        while found.kind == Kind.PING and found.payload != b"the end.":
            found = await client.frame(Kind.PING, Kind.GOAWAY)


@given(st.binary(max_size=100))
async def test_arbitrary_bytes_end_in_silence_or_in_a_fault(data: bytes) -> None:
    async with site() as there, there.connected() as client:
        client.send(data)
        client.send(bytes(200))
        await client.frame(Kind.SETTINGS)
