"""Sender: sends the spools' events, oldest first; what is acknowledged goes from the disk."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Protocol

from typing_extensions import override

from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.events import MOST_EVENTS
from routers.courier import Courier
from routers.events.spools import Spools

_LOG = logging.getLogger(__name__)

BATCH_BYTES = 1024 * 1024
"""Of one batch: well below what a control plane takes in one body."""
_HOPELESS = frozenset({Code.INVALID_JSON, Code.INVALID_REQUEST, Code.BODY_TOO_LARGE})
"""The same batch will be refused again. A token that is no longer taken, say, may be mended: the events wait."""


class Sink(Protocol):
    """Who takes events."""

    async def send(self, router: str, spool: str, first: int, events: Sequence[bytes]) -> None:
        """Hand them over; they have been counted when it returns. Raises TiermeshError."""

    async def aclose(self) -> None:
        """Let go of connections."""


class Sender(Courier):
    """A batch whose answer was lost is sent again: the control plane counts each number of a spool once."""

    what = "events"

    def __init__(self, router: str, spools: Spools, sink: Sink) -> None:
        self._router = router
        self._spools = spools
        self._sink = sink

    @property
    @override
    def waiting(self) -> int:
        return self._spools.waiting

    @override
    async def step(self) -> None:
        await self._spools.flush()
        while batch := await asyncio.to_thread(self._spools.read, MOST_EVENTS, BATCH_BYTES):
            try:
                await self._sink.send(self._router, batch.spool, batch.first, batch.events)
            except TiermeshError as error:
                if error.code not in _HOPELESS:
                    raise
                _LOG.error("Events were refused.", extra={"fields": {"why": str(error), "events": len(batch.events)}})
                await asyncio.to_thread(self._spools.refuse, batch)
            else:
                await asyncio.to_thread(self._spools.arrive, batch)

    @override
    async def _let_go(self) -> None:
        await self._sink.aclose()
        await asyncio.to_thread(self._spools.close)
