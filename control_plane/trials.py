"""Trials: how far Experiments and Rollouts are, in the form in which `compile` is told; read with each write.

A course counts only for the document that it was begun for: what is left of another says nothing.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from control_plane.rollouts import machine
from control_plane.spec.arming import key_of
from control_plane.spec.arms import Override
from control_plane.spec.courses import Course, Decision, Following, Reason
from control_plane.spec.documents import Document, Experiment, Rollout, Route
from control_plane.spec.experiments import AllocationKind
from control_plane.spec.names import qualified
from control_plane.spec.prompts import PinnedPrompt, Pins, RoutePrompt, reference
from control_plane.spec.rollouts import CANDIDATE, STABLE
from control_plane.spec.snapshots import canonical
from control_plane.store import allocations, rollouts
from control_plane.store.database import Transaction


@dataclass(frozen=True, slots=True)
class UnderWay:
    """What is added to the documents and to what their references stand for."""

    documents: list[Document]
    """Routes that a Rollout holds back name the version that they keep."""
    prompts: dict[str, PinnedPrompt] = field(default_factory=dict)
    weights: dict[str, Mapping[str, float]] = field(default_factory=dict)
    mirrors: dict[str, float] = field(default_factory=dict)
    overrides: dict[str, Override] = field(default_factory=dict)

    def pins(self, pins: Pins) -> Pins:
        """The same with what is under way."""
        prompts = {**pins.prompts, **self.prompts}
        return replace(pins, prompts=prompts, weights=self.weights, mirrors=self.mirrors, overrides=self.overrides)


def spec_sha256(rollout: Rollout) -> str:
    """What a course belongs to. Labels and the like may change under way."""
    return hashlib.sha256(canonical(rollout.spec.model_dump(mode="json"))).hexdigest()


def under_way(transaction: Transaction, documents: list[Document]) -> UnderWay:
    """How far all of them are."""
    trials = [document for document in documents if isinstance(document, Experiment | Rollout)]
    found = UnderWay(documents)
    if not trials:
        return found
    courses, weights = rollouts.read(transaction), allocations.read(transaction)
    held: dict[str, Following] = {}
    for trial in trials:
        name, key = trial.metadata.qualified_name, key_of(trial)
        if isinstance(trial, Experiment):
            if key in weights and trial.spec.allocation.kind is AllocationKind.BANDIT:
                found.weights[key] = weights[key].weights
        elif stored := courses.get(name):
            if stored.course.spec == spec_sha256(trial):
                _add(found, key, stored.course)
            if stored.course.following and trial.spec.on_change:
                # Also while the document is changed: what was not yet shown to be good does not come by that.
                _hold(found, held, trial, stored.course.following)
    return replace(found, documents=[_held(document, held) for document in documents]) if held else found


def changed(
    transaction: Transaction,
    documents: Iterable[Document],
    before: Mapping[str, PinnedPrompt],
    after: Mapping[str, PinnedPrompt],
    by: str,
    now: datetime,
) -> list[str]:
    """Let Rollouts that follow changes carry out those of aliases that were moved. Returns what they do, in words."""
    documents = list(documents)
    routes = {document.key: document for document in documents if isinstance(document, Route)}
    said = []
    for rollout in documents:
        if not isinstance(rollout, Rollout) or not rollout.spec.on_change:
            continue
        route = routes.get(rollout.key._replace(kind="Route", name=rollout.spec.route))
        prompt = route.spec.prompt if route else None
        if prompt is None or before.get(prompt.reference) in (None, after[prompt.reference]):
            continue
        change = Following(stable=before[prompt.reference], candidate=after[prompt.reference], said=prompt)
        said.append(_follow(transaction, rollout, change, by, now))
    return said


def _follow(transaction: Transaction, rollout: Rollout, change: Following, by: str, now: datetime) -> str:
    name, sha256 = rollout.metadata.qualified_name, spec_sha256(rollout)
    stored = rollouts.get(transaction, name)
    course = stored.course if stored and stored.course.spec == sha256 else None
    decided = machine.follow(sha256, course, change, now)
    rollouts.put(transaction, name, decided.course)
    rollouts.note(transaction, name, decision(decided.course, decided.reasons, by, now, None))
    return f"{key_of(rollout)}: {decided.reasons[0].text}"


def restored(
    transaction: Transaction, documents: Iterable[Document], snapshot: int, by: str, now: datetime
) -> list[str]:
    """Let no Rollout begin or go on by its document being restored. Returns what that takes back, in words."""
    said = []
    for rollout in documents:
        if not isinstance(rollout, Rollout):
            continue
        name, stored = rollout.metadata.qualified_name, rollouts.get(transaction, rollout.metadata.qualified_name)
        if rollout.spec.on_change and stored is None:
            continue
        decided = machine.restore(spec_sha256(rollout), stored.course if stored else None, snapshot, now)
        if decided.reasons:
            rollouts.put(transaction, name, decided.course)
            rollouts.note(transaction, name, decision(decided.course, decided.reasons, by, now, None))
            said.append(f"{key_of(rollout)} aborted: {decided.reasons[0].text}")
    return said


def decision(course: Course, reasons: Iterable[Reason], by: str, now: datetime, snapshot: int | None) -> Decision:
    """What the history keeps of a decision."""
    where = {"phase": course.phase, "step": course.step, "weight": course.weight}
    return Decision(at=now, by=by, snapshot=snapshot, reasons=tuple(reasons), **where)


def _add(found: UnderWay, key: str, course: Course) -> None:
    if course.under_way:
        found.weights[key] = {STABLE: 100 - course.weight, CANDIDATE: course.weight}
        if course.mirror:
            found.mirrors[key] = course.mirror
    if course.following is not None:
        found.overrides[key] = Override(prompt=_at(course.following.said, course.following.candidate))


def _hold(found: UnderWay, held: dict[str, Following], rollout: Rollout, following: Following) -> None:
    held[qualified(rollout.metadata.namespace, rollout.spec.route)] = following
    for version in (following.stable, following.candidate):
        found.prompts[reference(version.name, None, version.version)] = version


def _held(document: Document, held: Mapping[str, Following]) -> Document:
    """A Route that goes on to say what it said."""
    if not isinstance(document, Route) or (following := held.get(document.metadata.qualified_name)) is None:
        return document
    prompt = document.spec.prompt
    if prompt is None or prompt.reference != following.said.reference:
        return document
    spec = document.spec.model_copy(update={"prompt": _at(prompt, following.stable)})
    return document.model_copy(update={"spec": spec})


def _at(prompt: RoutePrompt, version: PinnedPrompt) -> RoutePrompt:
    """The same prompt in one version."""
    return prompt.model_copy(update={"alias": None, "version": version.version})
