"""Spools: the one that this process writes, and those that earlier ones left; bounded together."""

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Sequence
from pathlib import Path

from observability.metrics import RouterMetrics
from routers.events.segment import Batch
from routers.events.spool import SEGMENT_BYTES, Spool

_LOG = logging.getLogger(__name__)

WRITE_SECONDS = 0.2
"""Between two writes: what is older is on the disk, and outlives the process and the machine."""
MOST_UNWRITTEN = 20_000
"""Events in memory while the disk does not take them."""


class Spools:
    """Events are added in the event loop; all that touches the disk runs in threads."""

    def __init__(self, folder: Path, most_bytes: int, metrics: RouterMetrics) -> None:
        """At most about so many bytes lie in the folder: the oldest segments go first, and are counted."""
        self._folder = folder
        self._most_bytes = most_bytes
        self._segment_bytes = min(SEGMENT_BYTES, most_bytes // 8)
        self._metrics = metrics
        self._unwritten: deque[bytes] = deque()
        self._spools: list[Spool] = []
        self._own: Spool | None = None
        self._files = threading.Lock()

    @property
    def waiting(self) -> int:
        """Events that have not arrived."""
        return len(self._unwritten) + sum(spool.waiting for spool in self._spools)

    @property
    def size_bytes(self) -> int:
        """On disk."""
        return sum(spool.size for spool in self._spools)

    def add(self, events: Sequence[bytes]) -> None:
        """Keep events, each as JSON on one line; they are on the disk a moment later."""
        self._unwritten.extend(events)
        self._drop_unwritten()

    async def run(self) -> None:
        """Write for ever."""
        await asyncio.to_thread(self._adopt)
        while True:
            await asyncio.sleep(WRITE_SECONDS)
            await self.flush()

    async def flush(self) -> None:
        """Write what was added. Where the disk does not take it, it stays, as much as there is room for."""
        if not (events := list(self._unwritten)):
            return
        self._unwritten.clear()
        try:
            await asyncio.to_thread(self._write, events)
        except OSError as error:
            _LOG.warning("Events cannot be written to the disk.", extra={"fields": {"why": str(error)}})
            self._unwritten.extendleft(reversed(events))
            self._drop_unwritten()

    def read(self, most: int, most_bytes: int) -> Batch | None:
        """The oldest that are on the disk and have not arrived. Blocks."""
        with self._files:
            for spool in self._spools:
                if batch := spool.read(most, most_bytes):
                    return batch
        return None

    def arrive(self, batch: Batch) -> None:
        """They have been counted. Blocks."""
        with self._files:
            for spool in list(self._spools):
                if spool.id == batch.spool:
                    spool.arrive(batch)
                if spool is not self._own and not spool.waiting:
                    self._spools.remove(spool)
                    spool.close()

    def refuse(self, batch: Batch) -> None:
        """They never will be. Blocks."""
        self._metrics.events_dropped.labels("refused").inc(len(batch.events))
        self.arrive(batch)

    def close(self) -> None:
        """What has not arrived waits on the disk for the next process. Blocks."""
        with self._files:
            for spool in self._spools:
                spool.close()
            self._spools.clear()

    def _adopt(self) -> None:
        """Take what earlier processes left."""
        folders = [path for path in self._folder.glob("*") if path.is_dir()]
        for folder in sorted(folders, key=lambda each: each.stat().st_mtime):
            try:
                left = Spool(folder)
            except (OSError, ValueError) as error:
                fields = {"folder": folder.name, "why": str(error)}
                _LOG.warning("Events that a process left cannot be read.", extra={"fields": fields})
                continue
            with self._files:
                if left.waiting:
                    self._spools.insert(len(self._spools) - (self._own is not None), left)
                else:
                    left.close()

    def _write(self, events: Sequence[bytes]) -> None:
        with self._files:
            if self._own is None:
                self._own = Spool.made(self._folder)
                self._spools.append(self._own)
            self._own.write(events, self._segment_bytes)
            while self.size_bytes > self._most_bytes:
                oldest = self._spools[0]
                self._metrics.events_dropped.labels("full").inc(oldest.drop())
                if not oldest.size and oldest is not self._own:
                    self._spools.remove(oldest)
                    oldest.close()

    def _drop_unwritten(self) -> None:
        if (excess := len(self._unwritten) - MOST_UNWRITTEN) > 0:
            for _ in range(excess):
                self._unwritten.popleft()
            self._metrics.events_dropped.labels("disk").inc(excess)
