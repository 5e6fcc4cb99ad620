"""Server: all connections of one listening address."""

import asyncio
from collections.abc import Callable

from control_plane.spec.errors import Code, TiermeshError
from routers.http2.connection import Http2Connection
from routers.http2.frames import MAX_STREAM
from routers.http2.stream import Headers, Receiver, Stream
from routers.limits import ServerLimits

Receive = Callable[[Headers, Stream], Receiver]
"""Takes a request's headers and returns what takes its body; it may have answered by then."""

_OVERHEAD_BYTES = 64 * 1024
"""Above a body's limit: so much may come before it is refused."""


class Http2Server:
    """Accepts, greets, drains."""

    def __init__(self, receive: Receive, limits: ServerLimits) -> None:
        self.receive = receive
        self.limits = limits
        self.stream_window = limits.max_body_bytes + _OVERHEAD_BYTES
        self.connections: set[Http2Connection] = set()
        self.draining = False
        self.loop = asyncio.get_running_loop()
        self._server: asyncio.Server | None = None
        self._sweeper: asyncio.TimerHandle
        self._empty = asyncio.Event()

    async def start(self, host: str, port: int) -> int:
        """Listen; returns the port (a free one where 0 was asked for). Raises TiermeshError(SETUP) if it is taken."""
        try:
            self._server = await self.loop.create_server(lambda: Http2Connection(self), host, port, backlog=4096)
        except OSError as error:
            message = f"Port {port} on {host} cannot be opened for gRPC."
            raise TiermeshError(Code.SETUP, message, "Stop what uses it, or choose another port.") from error
        self._sweep()
        return int(self._server.sockets[0].getsockname()[1])

    def _sweep(self) -> None:
        """One timer for all connections costs less than one for each."""
        now = self.loop.time()
        for connection in list(self.connections):
            connection.sweep(now, self.limits.receive_seconds)
        self._sweeper = self.loop.call_later(1.0, self._sweep)

    def left(self, connection: Http2Connection) -> None:
        """A connection is gone."""
        self.connections.discard(connection)
        if not self.connections:
            self._empty.set()

    def drain(self) -> None:
        """Ask callers to open their next calls elsewhere; those that come all the same are answered."""
        for connection in self.connections:
            connection.goaway(last=MAX_STREAM)

    async def stop(self, grace_seconds: float) -> None:
        """Take no more calls, let those under way finish within the grace period, then close."""
        self.draining = True
        if self._server is None:
            return
        self._server.close()
        self._sweeper.cancel()
        for connection in list(self.connections):
            connection.goaway()
            if not connection.streams:
                connection.transport.close()
        if self.connections:
            self._empty.clear()
            try:
                await asyncio.wait_for(self._empty.wait(), grace_seconds)
            except TimeoutError:
                for connection in list(self.connections):
                    connection.transport.abort()
                await self._empty.wait()
