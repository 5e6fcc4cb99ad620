"""Outbox: whole answers that are ready at one moment go out one behind the other.

A write wakes who reads it, and on a virtual machine that costs more than the rest of a cached answer. Where nothing
else was written within this millisecond of the event loop's clock, an answer goes out at once; else it follows at the
end of this turn of the loop, when the readers of those before it are awake.
"""

import asyncio


class Outbox:
    """Of one event loop. What waits in it goes out before anything else may be written to its connections."""

    __slots__ = ("_last_at", "_loop", "waiting")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._last_at = 0.0
        self.waiting: list[tuple[asyncio.Transport, bytes]] = []
        """What goes out at the end of this turn."""

    def write(self, transport: asyncio.Transport, data: bytes) -> None:
        """Write it, now or at the end of this turn."""
        now = self._loop.time()
        if now != self._last_at:
            self._last_at = now
            if self.waiting:
                self.flush()
            transport.write(data)
            return
        if not self.waiting:
            self._loop.call_soon(self.flush)
        self.waiting.append((transport, data))

    def flush(self) -> None:
        """Write what waits."""
        waiting, self.waiting = self.waiting, []
        for transport, data in waiting:
            if not transport.is_closing():
                transport.write(data)
