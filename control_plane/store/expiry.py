"""Expiry: rows of single events that go, so many at once that nobody waits for it."""

from typing import Any

from sqlalchemy import Column, Table, delete, select

from control_plane.store.database import Transaction
from control_plane.store.rows import among
from control_plane.store.tables import event_batches, explorations, exposed_requests, feedback, trial_units, trials

_AT_ONCE = 5000
_BATCHES_AT_ONCE = 20


def forget_events(transaction: Transaction, received: int) -> int:
    """Take away some of what came until then. Returns how many rows went; 0 when there are none left."""
    pieces: tuple[tuple[Table, Column[Any], int], ...] = (
        (event_batches, event_batches.c.id, _BATCHES_AT_ONCE),
        (exposed_requests, exposed_requests.c.request, _AT_ONCE),
        (feedback, feedback.c.report, _AT_ONCE),
        (explorations, explorations.c.request, _AT_ONCE),
    )
    gone = 0
    for table, key, most in pieces:
        old = table.c.received <= received
        doomed = transaction.execute(select(key).where(old).limit(most)).scalars().all()
        if doomed:
            gone += transaction.execute(delete(table).where(among(transaction, key, doomed) & old)).rowcount
    return gone


def forget_units(transaction: Transaction, received: int) -> int:
    """Take away some units of trials of which nothing has come since then; what their arms came to stays."""
    over = select(trials.c.id).where(trials.c.received <= received)
    doomed = transaction.execute(select(trial_units.c.unit).where(trial_units.c.trial.in_(over)).limit(_AT_ONCE))
    units = doomed.scalars().all()
    if not units:
        return 0
    gone = among(transaction, trial_units.c.unit, units) & trial_units.c.trial.in_(over)
    return transaction.execute(delete(trial_units).where(gone)).rowcount
