"""Trials: Experiments and Rollouts whose outcomes are counted, and the periods in which their arms had equal shares."""

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from sqlalchemy import insert, select, update

from control_plane.store.database import Transaction
from control_plane.store.rows import among
from control_plane.store.tables import trial_periods, trials


class Trial(NamedTuple):
    """One, from one snapshot on: where it begins anew, another one begins."""

    id: int
    key: str
    """`Experiment/shop`."""
    since: int
    """The first snapshot whose requests count for it."""
    outcomes: tuple[str, ...]
    """What has been reported of it, in the order in which units keep it."""


class Period(NamedTuple):
    """A time in which its arms had the same shares of the units."""

    since: int
    """Its first snapshot; 0 from the beginning."""
    shares: dict[str, float]
    """Arm -> weight. Empty where nobody said."""


_COLUMNS = [trials.c[name] for name in ("id", "key", "since", "outcomes")]


def of_key(transaction: Transaction, key: str) -> list[Trial]:
    """All of one name, oldest first."""
    query = select(*_COLUMNS).where(trials.c.key == key).order_by(trials.c.since)
    return [_trial(row) for row in transaction.execute(query)]


def newest(transaction: Transaction, keys: Collection[str]) -> list[Trial]:
    """Of each of these names the one that began last."""
    if not keys:
        return []
    query = select(*_COLUMNS).where(trials.c.key.in_(keys)).order_by(trials.c.since)
    return list({trial.key: trial for trial in map(_trial, transaction.execute(query))}.values())


def of_ids(transaction: Transaction, ids: Collection[int]) -> list[Trial]:
    """Those with these ids."""
    if not ids:
        return []
    return [_trial(row) for row in transaction.execute(select(*_COLUMNS).where(among(transaction, trials.c.id, ids)))]


def begin(transaction: Transaction, key: str, since: int) -> Trial:
    """A trial that counts requests answered by snapshot `since` and later ones, until another of its name begins."""
    for trial in of_key(transaction, key):
        if trial.since == since:
            return trial
    made = transaction.execute(
        insert(trials).values(key=key, since=since, outcomes=[], received=0).returning(trials.c.id)
    )
    return Trial(made.scalar_one(), key, since, ())


def name(transaction: Transaction, trial: Trial) -> None:
    """Keep which outcomes it has."""
    transaction.execute(update(trials).where(trials.c.id == trial.id).values(outcomes=list(trial.outcomes)))


def note(transaction: Transaction, changed: Iterable[Trial], received: int) -> None:
    """Keep which outcomes they have, and that something came."""
    for trial in changed:
        name(transaction, trial)
        transaction.execute(update(trials).where(trials.c.id == trial.id).values(received=received))


def periods(transaction: Transaction, trial: int) -> list[Period]:
    """Those that somebody said, oldest first."""
    columns = trial_periods.c
    query = select(columns.since, columns.shares).where(columns.trial == trial).order_by(columns.since)
    return [Period(*row) for row in transaction.execute(query)]


def share(transaction: Transaction, trial: int, since: int, shares: Mapping[str, float]) -> None:
    """From this snapshot on its arms have these shares."""
    columns = trial_periods.c
    here = (columns.trial == trial) & (columns.since == since)
    if transaction.execute(update(trial_periods).where(here).values(shares=dict(shares))).rowcount == 0:
        transaction.execute(insert(trial_periods).values(trial=trial, since=since, shares=dict(shares)))


def _trial(row: tuple[int, str, int, list[str]]) -> Trial:
    identity, key, since, outcomes = row
    return Trial(identity, key, since, tuple(outcomes))
