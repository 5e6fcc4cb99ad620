"""Deadlines: one timer for all that must end in time; one for each would cost more than what it guards."""

import asyncio
from typing import Protocol

TICK_SECONDS = 0.05
"""How late a deadline may be noticed."""


class Bounded(Protocol):
    """Something that must end."""

    deadline: float
    """In seconds of `time.monotonic`, which is the event loop's clock."""

    def expire(self) -> None:
        """The deadline has come."""


class Deadlines:
    """Watches what is under way. Belongs to one event loop."""

    def __init__(self) -> None:
        self._watched: set[Bounded] = set()
        self._timer: asyncio.TimerHandle | None = None

    def watch(self, bounded: Bounded) -> None:
        """Call its `expire` once its deadline has come, unless it is forgotten before."""
        self._watched.add(bounded)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(TICK_SECONDS, self._tick)

    def forget(self, bounded: Bounded) -> None:
        """It has ended."""
        self._watched.discard(bounded)

    def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(TICK_SECONDS, self._tick) if self._watched else None
        now = loop.time()
        for bounded in [bounded for bounded in self._watched if bounded.deadline <= now]:
            self._watched.discard(bounded)
            bounded.expire()
