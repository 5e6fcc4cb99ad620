"""Reporter: sends the journal's records of decisions."""

import logging
from collections.abc import Sequence
from typing import Protocol

from typing_extensions import override

from control_plane.spec.errors import TiermeshError
from routers.courier import Courier
from routers.journal import Journal

_LOG = logging.getLogger(__name__)

BATCH_RECORDS = 500
BATCH_BYTES = 1024 * 1024
"""Of one batch: well below what a control plane takes in one body."""


class Sink(Protocol):
    """Who takes records."""

    async def send(self, records: Sequence[bytes]) -> None:
        """Hand them over. Raises TiermeshError."""

    async def aclose(self) -> None:
        """Let go of connections."""


class Reporter(Courier):
    """While the control plane is away the journal keeps as much as it may, the newest."""

    what = "decisions"

    def __init__(self, journal: Journal, sink: Sink) -> None:
        self._journal = journal
        self._sink = sink

    @property
    @override
    def waiting(self) -> int:
        return len(self._journal)

    @override
    async def step(self) -> None:
        """A batch that is refused is given up, and counted: it would be refused again. One whose answer was lost is
        sent again: the control plane shows equal records once."""
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

    @override
    async def _let_go(self) -> None:
        await self._sink.aclose()
