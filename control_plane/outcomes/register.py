"""Register: the trials that a batch is about, their periods and the outcomes that are reported of them."""

from collections.abc import Collection

from control_plane.spec.metrics import are_marks
from control_plane.store import trials
from control_plane.store.database import Transaction
from control_plane.store.trials import Trial

MOST_OUTCOMES = 20
"""Names of outcomes that a trial takes as they come; those that its document names are taken beyond that."""


class Register:
    """Of one transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction
        self._of_key: dict[str, list[Trial]] = {}
        self._trials: dict[int, Trial] = {}
        self._periods: dict[int, list[int]] = {}
        self._seen: set[int] = set()

    def trial(self, key: str, snapshot: int) -> int:
        """The trial of this name that a snapshot belongs to; the first one begins by itself."""
        if key not in self._of_key:
            self._learn(key)
        for trial in reversed(self._of_key[key]):
            if trial.since <= snapshot:
                break
        else:
            trial = trials.begin(self._transaction, key, 0)
            self._learn(key)
        self._seen.add(trial.id)
        return trial.id

    def period(self, trial: int, snapshot: int) -> int:
        """The period of a trial that a snapshot belongs to."""
        if trial not in self._periods:
            self._periods[trial] = [period.since for period in trials.periods(self._transaction, trial)]
        return max((since for since in self._periods[trial] if since <= snapshot), default=0)

    def recall(self, ids: Collection[int]) -> None:
        """Read these, too."""
        for trial in trials.of_ids(self._transaction, [each for each in ids if each not in self._trials]):
            self._trials[trial.id] = trial

    def index(self, trial: int, outcome: str) -> int | None:
        """The place of an outcome; None where the trial has as many as it takes, or asks for no such marks."""
        self._seen.add(trial)
        known = self._trials[trial]
        if outcome in known.outcomes:
            return known.outcomes.index(outcome)
        if are_marks(outcome) or sum(not are_marks(name) for name in known.outcomes) >= MOST_OUTCOMES:
            return None
        self._trials[trial] = known._replace(outcomes=(*known.outcomes, outcome))
        return len(known.outcomes)

    def close(self, received: int) -> None:
        """Keep what changed."""
        trials.note(self._transaction, [self._trials[each] for each in self._seen], received)

    def _learn(self, key: str) -> None:
        self._of_key[key] = trials.of_key(self._transaction, key)
        self._trials.update((trial.id, trial) for trial in self._of_key[key])
