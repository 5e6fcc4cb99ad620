"""Reporter: sends the journal's records to the control plane, in bounded batches and far from any request."""

import asyncio
import logging
import random
from collections.abc import Sequence
from typing import Protocol

from control_plane.spec.errors import TiermeshError
from routers.journal import Journal

_LOG = logging.getLogger(__name__)

PAUSE_SECONDS = 1.0
"""Between two looks at the journal: how old a record may be before the control plane has it."""
BATCH_RECORDS = 500
BATCH_BYTES = 1024 * 1024
"""Of one batch: well below what a control plane takes in one body."""
LONGEST_PAUSE_SECONDS = 10.0
"""While the control plane is away. Meanwhile the journal keeps as much as it may, the newest."""
LAST_SECONDS = 2.0
"""At the end of the process, for what is left."""


class Sink(Protocol):
    """Who takes records."""

    async def send(self, records: Sequence[bytes]) -> None:
        """Hand them over. Raises TiermeshError."""

    async def aclose(self) -> None:
        """Let go of connections."""


class Reporter:
    """Sends for ever; what cannot be sent now stays in the journal."""

    def __init__(self, journal: Journal, sink: Sink) -> None:
        self._journal = journal
        self._sink = sink

    async def run(self) -> None:
        """Until cancelled."""
        pause = PAUSE_SECONDS
        while True:
            await asyncio.sleep(pause * random.uniform(0.8, 1))
            try:
                await self.step()
                pause = PAUSE_SECONDS
            except TiermeshError as error:
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
                fields = {"why": str(error), "waiting": len(self._journal), "retry_seconds": pause}
                _LOG.warning("The decisions cannot be sent.", extra={"fields": fields})

    async def step(self) -> None:
        """Send all that waits. A batch that is refused is given up, and counted: it would be refused again.

        Raises TiermeshError where the control plane is away; nothing is lost by that. A batch whose answer was lost is
        sent again: the control plane shows equal records once.
        """
        while records := self._journal.take(BATCH_RECORDS, BATCH_BYTES):
            try:
                await self._sink.send(records)
            except TiermeshError as error:
                if error.retryable:
                    raise
                _LOG.error("Decisions were refused.", extra={"fields": {"why": str(error), "records": len(records)}})
                self._journal.sent(refused=True)
            else:
                self._journal.sent()

    async def close(self) -> None:
        """Send what is left, if that is quickly done."""
        try:
            async with asyncio.timeout(LAST_SECONDS):
                await self.step()
        except (TiermeshError, TimeoutError) as error:
            fields = {"why": str(error) or "no time", "records": len(self._journal)}
            _LOG.warning("The last decisions were not sent.", extra={"fields": fields})
        await self._sink.aclose()
