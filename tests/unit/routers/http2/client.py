"""A client of HTTP/2 that says what the test wants, and keeps the frames that come."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import NamedTuple

from routers.http2.frames import END_HEADERS, END_STREAM, HEAD_BYTES, PREFACE, Kind, frame
from routers.http2.hpack import STATUS_200, Decoder, literal
from routers.http2.server import Http2Server
from routers.http2.stream import Headers, Stream
from routers.limits import ServerLimits

POST = literal(b":method", b"POST") + literal(b":path", b"/s/m") + literal(b"content-type", b"application/grpc")


class Frame(NamedTuple):
    """One frame as it came."""

    kind: int
    flags: int
    stream: int
    payload: bytes


class Desk:
    """Leaves every request to the test."""

    may_pause = False

    def __init__(self) -> None:
        self.headers: Headers = {}
        self.stream: Stream
        self.body = b""
        self.ended = asyncio.Event()
        self.left = asyncio.Event()
        self.writable = asyncio.Event()

    def on_data(self, data: bytes) -> None:
        self.body += data

    def on_end(self) -> None:
        self.ended.set()

    def on_reset(self) -> None:
        self.left.set()

    def on_writable(self) -> None:
        self.writable.set()


class Client:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._decoder = Decoder(100_000)

    def send(self, *frames: bytes) -> None:
        """Say it."""
        self._writer.write(b"".join(frames))

    def greet(self) -> None:
        """As every client begins."""
        self.send(PREFACE, frame(Kind.SETTINGS, 0, 0))

    def ask(self, number: int = 1, body: bytes | None = b"", block: bytes = POST) -> None:
        """A request; without a body it goes on."""
        self.send(frame(Kind.HEADERS, END_HEADERS, number, block))
        if body is not None:
            self.send(frame(Kind.DATA, END_STREAM, number, body))

    async def frame(self, *kinds: Kind) -> Frame:
        """The next frame of these kinds."""
        while True:
            head = await self._reader.readexactly(HEAD_BYTES)
            payload = await self._reader.readexactly(int.from_bytes(head[:3], "big"))
            found = Frame(head[3], head[4], int.from_bytes(head[5:], "big"), payload)
            if found.kind in kinds:
                return found

    async def headers(self) -> Headers:
        """The next header block."""
        return self._decoder.decode((await self.frame(Kind.HEADERS)).payload)

    async def resets(self) -> list[int]:
        """Why streams were cut, up to now: all that was said is heard by the end."""
        self.send(frame(Kind.PING, 0, 0, bytes(8)))
        faults = []
        while (found := await self.frame(Kind.PING, Kind.RST_STREAM)).kind == Kind.RST_STREAM:
            faults.append(int.from_bytes(found.payload, "big"))
        return faults

    async def goaway(self) -> int:
        """Why the connection ends; then it does."""
        found = await self.frame(Kind.GOAWAY)
        assert await self._reader.read() == b""
        return int.from_bytes(found.payload[4:8], "big")

    async def closed(self) -> bytes:
        """What still comes before the end."""
        return await self._reader.read()

    def leave(self) -> None:
        """Close this side."""
        self._writer.close()


class Site:
    """A server, and the requests that it has received."""

    def __init__(self, limits: ServerLimits) -> None:
        self.server = Http2Server(self._receive, limits)
        self.desks: asyncio.Queue[Desk] = asyncio.Queue()
        self.port = 0

    def _receive(self, headers: Headers, stream: Stream) -> Desk:
        desk = Desk()
        desk.headers, desk.stream = headers, stream
        self.desks.put_nowait(desk)
        return desk

    @contextlib.asynccontextmanager
    async def connected(self, greeting: bool = True) -> AsyncIterator[Client]:
        """A client of it."""
        client = Client(*await asyncio.open_connection("127.0.0.1", self.port, limit=2**24))
        if greeting:
            client.greet()
        try:
            yield client
        finally:
            client.leave()


@contextlib.asynccontextmanager
async def site(limits: ServerLimits | None = None) -> AsyncIterator[Site]:
    """A server on a free port."""
    found = Site(limits or ServerLimits())
    found.port = await found.server.start("127.0.0.1", 0)
    try:
        yield found
    finally:
        await found.server.stop(0)


HEAD = STATUS_200 + literal(b"content-type", b"application/grpc")
TRAILERS = literal(b"grpc-status", b"0")
