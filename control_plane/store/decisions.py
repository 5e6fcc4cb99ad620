"""Decisions: what routers wrote down of their answers. Kept for a while and up to a number: the oldest go first."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, insert, select

from control_plane.spec.decisions import DecisionRecord
from control_plane.store.database import Transaction
from control_plane.store.tables import decisions

FORGOTTEN_AT_ONCE = 5000
"""Most rows that one call of `forget` takes away, so that it holds nobody up; twice what one batch may bring."""


Row = dict[str, Any]


def rows(records: Iterable[DecisionRecord]) -> list[Row]:
    """Records as they are to be written down; what is at its default is left out.

    Made before the transaction: the documents' writes wait for each moment of it.
    """
    return [
        {
            "request_id": record.request_id,
            "at": record.at,
            "route": record.route,
            "tenant": record.tenant,
            "record": record.model_dump(mode="json", exclude_defaults=True),
        }
        for record in records
    ]


def append(transaction: Transaction, made: Sequence[Row]) -> None:
    """Write rows down."""
    transaction.execute(insert(decisions), made)


def of_request(transaction: Transaction, request_id: str, limit: int) -> list[DecisionRecord]:
    """The newest of a request, newest first. One that a router sent twice is there once."""
    query = select(decisions.c.record).where(decisions.c.request_id == request_id)
    found = transaction.execute(query.order_by(decisions.c.at.desc(), decisions.c.id.desc()).limit(limit)).scalars()
    return _once(found)


def newest(
    transaction: Transaction, route: str | None, tenant: str | None, since: datetime | None, limit: int
) -> list[DecisionRecord]:
    """The newest, newest first: of a Route, of a tenant, not older than `since`."""
    query = select(decisions.c.record)
    if route is not None:
        query = query.where(decisions.c.route == route)
    if tenant is not None:
        query = query.where(decisions.c.tenant == tenant)
    if since is not None:
        query = query.where(decisions.c.at >= since)
    return _once(
        transaction.execute(query.order_by(decisions.c.at.desc(), decisions.c.id.desc()).limit(limit)).scalars()
    )


def forget(transaction: Transaction, before: datetime, most: int) -> int:
    """Take away what is older than `before`, and the oldest of more than `most`. Returns how many rows went."""
    last: int = transaction.execute(select(func.max(decisions.c.id))).scalar() or 0
    # Ids grow by one, so that nothing has to be counted; rows that age took away are counted along.
    old = (decisions.c.at < before) | (decisions.c.id <= last - most)
    doomed = select(decisions.c.id).where(old).limit(FORGOTTEN_AT_ONCE)
    return transaction.execute(delete(decisions).where(decisions.c.id.in_(doomed))).rowcount


def _once(rows: Iterable[object]) -> list[DecisionRecord]:
    records: list[DecisionRecord] = []
    for row in rows:
        record = DecisionRecord.model_validate(row)
        if record not in records[-8:]:
            records.append(record)
    return records
