"""Sinks: how far events have been handed on to whoever else wants them."""

from sqlalchemy import insert, select, update

from control_plane.store.database import Transaction
from control_plane.store.tables import sinks


def position(transaction: Transaction, name: str) -> int:
    """The last batch of events that it has; 0 before the first."""
    found: int | None = transaction.execute(select(sinks.c.position).where(sinks.c.name == name)).scalar()
    return found or 0


def note(transaction: Transaction, name: str, batch: int) -> None:
    """It has this one, too."""
    if transaction.execute(update(sinks).where(sinks.c.name == name).values(position=batch)).rowcount == 0:
        transaction.execute(insert(sinks).values(name=name, position=batch))
