"""A keeper: keeps one process running, and says so when it had to."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from control_plane.spec.errors import Code, TiermeshError
from launcher import children
from launcher.children import Child
from launcher.logs import tail
from launcher.processes import Process
from launcher.readiness import Probe, until
from launcher.restarts import Restarts


@dataclass(slots=True)
class Keeper:
    """One process, its readiness and the history of its deaths."""

    process: Process
    probe: Probe
    tell: Callable[[str], None]
    bury: Callable[[str], Awaitable[None]]
    """Ends what a dead process left behind, given its name."""
    changed: Callable[[], None]
    """Called after each start, death and readiness."""
    child: Child | None = None
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    restarts: Restarts = field(default_factory=Restarts)

    async def keep(self) -> None:
        """Start the process, and start it again whenever it dies.

        Raises TiermeshError(SETUP), with the end of its log, where it dies before it was ever ready or keeps dying.
        """
        while True:
            self.child = await children.start(self.process)
            self.changed()
            how, ready_seconds = await self._live(self.child)
            self.ready.clear()
            await self.bury(self.process.name)
            self.changed()
            self._recover(how, ready_seconds)
            await asyncio.sleep(self.restarts.wait_seconds)

    async def _live(self, child: Child) -> tuple[str, float | None]:
        """One life. Returns how it ended, and for how long the process had been ready: None if it never was."""
        watch = asyncio.create_task(self._announce_ready())
        try:
            how = await child.ended()
        finally:
            watch.cancel()
        return how, time.monotonic() - watch.result() if watch.done() and not watch.cancelled() else None

    async def _announce_ready(self) -> float:
        began = time.monotonic()
        await until(self.probe)
        self.ready.set()
        self.changed()
        if self.restarts.total:
            self.tell(f"{self.process.name} is ready again after {time.monotonic() - began:.1f} s")
        return time.monotonic()

    def _recover(self, how: str, ready_seconds: float | None) -> None:
        name = self.process.name
        if ready_seconds is None and not self.restarts.total:
            raise self._hopeless(f"{name} ended with {how} before it was ready.")
        self.restarts = self.restarts.died(ready_seconds or 0.0)
        if self.restarts.hopeless:
            raise self._hopeless(f"{name} ended {self.restarts.quick_deaths} times in a row, last with {how}.")
        wait = self.restarts.wait_seconds
        self.tell(f"{name} ended with {how}; it is started again" + (f" in {wait:g} s" if wait else ""))

    def _hopeless(self, message: str) -> TiermeshError:
        last = "\n  ".join(tail(self.process.log))
        return TiermeshError(Code.SETUP, message, f"Its log, {self.process.log}, ends with:\n  {last}")
