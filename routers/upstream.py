"""The pooled HTTP/1.1 client towards models: the hot path's biggest cost, hence hand-written over httptools.

Measured on the same server, it costs a third of the CPU of the fastest general client (`benchmarks/README.md`). It
does what this router needs and no more: POST, keep-alive, streamed bodies, back-pressure, cancellation by closing,
TLS by the event loop.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, cast
from urllib.parse import urlsplit

import httptools

from control_plane.spec.errors import Code, TiermeshError
from routers.exchange import Exchange, StaleConnectionError, failed


@dataclass(frozen=True, slots=True)
class UpstreamLimits:
    """Bounds on connections and answers."""

    connect_seconds: float = 5
    """To open a connection, TLS included."""
    idle_seconds: float = 30
    """An unused connection older than this is not used again: the other side may be closing it."""
    max_connections: int = 1024
    """Of one origin; one more request is answered 429."""
    max_answer_bytes: int = 64 * 1024 * 1024
    """Of an answer that is held whole (not streamed), and of what is kept unread of a stream."""
    max_head_bytes: int = 64 * 1024
    """Of what comes without any body in between: headers, interim answers, trailers."""


class Origin(NamedTuple):
    """Where connections go."""

    host: str
    port: int
    tls: bool

    @classmethod
    def of(cls, url: str) -> "Origin":
        """The origin of an http(s) URL."""
        parts = urlsplit(url)
        tls = parts.scheme == "https"
        return cls(cast(str, parts.hostname), parts.port or (443 if tls else 80), tls)


class _Connection(asyncio.Protocol):
    """One connection of the pool; one exchange at a time."""

    __slots__ = (
        "_answered",
        "_bodiless_bytes",
        "_delimited",
        "_ended",
        "_headers",
        "_parser",
        "_pieces",
        "_pool",
        "_reusable",
        "exchange",
        "loop",
        "transport",
        "unused_since",
        "uses",
    )

    def __init__(self, pool: "_Pool", loop: asyncio.AbstractEventLoop) -> None:
        self._pool = pool
        self._parser = httptools.HttpResponseParser(self)
        self._pieces: list[bytes] = []
        self.loop = loop
        self.transport: asyncio.Transport
        self.exchange: Exchange | None = None
        self.unused_since = 0.0
        self.uses = 0
        self._reset()

    def _reset(self) -> None:
        self._headers: dict[bytes, bytes] = {}
        self._answered = False
        self._delimited = False
        self._ended = False
        self._reusable = False

    def send(self, data: bytes, limit: int) -> Exchange:
        """Begin an exchange."""
        self._reset()
        self._bodiless_bytes = 0
        self.uses += 1
        exchange = self.exchange = Exchange(self, limit)
        self.transport.write(data)
        return exchange

    # The transport's side.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._pool.lost(self)
        exchange, self.exchange = self.exchange, None
        if exchange is None:
            return
        if self._answered and not self._delimited and exc is None:
            exchange.on_end()
        elif not self._answered and self.uses > 1:
            exchange.fail(StaleConnectionError())
        else:
            exchange.fail(failed("The model closed the connection before the end of its answer"))

    def data_received(self, data: bytes) -> None:
        if self.exchange is None:
            # Nothing was asked: whatever this is, the connection cannot be trusted any more.
            self.transport.abort()
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._give_up(f"The model's answer is not valid HTTP/1.1 ({error})")
            return
        # One write for all the pieces that came at once.
        if pieces := self._pieces:
            self._bodiless_bytes = 0
            self.exchange.on_body(pieces[0] if len(pieces) == 1 else b"".join(pieces))
            pieces.clear()
        elif not self._ended:
            self._count_head(len(data))
        if self._ended and self.exchange is not None:
            self._end()

    def _count_head(self, size: int) -> None:
        """The parser keeps headers until they are whole: such as never end would fill the memory."""
        self._bodiless_bytes += size
        if self._bodiless_bytes > self._pool.max_head_bytes:
            self._give_up(f"The head of the model's answer is larger than {self._pool.max_head_bytes} bytes")

    def _give_up(self, why: str) -> None:
        exchange, self.exchange = cast(Exchange, self.exchange), None
        exchange.fail(failed(why))
        self.transport.abort()

    def _end(self) -> None:
        exchange, self.exchange = cast(Exchange, self.exchange), None
        # Back in the pool before the caller is told, so that its next request finds it.
        if self._reusable:
            self.transport.resume_reading()  # a caller slower than the model leaves it paused
            self._pool.give_back(self)
        else:
            self.transport.close()
        exchange.on_end()

    # The parser's side.

    def on_message_begin(self) -> None:
        if self._ended:
            raise ValueError("a second answer to one request")  # as HttpParserCallbackError to data_received

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        self._headers[name] = value
        if name in (b"content-length", b"transfer-encoding"):
            self._delimited = True

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 200:
            return
        self._answered = True
        if status in (204, 304):
            self._delimited = True
        if self.exchange:
            self.exchange.on_head(status, self._headers, self._delimited)
        self._headers = {}  # what follows the body are trailers: nobody takes them for headers

    def on_body(self, data: bytes) -> None:
        self._pieces.append(data)

    def on_message_complete(self) -> None:
        if self._answered:
            self._ended = True
            # Asked now: the parser forgets the message when this returns. A model that answers before it has read its
            # request may never read on.
            unsent = self.transport.get_write_buffer_size()
            self._reusable = self._delimited and not unsent and self._parser.should_keep_alive()
        else:
            self._reset()


class _Pool:
    """The connections to one origin; the last one used is the first one used again."""

    def __init__(self, origin: Origin, limits: UpstreamLimits, tls: ssl.SSLContext | None) -> None:
        self.max_head_bytes = limits.max_head_bytes
        self._origin = origin
        self._limits = limits
        self._tls = tls
        self._idle: deque[_Connection] = deque()
        self._all: set[_Connection] = set()
        self._loop = asyncio.get_running_loop()

    def idle(self) -> _Connection | None:
        """A connection that can be used again."""
        oldest = self._loop.time() - self._limits.idle_seconds
        while self._idle:
            connection = self._idle.pop()
            if connection.unused_since >= oldest and not connection.transport.is_closing():
                return connection
            connection.transport.close()
        return None

    async def connect(self) -> _Connection:
        """A new one."""
        origin, limits = self._origin, self._limits
        if len(self._all) >= limits.max_connections:
            message = f"All {limits.max_connections} connections to {origin.host}:{origin.port} are in use."
            raise TiermeshError(Code.QUEUE_FULL, message, "Try again in a moment.", retry_after_seconds=1)
        connection = _Connection(self, self._loop)
        self._all.add(connection)
        try:
            async with asyncio.timeout(limits.connect_seconds):
                await self._loop.create_connection(lambda: connection, origin.host, origin.port, ssl=self._tls)
        except ssl.SSLError as error:
            self._all.discard(connection)
            raise failed(f"TLS with {origin.host}:{origin.port} fails: {error.reason}") from error
        except (OSError, TimeoutError) as error:
            self._all.discard(connection)
            raise TiermeshError(
                Code.MODEL_STARTING,
                f"Nothing answers at {origin.host}:{origin.port}: the model is starting or down.",
                "Try again in a moment; `tiermesh status` shows what runs.",
                retry_after_seconds=2,
            ) from error
        except BaseException:
            self._all.discard(connection)
            raise
        return connection

    def give_back(self, connection: _Connection) -> None:
        connection.unused_since = self._loop.time()
        self._idle.append(connection)

    def lost(self, connection: _Connection) -> None:
        self._all.discard(connection)
        if connection.exchange is None and connection in self._idle:
            self._idle.remove(connection)

    def close(self) -> None:
        while self._idle:
            self._idle.pop().transport.close()


class UpstreamClient:
    """Sends requests to models."""

    def __init__(self, limits: UpstreamLimits, tls: Callable[[], ssl.SSLContext] = ssl.create_default_context) -> None:
        self._limits = limits
        self._tls = tls
        self._pools: dict[Origin, _Pool] = {}

    async def send(self, origin: Origin, data: bytes) -> Exchange:
        """Send a whole HTTP request and wait for the head of its answer.

        Raises TiermeshError: MODEL_STARTING where nothing listens, QUEUE_FULL where all connections are in use,
        UPSTREAM_FAILED where the connection breaks.
        """
        pool = self._pools.get(origin) or self._open_pool(origin)
        connection = pool.idle()
        while True:
            if connection is None:
                connection = await pool.connect()
            exchange = connection.send(data, self._limits.max_answer_bytes)
            try:
                await exchange.head
                return exchange
            except StaleConnectionError:
                connection = None  # it was not heard: on a fresh connection it is
            except asyncio.CancelledError:
                exchange.close()
                raise

    def _open_pool(self, origin: Origin) -> _Pool:
        pool = self._pools[origin] = _Pool(origin, self._limits, self._tls() if origin.tls else None)
        return pool

    def close(self) -> None:
        """Close the idle connections."""
        for pool in self._pools.values():
            pool.close()
