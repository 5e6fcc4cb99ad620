"""Keeping: what is kept of single events goes after a while, in pieces that hold nobody up; the sums stay."""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from control_plane.spec.errors import TiermeshError
from control_plane.store import event_batches, expiry
from control_plane.store.database import Database

logger = logging.getLogger(__name__)

_EVERY_SECONDS = 30.0
_DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class Keeping:
    """Keeps events for so many `days`, and about so many of them at `most`."""

    database: Database
    days: float
    most: int
    clock: Callable[[], float] = time.time

    async def run(self, leads: Callable[[], bool]) -> None:
        """Where this process leads, for ever."""
        while True:
            await asyncio.sleep(_EVERY_SECONDS)
            try:
                if leads():
                    await asyncio.to_thread(self.forget)
            except TiermeshError as error:
                logger.warning("old events are not forgotten", extra={"fields": {"error": str(error)}})

    def forget(self) -> None:
        """Take away all that is too old or too much. A unit goes with its trial, when nothing has come of that."""
        too_old = int(self.clock() - self.days * _DAY_SECONDS)
        with self.database.read() as transaction:
            too_many = event_batches.received_before_the_last(transaction, self.most)
        for until, forget in ((max(too_old, too_many or 0), expiry.forget_events), (too_old, expiry.forget_units)):
            gone = 1
            while gone:
                with self.database.write() as transaction:
                    gone = forget(transaction, until)
