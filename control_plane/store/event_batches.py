"""Event batches: events as routers sent them, packed, for as long as they are kept."""

import json
import zlib
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import func, insert, select

from control_plane.store.database import Transaction
from control_plane.store.tables import event_batches

_LEVEL = 1
"""A sixth of the size in a hundredth of a millisecond an event; more would cost more than it saves."""


class EventBatch(NamedTuple):
    """Events of one spool, numbered from `first`."""

    id: int
    spool: str
    first: int
    events: list[dict[str, Any] | None]
    """None is one that was refused."""


def append(transaction: Transaction, spool: str, first: int, events: Sequence[Any], received: int) -> None:
    """Keep events."""
    packed = zlib.compress(json.dumps(events, separators=(",", ":")).encode(), _LEVEL)
    values = {"received": received, "spool": spool, "first": first, "count": len(events), "events": packed}
    transaction.execute(insert(event_batches).values(values))


def after(transaction: Transaction, identity: int, most: int) -> Iterator[EventBatch]:
    """Up to so many batches behind one, oldest first."""
    columns = event_batches.c
    query = select(columns.id, columns.spool, columns.first, columns.events).where(columns.id > identity)
    for row in transaction.execute(query.order_by(columns.id).limit(most)):
        yield EventBatch(row.id, row.spool, row.first, json.loads(zlib.decompress(row.events)))


def received_before_the_last(transaction: Transaction, most: int) -> int | None:
    """Until when events were received that are older than the newest `most`; None where there are no more."""
    columns = event_batches.c
    newer = func.sum(columns.count).over(order_by=columns.id.desc()).label("newer")
    counted = select(columns.received, newer).subquery()
    query = select(func.max(counted.c.received)).where(counted.c.newer > most)
    found: int | None = transaction.execute(query).scalar()
    return found
