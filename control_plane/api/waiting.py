"""Waiting: requests that are answered when the next snapshot is published. Bounded in number and in time."""

import asyncio
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from starlette.concurrency import run_in_threadpool

from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.snapshots import Snapshot
from control_plane.store import snapshots
from control_plane.store.database import Database
from observability.control_plane_metrics import ControlPlaneMetrics

_SHORTEST_WAIT = 0.8


class Published(NamedTuple):
    """The snapshot in force, as everybody who waits gets it."""

    number: int
    sha256: str
    body: bytes


class WaitingRoom:
    """Where long-polls sit. Create it inside the event loop; `ring` may be called from any thread."""

    def __init__(self, database: Database, metrics: ControlPlaneMetrics, seats: int) -> None:
        self._database = database
        self._metrics = metrics
        self._seats = seats
        self._taken = 0
        self._open = True
        self._rung = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._last: Published | None = None

    async def newer(self, after: int | None, wait_seconds: float) -> Published | None:
        """The snapshot in force as soon as its number is not `after`; None where the wait ends before.

        Waits are shortened by up to a fifth at random, so that routers that began together do not return together.
        Raises TiermeshError(QUEUE_FULL) where every seat is taken.
        """
        ends = self._loop.time() + wait_seconds * random.uniform(_SHORTEST_WAIT, 1)
        with self._seat():
            while True:
                rung = self._rung  # taken before the look, so that no snapshot falls between look and wait
                latest = await run_in_threadpool(self._latest)
                if latest is not None and latest.number != after:
                    return latest
                if not self._open or not await _wait(rung, ends - self._loop.time()):
                    return None

    def ring(self, published: Snapshot) -> None:
        """Wake everybody: something was published."""
        self._metrics.snapshot.set(published.number)
        self._loop.call_soon_threadsafe(self._wake)

    async def look(self) -> None:
        """Wake everybody where another control plane has published something."""
        known = self._last
        latest = await run_in_threadpool(self._latest)
        if latest is not None and latest is not known:
            self._metrics.snapshot.set(latest.number)
            self._wake()

    def close(self) -> None:
        """Send everybody home, and nobody waits again: the process ends."""
        self._open = False
        self._wake()

    def _wake(self) -> None:
        rung, self._rung = self._rung, asyncio.Event()
        rung.set()

    def _latest(self) -> Published | None:
        """What is in force; read once, however many wait for it."""
        with self._database.read() as transaction:
            in_force, last = snapshots.in_force(transaction), self._last
            if in_force is None or (last is not None and last[:2] == in_force):
                return last if in_force else None
            body = snapshots.wire(transaction, in_force.number)
        assert body is not None  # both reads see one state
        self._last = Published(*in_force, body)
        return self._last

    @contextmanager
    def _seat(self) -> Iterator[None]:
        if self._taken >= self._seats:
            message = f"{self._seats} requests wait for a snapshot already."
            hint = "Try again shortly, or raise TIERMESH_CONTROL_PLANE_MAX_WAITERS."
            raise TiermeshError(Code.QUEUE_FULL, message, hint, retry_after_seconds=1)
        self._taken += 1
        self._metrics.waiters.set(self._taken)
        try:
            yield
        finally:
            self._taken -= 1
            self._metrics.waiters.set(self._taken)


async def _wait(event: asyncio.Event, seconds: float) -> bool:
    """Whether the event came in time."""
    try:
        async with asyncio.timeout(max(seconds, 0)):
            return await event.wait()
    except TimeoutError:
        return False
