"""Periods: what whoever runs a trial says of it: when it began anew, which shares its arms have, what it asks for."""

from collections.abc import Iterable, Mapping

from control_plane.store import trials
from control_plane.store.database import Transaction
from control_plane.store.trials import Trial

MOST_NAMED = 100
"""Outcomes of one trial: each widens what is kept of every arm."""


def begin(transaction: Transaction, key: str, snapshot: int, shares: Mapping[str, float]) -> None:
    """Requests answered by `snapshot` and later ones belong to a trial of their own: nothing that was measured before
    counts for it. `shares` are the weights of its arms.

    To be called with the snapshot's own transaction, or before any router can have it. Does nothing the second time.
    """
    trials.share(transaction, trials.begin(transaction, key, snapshot).id, snapshot, shares)


def share(transaction: Transaction, key: str, snapshot: int, shares: Mapping[str, float]) -> None:
    """From `snapshot` on the arms of the trial have these weights; units that are first seen then count apart."""
    trials.share(transaction, _newest(transaction, key).id, snapshot, shares)


def ask(transaction: Transaction, key: str, outcomes: Iterable[str]) -> None:
    """Its document names these: they are counted, however many other ones callers report of it. A document that says
    something else again and again is heard until there are `MOST_NAMED`."""
    trial = _newest(transaction, key)
    missing = [name for name in dict.fromkeys(outcomes) if name not in trial.outcomes]
    if missing and len(trial.outcomes) + len(missing) <= MOST_NAMED:
        trials.name(transaction, trial._replace(outcomes=(*trial.outcomes, *missing)))


def _newest(transaction: Transaction, key: str) -> Trial:
    found = trials.of_key(transaction, key)
    return found[-1] if found else trials.begin(transaction, key, 0)
