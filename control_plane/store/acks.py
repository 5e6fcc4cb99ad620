"""Acks: what each router last said about each snapshot."""

from sqlalchemy import delete, insert, select

from control_plane.spec.records import Ack
from control_plane.store.database import Transaction
from control_plane.store.rows import record
from control_plane.store.tables import acks


def put(transaction: Transaction, number: int, ack: Ack) -> None:
    """Write down what a router says; it replaces what the same router said about this snapshot before."""
    transaction.execute(delete(acks).where(acks.c.snapshot == number, acks.c.router == ack.router))
    transaction.execute(insert(acks).values(snapshot=number, router=ack.router, error=ack.error, at=ack.at))


def of_snapshot(transaction: Transaction, number: int) -> tuple[Ack, ...]:
    """What routers say about a snapshot, by router."""
    query = select(acks.c.router, acks.c.error, acks.c.at).where(acks.c.snapshot == number).order_by(acks.c.router)
    return tuple(record(Ack, row) for row in transaction.execute(query))
