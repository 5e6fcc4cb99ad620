"""Trials: how far Experiments and Rollouts are, in the form in which `compile` is told; read with each write.

A course counts only for the document that it was begun for: what is left of another says nothing.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from control_plane.rollouts import changes, fitting, machine
from control_plane.rollouts.machine import Decided
from control_plane.spec.arming import key_of, measured
from control_plane.spec.arms import Override
from control_plane.spec.beside import awaited as is_awaited
from control_plane.spec.courses import Course, Decision, Pinned, Reason
from control_plane.spec.documents import Document, Experiment, Model, Rollout
from control_plane.spec.experiments import AllocationKind
from control_plane.spec.metrics import outcomes
from control_plane.spec.names import Key
from control_plane.spec.prompts import PinnedPrompt, Pins
from control_plane.spec.rollouts import CANDIDATE, STABLE
from control_plane.spec.snapshots import Snapshot, canonical
from control_plane.spec.versions import PinnedModel
from control_plane.store import allocations, rollouts
from control_plane.store.database import Transaction


@dataclass(frozen=True, slots=True)
class UnderWay:
    """What is added to the documents and to what their references stand for."""

    documents: list[Document]
    """Routes and Models that a Rollout holds back name the versions that they keep; beside them, Models that serve the
    versions that it tries."""
    awaited: list[Model] = field(default_factory=list)
    """More of these, of which nobody says yet where they are served."""
    prompts: dict[str, PinnedPrompt] = field(default_factory=dict)
    models: dict[str, PinnedModel] = field(default_factory=dict)
    weights: dict[str, Mapping[str, float]] = field(default_factory=dict)
    mirrors: dict[str, float] = field(default_factory=dict)
    overrides: dict[str, Override] = field(default_factory=dict)

    def pins(self, pins: Pins) -> Pins:
        """The same with what is under way."""
        prompts, models = {**pins.prompts, **self.prompts}, {**pins.models, **self.models}
        given = replace(pins, prompts=prompts, models=models)
        return replace(given, weights=self.weights, mirrors=self.mirrors, overrides=self.overrides)


def spec_sha256(rollout: Rollout) -> str:
    """What a course belongs to. Labels and the like may change under way."""
    return hashlib.sha256(canonical(rollout.spec.model_dump(mode="json"))).hexdigest()


def under_way(transaction: Transaction, documents: list[Document]) -> UnderWay:
    """How far all of them are.

    Raises TiermeshError(INVALID_DOCUMENT) where a Rollout cannot carry out what it follows.
    """
    trials = [document for document in documents if isinstance(document, Experiment | Rollout)]
    found = UnderWay(documents)
    if not trials:
        return found
    by_key = {document.key: document for document in documents}
    fitting.refuse_wrong(_following(by_key), by_key)
    courses, weights = rollouts.read(transaction), allocations.read(transaction)
    holding: dict[str, Course] = {}
    for trial in trials:
        name, key = trial.metadata.qualified_name, key_of(trial)
        if isinstance(trial, Experiment):
            if key in weights and trial.spec.allocation.kind is AllocationKind.BANDIT:
                found.weights[key] = weights[key].weights
        elif stored := courses.get(name):
            course = stored.course
            if course.under_way and course.spec == spec_sha256(trial):
                _deal(found, key, course)
            if course.following and trial.spec.on_change:
                # Also while the document is changed: what was not yet shown to be good does not come by that.
                holding[key] = course
    return _holding(found, by_key, holding) if holding else found


def changed(
    transaction: Transaction,
    documents: Iterable[Document],
    before: Mapping[str, Pinned],
    after: Mapping[str, Pinned],
    by: str,
    now: datetime,
) -> list[str]:
    """Let Rollouts that follow changes carry out those of aliases that were moved. Returns what they do, in words."""
    by_key = {document.key: document for document in documents}
    said = []
    for rollout in _following(by_key):
        if moves := changes.moved(rollout, by_key, before, after):
            stored = rollouts.get(transaction, rollout.metadata.qualified_name)
            decided = machine.follow(spec_sha256(rollout), stored.course if stored else None, moves, now)
            said.append(_note(transaction, rollout, decided, by, now))
    return said


def restored(
    transaction: Transaction,
    documents: Iterable[Document],
    snapshot: Snapshot,
    pins: Mapping[str, Pinned],
    by: str,
    now: datetime,
) -> list[str]:
    """Let no Rollout begin or go on by its document being restored. Returns what that takes back, in words."""
    by_key = {document.key: document for document in documents}
    said = []
    for rollout in (one for one in by_key.values() if isinstance(one, Rollout)):
        stored = rollouts.get(transaction, rollout.metadata.qualified_name)
        kept = changes.held_in(snapshot.content, rollout, by_key, pins)
        if rollout.spec.on_change and stored is None and not kept:
            continue
        course = stored.course if stored else None
        decided = machine.restore(spec_sha256(rollout), course, kept, snapshot.number, now)
        if decided.reasons:
            said.append(_note(transaction, rollout, decided, by, now))
    return said


def named(documents: Iterable[Document]) -> dict[str, list[str]]:
    """The outcomes that they measure, by their keys."""
    return {key_of(one): outcomes(measured(one)) for one in documents if isinstance(one, Experiment | Rollout)}


def _following(documents: Mapping[Key, Document]) -> Iterator[Rollout]:
    return (one for one in documents.values() if isinstance(one, Rollout) and one.spec.on_change)


def _note(transaction: Transaction, rollout: Rollout, decided: Decided, by: str, now: datetime) -> str:
    """Write down what was decided; in words."""
    name = rollout.metadata.qualified_name
    rollouts.put(transaction, name, decided.course)
    rollouts.note(transaction, name, decision(decided.course, decided.reasons, by, now, None))
    why = "; ".join(reason.text for reason in decided.reasons)
    return f"{key_of(rollout)} {decided.course.phase.value}: {why}"


def decision(course: Course, reasons: Iterable[Reason], by: str, now: datetime, snapshot: int | None) -> Decision:
    """What the history keeps of a decision."""
    where = {"phase": course.phase, "step": course.step, "weight": course.weight}
    return Decision(at=now, by=by, snapshot=snapshot, reasons=tuple(reasons), **where)


def _deal(found: UnderWay, key: str, course: Course) -> None:
    found.weights[key] = {STABLE: 100 - course.weight, CANDIDATE: course.weight}
    if course.mirror:
        found.mirrors[key] = course.mirror


def _holding(found: UnderWay, by_key: Mapping[Key, Document], holding: Mapping[str, Course]) -> UnderWay:
    """The same with what Rollouts hold back, by their keys. Models that serve other versions come at once, so that they
    are there once the Rollout begins."""
    instead: dict[Key, Document] = {}
    beside: dict[Key, Model] = {}
    for rollout in _following(by_key):
        if course := holding.get(key_of(rollout)):
            # One that is over begins anew where its document was changed.
            goes_on = not course.phase.over or course.spec != spec_sha256(rollout)
            held = changes.hold(rollout, course.following, by_key, goes_on)
            if named := [by_key[key] for key in held.beside if key in by_key]:
                raise fitting.taken(named[0], rollout)
            instead |= held.instead
            beside |= held.beside
            if any(held.candidate.says()):
                found.overrides[key_of(rollout)] = held.candidate
            for version in (version for one in course.following for version in (one.stable, one.candidate)):
                if isinstance(version, PinnedModel):
                    found.models[changes.version_of(version)] = version
                else:
                    found.prompts[changes.version_of(version)] = version
    awaited = [one for one in beside.values() if is_awaited(one)]
    there = [one for one in beside.values() if not is_awaited(one)]
    return replace(found, documents=[*(instead.get(key, one) for key, one in by_key.items()), *there], awaited=awaited)
