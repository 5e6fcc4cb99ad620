"""Explorations: requests whose tier was drawn, until somebody reports how good the answer was."""

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import insert, select, update

from control_plane.store.database import Transaction
from control_plane.store.rows import among
from control_plane.store.tables import explorations

_COLUMNS = [explorations.c[name] for name in ("request", "promise", "outcome", "below", "heavy")]


class Explored(NamedTuple):
    """One request."""

    request: int
    promise: str
    outcome: str
    below: bool
    heavy: bool


def add(transaction: Transaction, found: Iterable[Explored], received: int) -> None:
    """Keep those that are not there; of several with one id the first."""
    first: dict[int, Explored] = {}
    for one in found:
        first.setdefault(one.request, one)
    if not first:
        return
    known = transaction.execute(select(explorations.c.request).where(among(transaction, explorations.c.request, first)))
    seen = set(known.scalars())
    rows = [{**one._asdict(), "told": False, "received": received} for one in first.values() if one.request not in seen]
    if rows:
        transaction.execute(insert(explorations), rows)


def untold(transaction: Transaction, requests: Collection[int]) -> list[Explored]:
    """Those of these requests of which nobody has reported yet."""
    if not requests:
        return []
    wanted = among(transaction, explorations.c.request, requests) & explorations.c.told.is_(False)
    query = select(*_COLUMNS).where(wanted).order_by(explorations.c.request)
    return [Explored(*row) for row in transaction.execute(query)]


def tell(transaction: Transaction, requests: Sequence[int]) -> None:
    """Somebody has: what comes later does not count."""
    if requests:
        here = among(transaction, explorations.c.request, requests)
        transaction.execute(update(explorations).where(here).values(told=True))
