"""Asking: which outcomes documents name. Those are counted, however many other ones callers report."""

from collections.abc import Collection, Mapping

from control_plane.outcomes.register import MOST_OUTCOMES
from control_plane.store import trials
from control_plane.store.database import Transaction

MOST_NAMED = MOST_OUTCOMES + 100
"""Outcomes of one trial: each widens what is kept of every arm. No document names more than 100."""


def ask(transaction: Transaction, named: Mapping[str, Collection[str]]) -> None:
    """Let the trials that began last count what their documents name, by their keys. Of documents that name something
    else again and again that is heard until there are `MOST_NAMED`.

    To be called with the snapshot's own transaction: then nothing that a router reports comes first.
    """
    for trial in trials.newest(transaction, [key for key, outcomes in named.items() if outcomes]):
        missing = [name for name in dict.fromkeys(named[trial.key]) if name not in trial.outcomes]
        if missing and len(trial.outcomes) + len(missing) <= MOST_NAMED:
            trials.name(transaction, trial._replace(outcomes=(*trial.outcomes, *missing)))
