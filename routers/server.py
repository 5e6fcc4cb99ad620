"""The HTTP/1.1 server: an asyncio Protocol over httptools, under any `routers.http.Handler`.

Chosen by measurement (`python -m benchmarks.servers`): under the same handler it costs less than uvicorn, and less than
Granian where the answer is in the cache; on proxied requests Granian is its equal, and one dependency more.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from http import HTTPStatus
from typing import cast
from urllib.parse import unquote_to_bytes

import httptools

from control_plane.spec.errors import Code, TiermeshError
from routers import framing
from routers.framing import HEADER_OVERHEAD_BYTES
from routers.http import Handler, Headers, Reply, Request
from routers.limits import ServerLimits
from routers.listener import Listener
from routers.outbox import Outbox

_STATUS_LINES = {status.value: b"HTTP/1.1 %d %s\r\n" % (status, status.phrase.encode()) for status in HTTPStatus}

MAX_PIPELINED = 4
"""Requests that wait behind the one being answered; then no more is read, also not that the caller has left."""

Refuse = Callable[[TiermeshError, Reply], None]
"""Writes an error for a request that never reached the handler."""


class HttpReply:
    """The answer to one request on one connection."""

    __slots__ = ("_bodiless", "_chunked", "_connection", "_head", "begun", "congested", "on_disconnect", "on_drain")

    def __init__(self, connection: "HttpConnection", bodiless: bool = False) -> None:
        """`bodiless` for HEAD: the caller takes what follows the headers for the next answer."""
        self._connection: HttpConnection | None = connection
        self._bodiless = bodiless
        self._head = b""
        self._chunked = True
        self.begun = False
        self.congested = False
        self.on_disconnect: Callable[[], None] | None = None
        self.on_drain: Callable[[], None] | None = None

    @property
    def buffered_bytes(self) -> int:
        return self._connection.transport.get_write_buffer_size() if self._connection else 0

    def send(self, status: int, headers: Headers, body: bytes) -> None:
        if connection := self._connection:
            content = b"" if self._bodiless else body
            connection.outbox.write(
                connection.transport,
                b"%b%b%bcontent-length: %d\r\n\r\n%b"
                % (_STATUS_LINES[status], headers, _persistence(connection.keep_alive), len(body), content),
            )
            self._finish()

    def start(self, status: int, headers: Headers) -> None:
        if connection := self._connection:
            self.begun = True
            if connection.outbox.waiting:
                connection.outbox.flush()
            # HTTP/1.0 knows no chunks: its stream ends where the connection does.
            self._chunked = connection.http_1_1
            connection.keep_alive = connection.keep_alive and self._chunked
            framing = b"transfer-encoding: chunked\r\n\r\n" if self._chunked else b"\r\n"
            self._head = _STATUS_LINES[status] + headers + _persistence(connection.keep_alive) + framing

    def write(self, data: bytes) -> None:
        if self._connection and data:
            piece = b"%b%x\r\n%b\r\n" % (self._head, len(data), data) if self._chunked else self._head + data
            self._head = b""
            self._connection.transport.write(piece)

    def end(self) -> None:
        if self._connection:
            last = self._head + (b"0\r\n\r\n" if self._chunked else b"")
            if last:
                self._connection.transport.write(last)
            self._finish()

    def abort(self) -> None:
        if connection := self._connection:
            self._connection = None
            connection.transport.abort()

    def lost(self) -> None:
        """The caller has left."""
        self._connection = None
        if self.on_disconnect:
            self.on_disconnect()

    def _finish(self) -> None:
        connection, self._connection = self._connection, None
        cast(HttpConnection, connection).finished()


def _persistence(keep_alive: bool) -> bytes:
    return b"" if keep_alive else b"connection: close\r\n"


class HttpConnection(asyncio.Protocol):
    """One caller's connection. Requests are answered one after the other, also when they come pipelined."""

    __slots__ = (
        "_body",
        "_continues",
        "_expects",
        "_fields",
        "_headers",
        "_headers_bytes",
        "_max_header_bytes",
        "_parser",
        "_received_bytes",
        "_refused",
        "_reply",
        "_server",
        "_target",
        "_waiting",
        "active_at",
        "congested",
        "http_1_1",
        "keep_alive",
        "outbox",
        "receiving",
        "transport",
    )

    def __init__(self, server: "HttpServer") -> None:
        self._server = server
        self.outbox = server.outbox
        self._max_header_bytes = server.limits.max_header_bytes
        self._parser = httptools.HttpRequestParser(self)
        self._reply: HttpReply | None = None
        self._waiting: deque[tuple[Request, bool, bool]] = deque()
        self._refused = False
        self.transport: asyncio.Transport
        self.keep_alive = True
        self.http_1_1 = True
        self.congested = False
        self.receiving = False
        self.active_at = server.loop.time()
        self._reset()

    def _reset(self) -> None:
        self._target = b""
        self._fields: dict[bytes, bytes] = {}
        self._headers: dict[bytes, bytes] = self._fields
        self._headers_bytes = 0
        self._body: bytes | bytearray = b""
        self._continues = False
        self._expects = False
        self._received_bytes = 0

    # The transport's side.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self._server.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._waiting.clear()
        if reply := self._reply:
            self._reply = None
            reply.lost()
        self._server.left(self)

    def pause_writing(self) -> None:
        self.congested = True
        if self._reply is not None:
            self._reply.congested = True

    def resume_writing(self) -> None:
        self.congested = False
        if self._reply is None:
            self._next()
            return
        self._reply.congested = False
        if self._reply.on_drain:
            self._reply.on_drain()

    def data_received(self, data: bytes) -> None:
        self._continues = self.receiving
        size = len(data)
        while data and not self._refused:
            try:
                self._parser.feed_data(data)
                break
            except httptools.HttpParserUpgrade as upgrade:
                data = self._without_upgrade(data[upgrade.args[0] :])  # to be parsed again
            except httptools.HttpParserError as error:
                why = f"The request is not valid HTTP/1.1: {error}."
                self.refuse(framing.bad_http(why, "Check the client's framing."))
        if self._continues and self.receiving:
            self._count_overhead(size)

    def _without_upgrade(self, rest: bytes) -> bytes:
        """The request without its offer of another protocol, which a server may ignore and the parser cannot: Java's
        own client offers HTTP/2 with each request."""
        method, version = self._parser.get_method(), self._parser.get_http_version()
        if method == b"CONNECT":
            self.refuse(framing.bad_http("CONNECT asks for a tunnel.", "Send plain HTTP/1.1 requests."))
        self._parser = httptools.HttpRequestParser(self)
        return framing.without_offer(method, self._target, version, self._headers) + rest

    def _count_overhead(self, size: int) -> None:
        """The parser tells of a header when it is whole: one that never ends would fill the memory. The body has its
        own limit; a chunk of one byte comes with five of framing."""
        self._received_bytes += size
        if self._received_bytes > self._max_header_bytes + 6 * len(self._body):
            self._refuse_headers()

    # The parser's side.

    def on_message_begin(self) -> None:
        self._reset()
        self.receiving = True
        self.active_at = self._server.loop.time()

    def on_url(self, url: bytes) -> None:
        self._target += url
        self._headers_bytes += len(url)
        if self._headers_bytes > self._max_header_bytes:
            self._refuse_headers()

    def on_header(self, name: bytes, value: bytes) -> None:
        name, fields = name.lower(), self._fields
        if name in fields and name in framing.ONCE:
            self.refuse(framing.stands_twice(name))
        fields[name] = value
        self._headers_bytes += len(name) + len(value) + HEADER_OVERHEAD_BYTES
        if self._headers_bytes > self._max_header_bytes:
            self._refuse_headers()

    def on_headers_complete(self) -> None:
        headers, limit = self._fields, self._server.limits.max_body_bytes
        self._headers = headers
        # What comes after a chunked body are trailers. They are counted, and nobody takes them for headers.
        self._fields = {}
        declared, coding = headers.get(b"content-length"), headers.get(b"transfer-encoding")
        if declared and int(declared) > limit:
            self.refuse(framing.body_too_large(limit))
        elif coding is not None and not framing.is_chunked(coding, self._parser.get_http_version()):
            self.refuse(framing.bad_http("The transfer encoding is unknown here.", "Send chunked over HTTP/1.1."))
        elif headers.get(b"content-encoding", b"identity") != b"identity":
            self.refuse(framing.bad_http("The body is compressed.", "Send it without Content-Encoding."))
        elif headers.get(b"expect", b"").lower() == b"100-continue" and not self._refused:
            self._expects = True
            self._welcome()

    def _welcome(self) -> None:
        """Tell a caller that waits with its body to go on; never amid the answer to an earlier request."""
        if self._expects and self._reply is None and not self._waiting:
            self._expects = False
            self.outbox.write(self.transport, b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, data: bytes) -> None:
        if self._refused:
            return
        if not self._body:
            self._body = data
        else:
            if isinstance(self._body, bytes):
                self._body = bytearray(self._body)  # a list of small chunks would be many times their size
            self._body += data
        if len(self._body) > self._server.limits.max_body_bytes:
            self.refuse(framing.body_too_large(self._server.limits.max_body_bytes))

    def on_message_complete(self) -> None:
        self.receiving = self._expects = False
        if self._refused or self._parser.should_upgrade():
            return
        version = self._parser.get_http_version()
        if version not in framing.VERSIONS:
            self.refuse(framing.bad_http(f"HTTP/{version} is not spoken here.", "Send HTTP/1.1."))
            return
        path = self._target.decode("latin-1")
        if "?" in path or "%" in path or path[:1] != "/":
            path = unquote_to_bytes(framing.path_of(self._target)).decode("latin-1")
        request = Request(self._parser.get_method(), path, self._headers, bytes(self._body))
        keep_alive, http_1_1 = self._parser.should_keep_alive(), version == "1.1"
        if self._reply is None and not self._waiting and not self.congested:
            self._begin(request, keep_alive, http_1_1)
        else:
            self._waiting.append((request, keep_alive, http_1_1))
            if len(self._waiting) >= MAX_PIPELINED:
                self.transport.pause_reading()

    def _begin(self, request: Request, keep_alive: bool, http_1_1: bool) -> None:
        self.keep_alive = keep_alive and not self._server.draining
        self.http_1_1 = http_1_1
        reply = self._reply = HttpReply(self, request.method == b"HEAD")
        self._server.handler(request, reply)

    def finished(self) -> None:
        """The answer is written: go on with the next request, or close."""
        self._reply = None
        self.active_at = self._server.loop.time()
        if self._refused:
            self._server.loop.call_later(self._server.limits.linger_seconds, self.transport.close)
        elif not self.keep_alive:
            self.outbox.flush()
            self.transport.close()
        elif self._waiting:
            self._server.loop.call_soon(self._next)
        elif self._expects:
            self._welcome()

    def _next(self) -> None:
        # Who does not read is not answered further: else its answers would fill the memory.
        if self._waiting and self._reply is None and not self.congested:
            request = self._waiting.popleft()
            if len(self._waiting) < MAX_PIPELINED:
                self.transport.resume_reading()
            self._begin(*request)

    def _refuse_headers(self) -> None:
        self.refuse(framing.headers_too_large(self._max_header_bytes))

    def refuse(self, error: TiermeshError) -> None:
        """Answer with an error and close. What still comes in is thrown away for a moment: closing at once would reset
        the connection before the caller has read why."""
        if self._refused:
            return
        self._refused = True
        self.receiving = False
        self.keep_alive = False
        self._waiting.clear()
        self.transport.resume_reading()
        if self._reply is None:
            self._reply = HttpReply(self)
            self._server.refuse(error, self._reply)

    def sweep(self, now: float) -> None:
        """Close it where it is idle, refuse what arrives too slowly. While a request is answered, the next one may
        take its time."""
        limits, elapsed = self._server.limits, now - self.active_at
        if self._reply is not None:
            return
        if self.receiving:
            if elapsed > limits.receive_seconds:
                message = f"The request did not arrive within {limits.receive_seconds:g} seconds."
                self.refuse(TiermeshError(Code.REQUEST_TIMEOUT, message, "Send the whole request at once."))
        elif elapsed > limits.keep_alive_seconds:
            # Not closed, which would wait for a caller that never takes its last answer.
            self.transport.abort()

    def drain(self) -> None:
        """Say `connection: close` with the answer under way, where its head has not gone out."""
        if self._reply is not None and not self._reply.begun:
            self.keep_alive = False

    @property
    def idle(self) -> bool:
        """Whether nothing is being received or answered."""
        return self._reply is None and not self.receiving

    def finish(self) -> None:
        """Close it, at once or with the answer under way."""
        self.keep_alive = False
        if self.idle:
            self.outbox.flush()
            self.transport.close()


class HttpServer(Listener[HttpConnection]):
    """All HTTP/1.1 connections of one address."""

    def __init__(self, handler: Handler, refuse: Refuse, limits: ServerLimits) -> None:
        super().__init__(lambda: HttpConnection(self))
        self.handler = handler
        self.refuse = refuse
        self.limits = limits
        self.outbox = Outbox(self.loop)

    def drain(self) -> None:
        """Still answer, and let each connection end with its answer."""
        self.draining = True
        for connection in self.connections:
            connection.drain()
