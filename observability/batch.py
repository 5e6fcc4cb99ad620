"""Batch: small records gathered and handled together.

What runs once in a while runs cold, and costs more than the same work in one loop. A record is at most
`FLUSH_SECONDS` late, and none is lost at a graceful stop.
"""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

FLUSH_SECONDS = 0.2
"""How late a record may be."""
FLUSH_RECORDS = 64
"""Some 40 kB of log: what is larger comes from fresh pages of the system each time, which costs more than the
writing."""

Record = TypeVar("Record")


class Batch(Generic[Record]):
    """Gathers records and hands them to `deliver`. Belongs to one event loop."""

    def __init__(self, deliver: Callable[[list[Record]], None]) -> None:
        self._deliver = deliver
        self._records: list[Record] = []
        self._timer: asyncio.TimerHandle | None = None

    def add(self, record: Record) -> None:
        """Keep a record for the next delivery."""
        self._records.append(record)
        if len(self._records) >= FLUSH_RECORDS:
            self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_SECONDS, self.flush)

    def flush(self) -> None:
        """Deliver what is gathered."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if records := self._records:
            self._records = []
            self._deliver(records)
