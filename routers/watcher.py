"""The watcher: keeps a router on the newest snapshot it can build, and says so.

A snapshot that cannot be built is refused with the reason, and the one before goes on serving. The last good one is on
disk, so that a router starts without its control plane.
"""

import asyncio
import logging
import random
from collections.abc import Callable
from pathlib import Path

from control_plane.spec.errors import TiermeshError
from observability.metrics import RouterMetrics
from routers.reading import Found, Reader
from routers.runtime import Builder, Runtime
from routers.shelf import Shelf
from routers.slices import at_once, in_slices, lasting
from routers.sources import Source

_LOG = logging.getLogger(__name__)

FIRST_RETRY_SECONDS = 0.2
LONGEST_RETRY_SECONDS = 5.0


class LastGood:
    """The file with the last snapshot that was served."""

    def __init__(self, path: Path, reader: Reader) -> None:
        """`reader` is the source's own: what is the same there is not read twice."""
        self._path = path
        self._reader = reader

    def load(self) -> Found | None:
        """The snapshot, or None where there is none that can be read."""
        try:
            return at_once(self._reader.read(self._path.read_bytes()))
        except FileNotFoundError:
            return None
        except (OSError, TiermeshError) as error:
            _LOG.warning("The last good snapshot cannot be read.", extra={"fields": {"why": str(error)[:500]}})
            return None

    def save(self, found: Found) -> None:
        """Write it whole or not at all."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            partial = self._path.with_suffix(".partial")
            partial.write_bytes(found.body or found.snapshot.model_dump_json().encode())
            partial.replace(self._path)
        except OSError as error:
            _LOG.warning("The last good snapshot cannot be kept.", extra={"fields": {"why": str(error)}})


class Watcher:
    """Fetches, builds, swaps, acknowledges; for ever."""

    def __init__(
        self,
        source: Source,
        swap: Callable[[Runtime], None],
        last_good: LastGood | None,
        metrics: RouterMetrics,
        shelf: Shelf | None = None,
    ) -> None:
        """`swap` puts a Runtime in force; `last_good` is None where the source is a file itself."""
        self._source = source
        self._swap = swap
        self._last_good = last_good
        self._metrics = metrics
        self._builder = Builder(shelf=shelf)
        self._seen: int | None = None
        self._unacknowledged: tuple[int, str | None] | None = None
        self._said: tuple[int, str | None] | None = None
        self.nothing_published = False
        """Whether the source answered that there is no snapshot at all yet."""

    def restore(self) -> None:
        """Serve the last good snapshot until the source answers."""
        found = self._last_good.load() if self._last_good else None
        if found is None:
            return
        try:
            runtime = at_once(self._builder.build(found))
        except TiermeshError as error:
            _LOG.warning("The last good snapshot cannot be served.", extra={"fields": {"why": str(error)}})
            return
        self._put_in_force(runtime)

    async def run(self) -> None:
        """Follow the source until cancelled."""
        retry = FIRST_RETRY_SECONDS
        while True:
            try:
                await self.step()
                self._metrics.control_plane_up.set(1)
                retry = FIRST_RETRY_SECONDS
            except TiermeshError as error:
                self._metrics.control_plane_up.set(0)
                self._metrics.snapshot_errors.inc()
                _LOG.warning("No new snapshot.", extra={"fields": {"why": str(error), "retry_seconds": retry}})
                await asyncio.sleep(retry * random.uniform(0.5, 1))
                retry = min(2 * retry, LONGEST_RETRY_SECONDS)

    async def step(self) -> None:
        """One round: acknowledge what is still to be, wait for a snapshot, build it, put it in force, acknowledge it.
        Where none came, say again what was said last: by that the control plane knows that this router is alive.

        Raises TiermeshError where the source does not answer.
        """
        await self._acknowledge()
        found = await self._source.next(self._seen)
        self.nothing_published = found is None and self._seen is None
        if found is None:
            self._unacknowledged = self._said
            await self._acknowledge()
            return
        snapshot = found.snapshot
        self._seen = snapshot.number
        try:
            with lasting():
                runtime = await in_slices(self._builder.build(found))
        except TiermeshError as error:
            self._metrics.snapshot_errors.inc()
            fields = {"snapshot": snapshot.number, "why": str(error)}
            _LOG.error("A snapshot cannot be built; the one before stays in force.", extra={"fields": fields})
            self._unacknowledged = (snapshot.number, str(error))
        else:
            self._put_in_force(runtime)
            if self._last_good:
                await asyncio.to_thread(self._last_good.save, found)
            self._unacknowledged = (snapshot.number, None)
        await self._acknowledge()

    async def _acknowledge(self) -> None:
        if self._unacknowledged is None:
            return
        self._said = None
        try:
            await self._source.acknowledge(*self._unacknowledged)
            self._said = self._unacknowledged
        except TiermeshError as error:
            if error.retryable:
                raise
            # A control plane that was set up anew knows no such snapshot: asking again would end the following.
            _LOG.warning("An acknowledgement was refused.", extra={"fields": {"why": str(error)}})
        self._unacknowledged = None

    def _put_in_force(self, runtime: Runtime) -> None:
        self._swap(runtime)
        self._metrics.snapshot.set(runtime.snapshot.number)
        fields = {"snapshot": runtime.snapshot.number, "routes": len(runtime.routes)}
        _LOG.info("A snapshot is in force.", extra={"fields": fields})
