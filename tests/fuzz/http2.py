"""HTTP/2 from its bytes: connections of frames, most of them as they should be, cut anywhere."""

import itertools
import operator
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, NamedTuple

import uvloop
from hypothesis import strategies as st

from routers.http2.connection import MAX_NOISE, MAX_STREAMS, Http2Connection
from routers.http2.frames import (
    END_HEADERS,
    HEAD_BYTES,
    MAX_FRAME_BYTES,
    MAX_WINDOW,
    PREFACE,
    Kind,
    Setting,
    frame,
)
from routers.http2.hpack import STATUS_200, literal
from routers.http2.hpack import Decoder as BlockDecoder
from routers.http2.server import Http2Server
from routers.http2.stream import Headers, Stream
from routers.limits import ServerLimits
from tests.fuzz.answers import cut
from tests.fuzz.decoder import Decoder
from tests.fuzz.door import FakeTransport
from tests.fuzz.hpack import MAX_BYTES, block
from tests.fuzz.mutations import SEEDS, scratch
from tests.unit.routers.http2.client import HEAD, POST, TRAILERS

LIMITS = ServerLimits(max_body_bytes=2000, max_header_bytes=MAX_BYTES)

_SIZES = st.sampled_from([0, 1, 10, 1000, 65_535, 10**6, MAX_WINDOW, MAX_WINDOW + 1, 2**32 - 1]).map(
    lambda size: size.to_bytes(4, "big")
)
_NAMES = st.sampled_from([0, *Setting, Setting.INITIAL_WINDOW_SIZE, 99]).map(lambda name: name.to_bytes(2, "big"))
_SETTINGS = st.lists(st.builds(operator.add, _NAMES, _SIZES), max_size=3).map(b"".join)
_BODIES = st.sampled_from([b"", b"\0\0\0\0\0", b"x", b"x" * 700, b"\3ab\0\0\0", b"y" * 3000])
_FLAGS = st.sampled_from([0, 0, 1])
_AS_IT_IS = 100
"""A frame's stream from here on is meant as it is, less this; below it counts those that are open."""
_OPEN = st.integers(0, 9)
_WILD = st.sampled_from([0, 2, 13, 4001, MAX_WINDOW, 2**32 - 1]).map(lambda number: number + _AS_IT_IS)
LAST = -1
"""The stream that was opened last."""


class Frame(NamedTuple):
    """One frame, but for the stream it belongs to."""

    kind: int
    flags: int
    payload: bytes
    stream: int


class Sent(NamedTuple):
    """What a caller sends, and where it is cut."""

    whole: bytes
    cuts: int


_LARGE = frame(Kind.DATA, 0, 1, b"z" * MAX_FRAME_BYTES)
_GREETING = PREFACE + frame(Kind.SETTINGS, 0, 0)


def _together(
    said: list[Sequence[Frame]], begun: int, greeting: bytes, flood: tuple[bytes, int], mutation: int, cuts: int
) -> Sent:
    written = _written(itertools.chain.from_iterable(said), begun)
    what, times = flood
    return Sent(scratch(b"".join([greeting, *written, *[what or written[-1]] * times]), mutation), cuts)


def _written(frames: Iterable[Frame], begun: int) -> list[bytes]:
    """The frames as bytes, behind so many requests; each new header block has the next stream's number."""
    written, opened = [frame(Kind.HEADERS, END_HEADERS, number, POST) for number in (1, 3)[:begun]], begun
    for kind, flags, payload, stream in frames:
        if kind == Kind.HEADERS and flags & END_HEADERS and stream < 8:
            number, opened = 2 * opened + 1, opened + 1
        else:
            number = stream - _AS_IT_IS if stream >= _AS_IT_IS else 2 * (stream % max(opened, 1)) + 1
        head = len(payload).to_bytes(3, "big") + bytes([kind, flags]) + number.to_bytes(4, "big")
        written.append(head + payload)
    return written


def _asking(blocks: st.SearchStrategy[bytes]) -> st.SearchStrategy[Frame]:
    """A request's header block, most of the time of a new stream."""
    return st.builds(Frame, st.just(Kind.HEADERS), _FLAGS.map(lambda end: END_HEADERS | end), blocks, _OPEN)


def _saying(bodies: st.SearchStrategy[bytes], stream: st.SearchStrategy[int] = _OPEN) -> st.SearchStrategy[Frame]:
    """A piece of a body."""
    return st.builds(Frame, st.just(Kind.DATA), _FLAGS, bodies, stream)


def sent(
    requests: st.SearchStrategy[Sequence[Frame]], bodies: st.SearchStrategy[bytes], begun: int = 2
) -> st.SearchStrategy[Sent]:
    """Such requests, more of their bodies, frames of every other kind, sometimes one of them many times.

    Up to `begun` plain requests come first.
    """
    windows = st.builds(Frame, st.just(Kind.WINDOW_UPDATE), st.just(0), _SIZES, _OPEN | st.just(_AS_IT_IS))
    settings = st.builds(Frame, st.just(Kind.SETTINGS), st.just(0), _SETTINGS, st.just(_AS_IT_IS))
    payloads = bodies | _SIZES | st.just(bytes(8))
    others = st.builds(Frame, st.integers(0, 10), st.integers(0, 255), payloads, _OPEN | _WILD)
    said = requests | st.tuples(st.one_of(*[_saying(bodies)] * 4, windows, settings, others))
    floods = st.sampled_from([(b"", 0)] * 12 + [(b"", 4), (_LARGE, 4), (_LARGE, 20), (b"", MAX_NOISE + 1)])
    greeting = st.sampled_from([_GREETING] * 8 + [PREFACE, b""])
    return st.builds(
        _together,
        st.lists(said, min_size=1, max_size=12),
        st.integers(0, begun),
        greeting,
        floods,
        st.just(0) | SEEDS,
        SEEDS,
    )


class _Receiver:
    """Answers by its stream's number: at the end of the request, piece by piece, at once, or never."""

    may_pause = False

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._manner = stream.number >> 1 & 3
        self.body = b""
        self.ended = 0
        self.left = 0
        if self._manner == 1:
            stream.start(HEAD)
        elif self._manner == 2:
            stream.conclude(HEAD + TRAILERS)

    def on_data(self, data: bytes) -> None:
        assert not self.ended and not self.left
        self.body += data
        if self._manner == 1:
            self._stream.write(data)
            self._stream.consumed(len(data))
        else:
            assert len(self.body) <= LIMITS.max_body_bytes + 2**16, "more than its window"

    def on_end(self) -> None:
        self.ended += 1
        if self._manner == 0:
            self._stream.respond(HEAD, self.body, TRAILERS)
        elif self._manner == 1:
            self._stream.end(TRAILERS)

    def on_reset(self) -> None:
        self.left += 1

    def on_writable(self) -> None:
        assert not self._stream.congested


class _Clock:
    """Stands still: nothing here may depend on how fast it is read."""

    def time(self) -> float:
        return 1e6


class _Caller:
    """Sends bytes to a server, one connection for each time."""

    def __init__(self) -> None:
        self._receivers: list[_Receiver] = []
        self._server = uvloop.new_event_loop().run_until_complete(self._open())
        clock: Any = _Clock()
        self._server.loop = clock

    async def _open(self) -> Http2Server:
        return Http2Server(self._receive, LIMITS)

    def _receive(self, headers: Headers, stream: Stream) -> _Receiver:
        self._receivers.append(_Receiver(stream))
        return self._receivers[-1]

    def send(self, pieces: list[bytes]) -> tuple[bytes, list[tuple[bytes, int, int]]]:
        """What the server wrote, and what each request came to."""
        self._receivers = []
        transport: Any = FakeTransport()
        connection = Http2Connection(self._server)
        connection.connection_made(transport)
        try:
            for piece in pieces:
                if not transport.closed:
                    connection.data_received(piece)
                    check_bounds(connection)
            connection.pause_writing()
            connection.resume_writing()
        finally:
            connection.connection_lost(None)
        assert not connection.streams and not self._server.connections
        assert all(receiver.ended <= 1 and receiver.left <= 1 for receiver in self._receivers)
        return b"".join(transport.written), [(each.body, each.ended, each.left) for each in self._receivers]


def check_bounds(connection: Http2Connection) -> None:
    """Nothing that a caller sends piles up."""
    assert len(connection._received) < HEAD_BYTES + MAX_FRAME_BYTES + len(PREFACE)
    assert len(connection.streams) <= MAX_STREAMS
    assert connection._block is None or len(connection._block[2]) <= LIMITS.max_header_bytes + MAX_FRAME_BYTES
    assert connection.window >= 0


class Answered(NamedTuple):
    """One stream as the server wrote it."""

    heads: list[Headers]
    body: bytes
    """Of its DATA."""
    over: bool
    """Whether it ended rather than broke off."""


def answers(written: bytes) -> dict[int, Answered]:
    """The streams in what a server wrote, by number. Raises AssertionError where it breaks a rule of its own side."""
    found: dict[int, Answered] = {}
    decoder, at, reset = BlockDecoder(2**20), 0, set()
    while at < len(written):
        length, kind, flags = int.from_bytes(written[at : at + 3], "big"), written[at + 3], written[at + 4]
        number = int.from_bytes(written[at + 5 : at + 9], "big")
        payload, at = written[at + 9 : at + 9 + length], at + 9 + length
        assert length <= MAX_FRAME_BYTES and len(payload) == length
        stream = found.setdefault(number, Answered([], b"", False)) if number else Answered([], b"", False)
        if kind in (Kind.HEADERS, Kind.DATA):
            assert number & 1 and not stream.over and number not in reset, f"stream {number} goes on after its end"
            assert kind == Kind.HEADERS or stream.heads, "a body without a head"
            heads = [*stream.heads, decoder.decode(payload)] if kind == Kind.HEADERS else stream.heads
            body = stream.body + payload if kind == Kind.DATA else stream.body
            found[number] = Answered(heads, body, bool(flags & 1))
        elif kind == Kind.RST_STREAM:
            assert number not in reset, f"stream {number} is reset twice"
            reset.add(number)
    return found


@cache
def _caller() -> _Caller:
    return _Caller()


def _read_connection(said: Sent) -> None:
    written, requests = _caller().send(cut(said.whole, said.cuts))
    assert (written, requests) == _caller().send([said.whole]), "where it is cut makes a difference"
    for stream in answers(written).values():
        assert all(head.get(b":status", b"200") == b"200" for head in stream.heads)
        assert len(stream.heads) <= 2


_BLOCKS = (
    st.just(POST)
    | st.just(POST)
    | st.builds(block, st.integers(0, 2**32))
    | st.just(STATUS_200 + literal(b"te", b"trailers"))
)

DECODERS = (Decoder("http2", sent(st.tuples(_asking(_BLOCKS)), _BODIES), _read_connection),)
