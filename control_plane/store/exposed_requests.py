"""Exposed requests: which units requests with arms were for, so that what is reported of a request finds them."""

from collections.abc import Collection, Iterable
from typing import NamedTuple

from sqlalchemy import insert, select

from control_plane.store.database import Transaction
from control_plane.store.rows import among
from control_plane.store.tables import exposed_requests


class Link(NamedTuple):
    """That a request was a unit's, in a trial. Several have one id where its caller chose it so."""

    request: int
    unit: int
    trial: int


def of_requests(transaction: Transaction, requests: Collection[int]) -> set[Link]:
    """All that is known of these."""
    if not requests:
        return set()
    columns = exposed_requests.c
    query = select(columns.request, columns.unit, columns.trial).where(among(transaction, columns.request, requests))
    return {Link(*row) for row in transaction.execute(query)}


def add(transaction: Transaction, links: Iterable[Link], received: int) -> None:
    """Keep new ones."""
    rows = [{**link._asdict(), "received": received} for link in links]
    if rows:
        transaction.execute(insert(exposed_requests), rows)
