"""Allocations: the weights that bandits give to arms, in place of what their Experiments say."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import delete, insert, select

from control_plane.store.database import Transaction
from control_plane.store.tables import allocations


class Allocated(NamedTuple):
    """Weights, and since when."""

    weights: Mapping[str, float]
    at: datetime


def read(transaction: Transaction) -> dict[str, Allocated]:
    """All of them, by trial: `Experiment/shop`."""
    rows = transaction.execute(select(allocations))
    return {row.trial: Allocated(row.weights, row.at) for row in rows}


def put(transaction: Transaction, trial: str, weights: Mapping[str, float], at: datetime) -> None:
    """From now on these."""
    forget(transaction, trial)
    transaction.execute(insert(allocations).values(trial=trial, weights=dict(weights), at=at))


def forget(transaction: Transaction, trial: str) -> None:
    """From now on what the document says."""
    transaction.execute(delete(allocations).where(allocations.c.trial == trial))
