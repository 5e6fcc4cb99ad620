"""Intake: batches of events from routers, each event counted once, whatever is killed meanwhile."""

import logging
import secrets
import time
from collections.abc import Callable, Sequence
from typing import Any

from pydantic import TypeAdapter, ValidationError

from control_plane.outcomes.counting import count
from control_plane.spec.events import Event, EventBatch, EventsTaken, Feedback
from control_plane.store import event_batches, spools
from control_plane.store.database import Database
from observability.control_plane_metrics import ControlPlaneMetrics

logger = logging.getLogger(__name__)

_EVENT: TypeAdapter[Event] = TypeAdapter(Event)


class Intake:
    """Takes events. What of a spool has been taken is written down in the transaction that counts it."""

    def __init__(
        self, database: Database, metrics: ControlPlaneMetrics, clock: Callable[[], float] = time.time
    ) -> None:
        self._database = database
        self._metrics = metrics
        self._clock = clock

    def take(self, batch: EventBatch) -> EventsTaken:
        """Count what of a batch is new."""
        read = [_read(event) for event in batch.events]
        received = int(self._clock())
        with self._database.write() as transaction:
            taken = spools.take(transaction, batch.spool, batch.router, batch.first, len(batch.events), received)
            fresh = read[taken.repeated :]
            events = [event for event in fresh if event is not None]
            if fresh:
                count(transaction, events, received)
                pairs = zip(batch.events, read, strict=True)
                raw = [said if event is not None else None for said, event in pairs][taken.repeated :]
                event_batches.append(transaction, batch.spool, batch.first + taken.repeated, raw, received)
        refused = len(fresh) - len(events)
        for outcome, number in (
            ("counted", len(events)),
            ("refused", refused),
            ("repeated", taken.repeated),
            ("lost", taken.lost),
        ):
            self._metrics.events.labels(outcome).inc(number)
        if refused or taken.lost:
            fields = {"router": batch.router, "lost": taken.lost, "refused": refused}
            logger.warning("events are missing", extra={"fields": fields})
        return EventsTaken(last=taken.last, counted=len(events), refused=refused)

    def report(self, reports: Sequence[Feedback]) -> None:
        """Count what somebody reports here rather than at a router. What came before is not counted again."""
        received = int(self._clock())
        raw = [report.model_dump(mode="json", exclude_none=True) for report in reports]
        with self._database.write() as transaction:
            count(transaction, reports, received)
            event_batches.append(transaction, secrets.token_hex(16), 1, raw, received)
        self._metrics.events.labels("counted").inc(len(reports))


def _read(event: dict[str, Any]) -> Event | None:
    try:
        return _EVENT.validate_python(event)
    except ValidationError:
        return None
