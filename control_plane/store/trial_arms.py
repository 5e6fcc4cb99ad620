"""Trial arms: the sums over all units of an arm, in a period of a trial."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from sqlalchemy import select, text

from control_plane.store.database import Transaction
from control_plane.store.rows import among
from control_plane.store.tables import trial_arms


class ArmRow(NamedTuple):
    """As it is kept."""

    trial: int
    period: int
    arm: str
    products: bytes
    bins: bytes


_COLUMNS = [trial_arms.c[name] for name in ArmRow._fields]
_PUT = text(
    "INSERT INTO trial_arms (trial, period, arm, products, bins) VALUES (:trial, :period, :arm, :products, :bins) "
    "ON CONFLICT (trial, period, arm) DO UPDATE SET products = excluded.products, bins = excluded.bins"
)


def of_trials(transaction: Transaction, trials: Collection[int], periods: Collection[int]) -> list[ArmRow]:
    """All of these trials in these periods."""
    columns = trial_arms.c
    within = among(transaction, columns.trial, trials) & among(transaction, columns.period, periods)
    return [ArmRow(*row) for row in transaction.execute(select(*_COLUMNS).where(within))]


def of_trial(transaction: Transaction, trial: int) -> list[ArmRow]:
    """All of one trial, by period."""
    query = select(*_COLUMNS).where(trial_arms.c.trial == trial).order_by(trial_arms.c.period, trial_arms.c.arm)
    return [ArmRow(*row) for row in transaction.execute(query)]


def put(transaction: Transaction, rows: Sequence[ArmRow]) -> None:
    """Keep rows, in place of those that are there."""
    if rows:
        transaction.execute(_PUT, [row._asdict() for row in rows])
