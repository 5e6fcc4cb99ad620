"""Promises: what is known of those that are watched, and which of them are believed no more."""

from collections.abc import Collection
from typing import Any, NamedTuple

from sqlalchemy import insert, select, update

from control_plane.store.database import Transaction
from control_plane.store.tables import promises


class Stored(NamedTuple):
    """One."""

    promise: str
    route: str
    """Whose it is, by its qualified name."""
    watch: dict[str, Any]
    """The fields of a `control_plane.stats.loss.LossWatch`."""
    broken: bool
    """Whether routers have been told that it is."""
    received: int
    """Unix time of the last request that was counted."""


_COLUMNS = [promises.c[name] for name in Stored._fields]


def every(transaction: Transaction) -> list[Stored]:
    """All that there ever were; of each Route the one that was heard of last at the end."""
    query = select(*_COLUMNS).order_by(promises.c.route, promises.c.received, promises.c.promise)
    return [Stored(*row) for row in transaction.execute(query)]


def get(transaction: Transaction, promise: str) -> Stored | None:
    """One."""
    row = transaction.execute(select(*_COLUMNS).where(promises.c.promise == promise)).first()
    return None if row is None else Stored(*row)


def put(transaction: Transaction, stored: Stored) -> None:
    """What is known of it now."""
    values = stored._asdict()
    there = transaction.execute(update(promises).where(promises.c.promise == stored.promise).values(**values))
    if not there.rowcount:
        transaction.execute(insert(promises).values(**values))


def broken(transaction: Transaction) -> frozenset[str]:
    """Those that routers believe no more."""
    return frozenset(transaction.execute(select(promises.c.promise).where(promises.c.broken)).scalars())


def mark(transaction: Transaction, names: Collection[str]) -> None:
    """From now on these are believed no more."""
    transaction.execute(update(promises).where(promises.c.promise.in_(names)).values(broken=True))
