"""The supervisor: keeps processes running while it runs, and leaves none behind."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from control_plane.spec.errors import Code, TiermeshError
from launcher.endings import end
from launcher.identities import Identity
from launcher.keepers import Keeper
from launcher.kin import NOBODY, Kin
from launcher.processes import Process
from launcher.readiness import Probe

T = TypeVar("T")

_BURIAL_GRACE_SECONDS = 1.0


@dataclass(slots=True)
class Supervisor:
    """Starts processes in order, restarts them when they die, stops them in reverse."""

    grace_seconds: float
    tell: Callable[[str], None]
    changed: Callable[[], None] = lambda: None
    """Called whenever something started, died or became ready."""
    keepers: dict[str, Keeper] = field(default_factory=dict)
    kin: Kin = field(default_factory=Kin)
    hurry: asyncio.Event = field(default_factory=asyncio.Event)
    """Set it to kill at once what `stop` is waiting for."""
    _tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    async def start(self, process: Process, probe: Probe, ready_within_seconds: float) -> None:
        """Start a process and wait until it is ready; from then on it is kept running.

        Raises TiermeshError(SETUP) where it, or one started before it, is given up.
        """
        keeper = self.keep(process, probe)
        try:
            await self.unless_given_up(asyncio.wait_for(keeper.ready.wait(), ready_within_seconds))
        except TimeoutError:
            raise TiermeshError(
                Code.SETUP,
                f"{process.name} is not ready after {ready_within_seconds:g} s.",
                f"Its log is {process.log}.",
            ) from None

    def keep(self, process: Process, probe: Probe) -> Keeper:
        """Start a process and keep it running, without waiting for it."""
        keeper = Keeper(process, probe, self.tell, self._bury, self.changed)
        self.keepers[process.name] = keeper
        self.watch(process.name, keeper.keep())
        return keeper

    def watch(self, name: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run work whose failure ends the run, for as long as this supervisor runs."""
        self._tasks[name] = asyncio.create_task(work, name=name)
        return self._tasks[name]

    async def unless_given_up(self, work: Coroutine[Any, Any, T]) -> T:
        """Do the work while all that is watched goes well. Raises what the first watched task to fail raises."""
        task = asyncio.create_task(work)
        try:
            while not task.done():
                busy = [watched for watched in self._tasks.values() if not watched.done()]
                await asyncio.wait({task, *busy}, return_when=asyncio.FIRST_COMPLETED)
                for watched in self._tasks.values():
                    if watched.done() and not watched.cancelled():
                        watched.result()
            return task.result()
        finally:
            task.cancel()

    async def stop(self) -> list[Identity]:
        """Stop everything, last started first. Returns the processes that even SIGKILL did not end."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        stuck: list[Identity] = []
        for name, keeper in reversed(self.keepers.items()):
            leader = keeper.child.identity if keeper.child else None
            stuck += await end(leader, partial(self.relatives, name), self.grace_seconds, self.hurry)
            if keeper.child and not stuck:
                await keeper.child.handle.wait()
        orphans = await end(None, partial(self.relatives, NOBODY, *self.keepers), self.grace_seconds, self.hurry)
        return stuck + orphans

    def relatives(self, *owners: str) -> list[Identity]:
        """The living descendants of these processes, looked up now."""
        self.kin.look({name: keeper.child.identity for name, keeper in self.keepers.items() if keeper.child})
        return self.kin.of(*owners)

    async def _bury(self, name: str) -> None:
        await end(None, partial(self.relatives, name), _BURIAL_GRACE_SECONDS, self.hurry)
