"""Running: looks at each running Experiment again and again; starts, stops and plans them when somebody says so.

Looking often does no harm, as everything that is shown holds at any time. No Experiment is stopped by itself: a verdict
is told, and somebody decides.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from control_plane import designs
from control_plane.experiments import allocation, analysis, planning
from control_plane.experiments.analysis import Made
from control_plane.outcomes.reading import read
from control_plane.publisher import HERE, InForce, Publisher, Wanted
from control_plane.refusals import no_such_document
from control_plane.spec.arming import key_of
from control_plane.spec.documents import Experiment, parse, versioned
from control_plane.spec.experiments import AllocationKind, State
from control_plane.spec.names import Key
from control_plane.spec.records import Applied, Revision
from control_plane.spec.results import Baseline, Concluded, Plans, Results
from control_plane.store import allocations, analyses, revisions, snapshots, trials
from control_plane.store.database import Transaction
from control_plane.store.provenance import Origin

logger = logging.getLogger(__name__)

_POINTS = 200
"""So many of a course are kept about evenly over its time: a chart has no more columns."""
_LEAST = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Experiments:
    """All Experiments of this control plane."""

    publisher: Publisher
    between: timedelta = timedelta(minutes=10)
    """Least time between two allocations of a bandit: each begins a new period."""

    def follow(self) -> int:
        """Look at each running one once. Returns how many verdicts changed. Raises TiermeshError(UNAVAILABLE)."""
        with self.publisher.database.read() as transaction:
            heads = revisions.heads(transaction, "Experiment").values()
        running = [one for head in heads if not head.deleted and (one := _read(head)).spec.running]
        return sum([self._look(experiment) for experiment in running])

    def results(self, key: Key, course: bool = True) -> Results:
        """What one has shown by now, and how that came about. Raises TiermeshError(NOT_FOUND)."""
        with self.publisher.database.read() as transaction:
            experiment = _find(transaction, key)
            (_, found), trial = self._analysed(transaction, experiment), key_of(experiment)
            history = analyses.conclusions(transaction, trial)
            came = analyses.course(transaction, trial, found.since) if course else ()
        return found.model_copy(update={"history": history, "course": came})

    def plan(self, key: Key, given: Experiment | None, baselines: Iterable[Baseline]) -> Plans:
        """What one takes, that is applied or `given`. Raises TiermeshError(NOT_FOUND)."""
        with self.publisher.database.read() as transaction:
            experiment = given or _find(transaction, key)
            made, _ = self._analysed(transaction, experiment)
        return planning.plans(experiment.spec, baselines, made)

    def switch(self, key: Key, state: State, author: str, reason: str = "", origin: Origin = HERE) -> Applied:
        """Let it run, or stop it: a change of its document like any other.

        Raises TiermeshError: NOT_FOUND, and as `Publisher.apply`.
        """
        with self.publisher.database.read() as transaction:
            experiment = _find(transaction, key)  # with its version: nobody's change is lost
        spec = experiment.spec.model_copy(update={"state": state})
        changed = experiment.model_copy(update={"spec": spec})
        return self.publisher.apply([changed], author, reason or f"experiment {state.value}", origin=origin)

    def _look(self, experiment: Experiment) -> bool:
        trial = key_of(experiment)
        with self.publisher.database.read() as transaction:
            made, found = self._analysed(transaction, experiment)
            before = analyses.conclusions(transaction, trial, 1)
            last = analyses.last(transaction, trial)
        changed = not before or _says(before[0]) != _says(found.verdict)
        points = analysis.points(found)
        due = points and (last is None or found.at - last >= max(_LEAST, _age(found) / _POINTS))
        if changed or due:
            with self.publisher.database.write() as transaction:
                if changed:
                    analyses.conclude(transaction, trial, found.verdict)
                if points:
                    analyses.keep(transaction, trial, found.at, points)
        if changed:
            logger.info("a verdict changed", extra={"fields": {"trial": trial, "verdict": found.verdict.text}})
        if made is not None and experiment.spec.allocation.kind is AllocationKind.BANDIT:
            self._allocate(experiment, made, found.at)
        return changed

    def _allocate(self, experiment: Experiment, made: Made, now: datetime) -> None:
        """Give arms what they have earned: in a snapshot, and not more often than is good for the statistics."""
        trial, given = key_of(experiment), allocation.weights(experiment.spec, made)
        with self.publisher.database.read() as transaction:
            before = allocations.read(transaction).get(trial)
        if given is None or (before and (before.weights == given or now - before.at < self.between)):
            return
        text = ", ".join(f"{arm} {weight:g}" for arm, weight in given.items())

        def decide(transaction: Transaction, _heads: InForce) -> Mapping[Key, Wanted]:
            allocations.put(transaction, trial, given, now)
            return {}

        author = f"experiment {experiment.metadata.qualified_name}"
        what = (f"{trial}: {text}",)
        self.publisher.steer("allocation", what, decide, lambda _transaction, _number: None, author, f"bandit: {text}")

    def _analysed(self, transaction: Transaction, experiment: Experiment) -> tuple[Made | None, Results]:
        asked, trial, now = designs.of_experiment(experiment.spec), key_of(experiment), self.publisher.now()
        periods = read(transaction, trial, asked.needed) if asked else []
        given, since = allocations.read(transaction).get(trial), _since(transaction, trial)
        made = analysis.make(experiment.spec, periods, (now - since).total_seconds() if since else 0.0)
        return made, analysis.results(experiment, made, given.weights if given else {}, since, now)


def _says(verdict: Concluded) -> tuple[str | None, ...]:
    return verdict.code, verdict.arm, verdict.why


def _since(transaction: Transaction, trial: str) -> datetime | None:
    counted = trials.of_key(transaction, trial)
    return snapshots.published_at(transaction, counted[-1].since) if counted else None


def _age(found: Results) -> timedelta:
    return found.at - found.since if found.since else timedelta()


def _find(transaction: Transaction, key: Key) -> Experiment:
    head = revisions.head(transaction, key)
    if head is None or head.deleted:
        raise no_such_document(key, revisions.heads(transaction, key.kind))
    return _read(head)


def _read(head: Revision) -> Experiment:
    assert head.document is not None  # deleted ones are not read
    document = parse(versioned(head.document, head.generation))
    assert isinstance(document, Experiment)  # it has the key of one
    return document
