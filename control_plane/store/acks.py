"""Acks: what each router last said about each snapshot."""

from datetime import datetime

from sqlalchemy import delete, func, insert, select

from control_plane.spec.records import Ack, RouterState
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


def alive(transaction: Transaction, since: datetime) -> tuple[RouterState, ...]:
    """The routers that said something since then, by name, with what each of them serves."""
    seen = select(acks.c.router, func.max(acks.c.at)).where(acks.c.at >= since).group_by(acks.c.router)
    return tuple(_state(transaction, *row) for row in transaction.execute(seen.order_by(acks.c.router)).all())


def _state(transaction: Transaction, router: str, at: datetime) -> RouterState:
    newest = select(acks.c.snapshot, acks.c.error).where(acks.c.router == router).order_by(acks.c.snapshot.desc())
    served = transaction.execute(newest.where(acks.c.error.is_(None)).limit(1)).first()
    refused = transaction.execute(newest.where(acks.c.error.is_not(None)).limit(1)).first()
    serves = served.snapshot if served else None
    if refused is None or refused.snapshot < (serves or 0):
        return RouterState(name=router, snapshot=serves, at=at)
    return RouterState(name=router, snapshot=serves, refused=refused.snapshot, error=refused.error, at=at)
