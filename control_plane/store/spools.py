"""Spools: how far each router's numbered events have been taken, so that each is counted once."""

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import func, insert, select, update

from control_plane.spec.events import RouterEvents
from control_plane.store.database import Transaction
from control_plane.store.tables import spools


@dataclass(frozen=True, slots=True)
class Taken:
    """What of a batch is new."""

    repeated: int
    """So many at its beginning have been taken before."""
    lost: int
    """So many before it never came: their spool had to give them up."""
    last: int
    """The number of the last event that has been taken."""


def take(transaction: Transaction, spool: str, router: str, first: int, count: int, received: int) -> Taken:
    """Note that the events `first` to `first + count - 1` are taken, with whatever else the transaction does.

    The first number of a spool is 1. Events come in order: what is missing before a batch was dropped by its router.
    """
    of_spool = spools.c.spool == spool
    row = transaction.execute(select(spools.c.last, spools.c.lost).where(of_spool)).first()
    known, lost_before = (row.last, row.lost) if row else (0, 0)
    last = max(known, first + count - 1)
    taken = Taken(repeated=min(max(known - first + 1, 0), count), lost=max(first - known - 1, 0), last=last)
    values = {"router": router, "last": last, "lost": lost_before + taken.lost, "received": received}
    if row is None:
        transaction.execute(insert(spools).values(spool=spool, **values))
    else:
        transaction.execute(update(spools).where(of_spool).values(values))
    return taken


def of_routers(transaction: Transaction) -> list[RouterEvents]:
    """What has come of each router, by name."""
    sums = [func.sum(spools.c.last - spools.c.lost), func.sum(spools.c.lost), func.max(spools.c.received)]
    query = select(spools.c.router, *sums).group_by(spools.c.router).order_by(spools.c.router)
    return [
        RouterEvents(router=router, taken=int(taken), lost=int(lost), last=datetime.fromtimestamp(received, UTC))
        for router, taken, lost, received in transaction.execute(query)
    ]
