"""Ledger: every answer, counted and logged."""

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Protocol

import orjson

from control_plane.spec.errors import TiermeshError
from observability.batch import Batch
from observability.metrics import RouterMetrics
from routers.call import Call
from routers.decision import Match
from routers.outcome import Outcome
from routers.record import record


@record
class Entry:
    """One answer to one caller; never what was asked or answered."""

    at: float
    """Unix time of its end."""
    seconds: float
    request_id: str
    operation: str
    stream: bool
    tenant: str
    protocol: str
    version: str
    fresh: bool
    tools: bool
    outcome: Outcome
    cache: str
    status: int
    error: TiermeshError | None
    match: Match
    """The caller's own, also where it shared the outcome."""
    first_seconds: float | None = None
    """To the first content of a stream, where the caller has arms."""


class Book(Protocol):
    """Who else wants to know of each answer."""

    def add(self, entries: Sequence[Entry]) -> None:
        """Write these down too."""


class Ledger:
    """Takes an entry at each answer's end; counts and writes them in batches."""

    def __init__(self, metrics: RouterMetrics, write: Callable[[bytes], object] | None, *books: Book) -> None:
        """`write` takes whole lines of JSON; None keeps no log."""
        self._metrics = metrics
        self._books = books
        self._write = write
        self._entries: Batch[Entry] = Batch(self._deliver)
        self.flush = self._entries.flush

    def record(
        self,
        call: Call,
        match: Match,
        outcome: Outcome,
        cache: str,
        started: float,
        status: int,
        error: TiermeshError | None,
        first_seconds: float | None = None,
    ) -> None:
        """An answer came to its end. `started` is of `time.monotonic`."""
        seconds = time.monotonic() - started
        self._entries.add(
            Entry(
                time.time(),
                seconds,
                call.request_id,
                call.operation,
                call.stream,
                call.tenant,
                call.dialect.protocol,
                call.version,
                call.fresh,
                bool(call.fields.get("tools")),
                outcome,
                cache,
                status,
                error,
                match,
                first_seconds,
            )
        )

    def exposition(self) -> Iterator[str]:
        """All metrics, this very answer's included, a few lines at a time."""
        self.flush()
        return self._metrics.exposition()

    def _deliver(self, entries: list[Entry]) -> None:
        metrics = self._metrics
        for entry in entries:
            outcome = entry.outcome
            route = entry.match.route.name
            metrics.request(route, outcome.tier or "", outcome.model, entry.cache, entry.status, entry.seconds)
            for step in outcome.steps(entry.match):
                metrics.reason(route, step.code)
        if self._write is not None:
            self._write(b"".join([_line(entry) for entry in entries]))
        for book in self._books:
            book.add(entries)


def _line(entry: Entry) -> bytes:
    outcome = entry.outcome
    fields = {
        "time": datetime.fromtimestamp(entry.at, UTC),
        "level": "info",
        "logger": "access",
        "seconds": round(entry.seconds, 6),
        "request_id": entry.request_id,
        "operation": entry.operation,
        "stream": entry.stream,
        "tenant": entry.tenant,
        "route": entry.match.route.name,
        "snapshot": entry.match.snapshot,
        "arm": entry.match.arm,
        "tier": outcome.tier,
        "score": outcome.score,
        "model": outcome.model,
        "cache": entry.cache,
        "status": entry.status,
        "error": entry.error.code if entry.error else None,
        "reasons": [f"{reason.code}: {reason.text}" for reason in outcome.steps(entry.match)],
    }
    return orjson.dumps(fields, option=orjson.OPT_APPEND_NEWLINE)
