"""A bare HTTP client and a bare server under test: what goes over the wire is what the test says."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from typing import NamedTuple

from control_plane.spec.errors import TiermeshError
from routers.http import Handler, Headers, Reply, Request
from routers.limits import ServerLimits
from routers.server import HttpServer


class Answer(NamedTuple):
    """One answer off the wire."""

    status: int
    headers: dict[str, str]
    body: bytes


class Client:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, *lines: str, body: bytes = b"") -> None:
        """A request of these lines, the blank one added."""
        self.writer.write("\r\n".join([*lines, "", ""]).encode() + body)

    def post(self, body: bytes, path: str = "/", *headers: str) -> None:
        """A POST with its length."""
        self.send(f"POST {path} HTTP/1.1", "Host: h", f"Content-Length: {len(body)}", *headers, body=body)

    async def answer(self) -> Answer:
        """The next answer, whole."""
        status, headers = await self.head()
        if "chunked" in headers.get("transfer-encoding", ""):
            body = b"".join([piece async for piece in self.chunks()])
        elif "content-length" in headers:
            body = await self.reader.readexactly(int(headers["content-length"]))
        elif status in (100, 204):
            body = b""
        else:
            body = await self.reader.read()
        return Answer(status, headers, body)

    async def head(self) -> tuple[int, dict[str, str]]:
        """The next answer's status and headers."""
        first, *lines = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines if line)
        assert len(headers) == len([line for line in lines if line]), f"a header came twice: {lines}"
        return int(first.split(" ")[1]), headers

    async def chunks(self) -> AsyncIterator[bytes]:
        """The pieces of a chunked body, to its end."""
        while size := int(await self.reader.readline(), 16):
            yield (await self.reader.readexactly(size + 2))[:-2]
        await self.reader.readexactly(2)

    async def closed(self) -> bytes:
        """What still comes before the server closes."""
        return await self.reader.read()

    def pause(self) -> None:
        """Read nothing, as a caller that is slow or stuck."""
        self.reader._transport.pause_reading()  # type: ignore[attr-defined]  # asyncio has no public way

    def read_on(self) -> None:
        """Read again."""
        self.reader._transport.resume_reading()  # type: ignore[attr-defined]  # as above

    async def leave(self) -> None:
        """Close this side."""
        self.writer.close()
        with contextlib.suppress(ConnectionError):
            await self.writer.wait_closed()


class Desk:
    """A handler that leaves every request to the test."""

    def __init__(self) -> None:
        self.requests: asyncio.Queue[tuple[Request, Reply]] = asyncio.Queue()

    def __call__(self, request: Request, reply: Reply) -> None:
        self.requests.put_nowait((request, reply))

    async def next(self) -> tuple[Request, Reply]:
        return await self.requests.get()


def echo(request: Request, reply: Reply) -> None:
    """Answers with method, path and body."""
    reply.send(200, b"", b"%b %b %b" % (request.method, request.path.encode("latin-1"), request.body))


def refuse(error: TiermeshError, reply: Reply) -> None:
    """Answers with the code."""
    reply.send(error.status, b"", error.code.value.encode())


@contextlib.asynccontextmanager
async def connected(port: int) -> AsyncIterator[Client]:
    """A client of this port."""
    client = Client(*await asyncio.open_connection("127.0.0.1", port, limit=2**24))
    try:
        yield client
    finally:
        await client.leave()


@contextlib.asynccontextmanager
async def stalled(port: int) -> AsyncIterator[Client]:
    """A client that reads nothing until `read_on`, and for which the kernel keeps little."""
    plug = socket.create_connection(("127.0.0.1", port))
    plug.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client = Client(*await asyncio.open_connection(sock=plug, limit=2**24))
    client.pause()
    try:
        yield client
    finally:
        await client.leave()


def narrow(server: HttpServer) -> None:
    """Let the kernel keep little of what the server writes: a slow caller shows at once."""
    for connection in server.connections:
        connection.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)


class Site(NamedTuple):
    """A server under test."""

    server: HttpServer
    port: int


@contextlib.asynccontextmanager
async def site(handler: Handler = echo, limits: ServerLimits | None = None) -> AsyncIterator[Site]:
    """A server on a free port."""
    server = HttpServer(handler, refuse, limits or ServerLimits())
    try:
        yield Site(server, await server.start("127.0.0.1", 0))
    finally:
        await server.stop(0)


class Heard:
    """A reply without a connection: keeps what is written to it."""

    def __init__(self) -> None:
        self.on_disconnect: Callable[[], None] | None = None
        self.on_drain: Callable[[], None] | None = None
        self.congested = False
        self.buffered_bytes = 0
        self.status: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.headers: Headers = b""
        self.pieces: list[bytes] = []
        self.ended = False
        self.aborted = False

    def send(self, status: int, headers: Headers, body: bytes) -> None:
        self.start(status, headers)
        self.write(body)
        self.end()

    def start(self, status: int, headers: Headers) -> None:
        self.status.set_result(status)
        self.headers = headers

    def write(self, data: bytes) -> None:
        assert self.status.done() and not self.ended
        self.pieces.append(data)

    def end(self) -> None:
        assert self.status.done() and not self.ended
        self.ended = True

    def abort(self) -> None:
        self.aborted = True

    @property
    def body(self) -> bytes:
        return b"".join(self.pieces)
