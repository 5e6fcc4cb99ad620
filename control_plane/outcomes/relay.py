"""Relay: hands all events that were counted on to a sink, in their order and at least once."""

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

from control_plane.spec.errors import TiermeshError
from control_plane.store import event_batches, sinks
from control_plane.store.database import Database
from control_plane.store.event_batches import EventBatch
from observability.control_plane_metrics import ControlPlaneMetrics

logger = logging.getLogger(__name__)

PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 30.0
_BATCHES = 5
"""Read at once."""


class Sink(Protocol):
    """Who takes events."""

    name: str
    """Where they go: another name begins with the oldest event that is kept."""

    async def publish(self, batch: EventBatch) -> None:
        """Hand a batch over; it has all of it when this returns. Raises TiermeshError."""

    async def close(self) -> None:
        """Let go of connections."""


class Relay:
    """A batch is noted once the sink has it: what is killed in between is handed over again."""

    def __init__(self, database: Database, sink: Sink, metrics: ControlPlaneMetrics) -> None:
        self._database = database
        self._sink = sink
        self._metrics = metrics

    async def run(self, leads: Callable[[], bool]) -> None:
        """Where this process leads, for ever."""
        pause = PAUSE_SECONDS
        try:
            while True:
                await asyncio.sleep(pause)
                try:
                    if leads():
                        await self.step()
                        self._metrics.sink_up.set(1)
                    pause = PAUSE_SECONDS
                except TiermeshError as error:
                    self._metrics.sink_up.set(0)
                    pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
                    logger.warning("events wait for their sink", extra={"fields": {"why": str(error)}})
        finally:
            await self._sink.close()

    async def step(self) -> None:
        """Hand over all that has come. Raises TiermeshError."""
        while batches := await asyncio.to_thread(self._next):
            for batch in batches:
                await self._sink.publish(batch)
                await asyncio.to_thread(self._note, batch)

    def _next(self) -> list[EventBatch]:
        with self._database.read() as transaction:
            return list(event_batches.after(transaction, sinks.position(transaction, self._sink.name), _BATCHES))

    def _note(self, batch: EventBatch) -> None:
        with self._database.write() as transaction:
            sinks.note(transaction, self._sink.name, batch.id)
