"""Listener: one listening address and its connections, from the first to the last."""

import asyncio
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from control_plane.spec.errors import Code, TiermeshError

SWEEP_SECONDS = 1.0


class Connection(Protocol):
    """What a listener asks of its connections, which are asyncio Protocols."""

    transport: asyncio.Transport

    def sweep(self, now: float) -> None:
        """Close it where it is idle, cut what arrives too slowly. `now` is of the event loop's clock."""

    def finish(self) -> None:
        """Close it, at once or after what is being answered."""


C = TypeVar("C", bound=Connection)


class Listener(Generic[C]):
    """Accepts, sweeps, ends. Belongs to one event loop."""

    def __init__(self, connect: Callable[[], asyncio.Protocol]) -> None:
        """`connect` makes the protocol of a new connection, which enters itself in `connections`."""
        self.connections: set[C] = set()
        self.draining = False
        """No more requests are taken than those under way."""
        self.loop = asyncio.get_running_loop()
        self._connect = connect
        self._server: asyncio.Server | None = None
        self._sweeper: asyncio.TimerHandle
        self._empty = asyncio.Event()

    async def start(self, host: str, port: int) -> int:
        """Listen; returns the port (a free one where 0 was asked for). Raises TiermeshError(SETUP) if it is taken."""
        try:
            self._server = await self.loop.create_server(self._connect, host, port, backlog=4096)
        except OSError as error:
            why = (error.strerror or "").rpartition(": ")[2]  # asyncio puts the address in front once more
            message = f"Port {port} on {host} cannot be opened: {why}."
            raise TiermeshError(Code.SETUP, message, "Stop what uses it, or choose another port.") from error
        self._sweep()
        return int(self._server.sockets[0].getsockname()[1])

    def _sweep(self) -> None:
        """One timer for all connections costs less than one for each."""
        now = self.loop.time()
        for connection in list(self.connections):
            connection.sweep(now)
        self._sweeper = self.loop.call_later(SWEEP_SECONDS, self._sweep)

    def left(self, connection: C) -> None:
        """A connection is gone."""
        self.connections.discard(connection)
        if not self.connections:
            self._empty.set()

    async def stop(self, grace_seconds: float) -> None:
        """Accept no more, let answers finish within the grace period, then close."""
        self.draining = True
        if self._server is None:
            return
        self._server.close()
        self._sweeper.cancel()
        for connection in list(self.connections):
            connection.finish()
        if self.connections:
            self._empty.clear()
            try:
                await asyncio.wait_for(self._empty.wait(), grace_seconds)
            except TimeoutError:
                for connection in list(self.connections):
                    connection.transport.abort()
                await self._empty.wait()
