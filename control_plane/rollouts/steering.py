"""Steering: carries out what the state machine decides, and what people command.

A decision, the weights that it sets, the snapshot that says so to the routers, the Route that it writes, its history
and its audit entry are one transaction. Nothing of it is kept elsewhere, so that a control plane that ends at any
moment goes on where it was, and two that believe to lead do no harm: who comes second finds that the turn has passed.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from control_plane import serving
from control_plane.publisher import HERE, InForce, Publisher, Wanted
from control_plane.refusals import no_such_document
from control_plane.rollouts import machine
from control_plane.rollouts.changes import route_of
from control_plane.rollouts.machine import Decided
from control_plane.rollouts.promotion import promoted
from control_plane.spec.courses import Command, Course, Evidence, Phase, RolloutStatus
from control_plane.spec.documents import Model, Rollout, parse
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.names import TIERMESH, Key, qualified
from control_plane.spec.records import Applied, Revision
from control_plane.store import revisions, rollouts, snapshots
from control_plane.store.database import Transaction
from control_plane.store.provenance import Origin
from control_plane.trials import decision, spec_sha256

logger = logging.getLogger(__name__)

_PASSING = frozenset({Code.UNAVAILABLE})
_ANYWHERE = frozenset({Command.ABORT, Command.PAUSE})
"""Meant whichever step a Rollout has come to meanwhile."""
_TRIES = 5


Shown = Callable[[Transaction, Rollout], Evidence]
"""What is known of a Rollout now."""
Missing = Callable[[Iterable[Model]], str | None]
"""Why one of these Models does not answer yet; None where all do."""


class _Found(NamedTuple):
    """A Rollout as it is at one moment."""

    rollout: Rollout
    course: Course
    turn: int
    """How often its course was written."""
    snapshot: int | None
    """In force."""
    evidence: Evidence
    needs: tuple[Model, ...]
    """What has to answer before it begins."""


class _Overtaken(TiermeshError):
    """Somebody was faster."""

    def __init__(self, name: str) -> None:
        super().__init__(Code.CONFLICT, f"Rollout {name!r} went on meanwhile.", "Look at its status, and say it again.")


@dataclass(frozen=True, slots=True)
class Rollouts:
    """All Rollouts of this control plane."""

    publisher: Publisher
    shown: Shown
    missing: Missing = lambda _models: None

    def follow(self) -> int:
        """Look at each once, and do what is to be done. Returns how many decisions that were.

        One that cannot go on keeps no other from it. Raises TiermeshError(UNAVAILABLE).
        """
        return sum([self._look(key) for key in self._keys()])

    def command(
        self,
        key: Key,
        command: Command,
        author: str,
        reason: str = "",
        *,
        full: bool = False,
        step: int | None = None,
        origin: Origin = HERE,
    ) -> RolloutStatus:
        """Do what somebody says; with `step`, only while that one is under way.

        Raises TiermeshError: NOT_FOUND; CONFLICT where it makes no sense now, or somebody else alone may write the
        Route; INVALID_DOCUMENT where the documents do not fit it.
        """
        for tries_left in reversed(range(_TRIES if command in _ANYWHERE else 1)):
            found = self._find(key)
            course = found.course
            if step is not None and step != course.step:
                raise _Overtaken(key.name)
            decided = machine.obey(found.rollout.spec, course, command, self.publisher.now(), full)
            if (owner := self._owner(found, decided)) is not None:
                raise TiermeshError(Code.CONFLICT, owner, "Write there what the candidate does: the rollout then ends.")
            try:
                self._carry_out(found, decided, f"rollout {command.value}", author, reason, origin)
                break
            except _Overtaken:
                if not tries_left:
                    raise
        return self.status(key)

    def status(self, key: Key) -> RolloutStatus:
        """How far one is. Raises TiermeshError(NOT_FOUND)."""
        found = self._find(key)
        rollout, course = found.rollout, found.course
        with self.publisher.database.read() as transaction:
            history = rollouts.history(transaction, rollout.metadata.qualified_name)
        return RolloutStatus(
            name=key.name,
            namespace=key.namespace,
            route=rollout.spec.route,
            phase=course.phase,
            step=course.step,
            steps=rollout.spec.steps,
            since=course.since if found.turn else None,
            weight=course.weight,
            mirror=course.mirror,
            paused=course.paused_at is not None,
            following=", ".join(map(str, course.following)) or None,
            problem=course.problem,
            evidence=found.evidence,
            history=history,
        )

    def _keys(self) -> list[Key]:
        """Those that are there. What was begun for one that is not is forgotten, so that it begins anew if it comes
        again."""
        with self.publisher.database.read() as transaction:
            heads = revisions.heads(transaction, "Rollout")
            known = rollouts.read(transaction)
        there = [key for key, head in heads.items() if not head.deleted]
        gone = set(known) - {qualified(key.namespace, key.name) for key in there}
        if gone:
            with self.publisher.database.write() as transaction:
                for name in gone:
                    rollouts.forget(transaction, name)
        return there

    def _look(self, key: Key) -> int:
        done = 0
        try:
            while self._go_on(self._find(key)):
                done += 1
        except _Overtaken:
            logger.info("a rollout was commanded meanwhile", extra={"fields": {"rollout": str(key)}})
        except TiermeshError as error:
            if error.code in _PASSING:
                raise
            logger.warning("a rollout cannot go on", extra={"fields": {"rollout": str(key), "why": str(error)}})
        return done

    def _go_on(self, found: _Found) -> bool:
        """Do the next thing; whether there was one."""
        spec, course, now = found.rollout.spec, found.course, self.publisher.now()
        decided = machine.advance(spec, course, found.evidence, now)
        if (owner := self._owner(found, decided)) is not None:
            decided = machine.wait_for_route(spec, course, owner)
        elif course.phase is Phase.PENDING and decided.reasons and (problem := self.missing(found.needs)) is not None:
            decided = machine.wait_for_models(course, problem)
        known = course.refused is not None and course.refused == found.snapshot
        if not decided.reasons or (known and not decided.course.phase.over):
            return False
        try:
            self._decide(found, decided)
        except TiermeshError as error:
            if error.code is not Code.INVALID_DOCUMENT:
                raise
            problem = error.message
            ends = decided.course.phase is Phase.PROMOTED
            refused = machine.fail(course, problem, now) if ends else machine.block(course, problem, found.snapshot)
            self._decide(found, refused)
            return ends
        return True

    def _decide(self, found: _Found, decided: Decided) -> None:
        author = f"rollout {found.rollout.metadata.qualified_name}"
        self._carry_out(found, decided, f"rollout {decided.course.phase.value}", author)

    def _carry_out(
        self, found: _Found, decided: Decided, action: str, author: str, reason: str = "", origin: Origin = HERE
    ) -> Applied:
        name, course = found.rollout.metadata.qualified_name, decided.course
        text = "; ".join(each.text for each in decided.reasons)
        what = f"Rollout/{name} {course.phase.value}, step {course.step}, weight {course.weight:g}: {text}"

        def decide(transaction: Transaction, heads: InForce) -> Mapping[Key, Wanted]:
            self._refuse_overtaken(transaction, heads, found)
            rollouts.put(transaction, name, course)
            return _wanted(heads, found.rollout, course)

        def then(transaction: Transaction, number: int | None) -> None:
            made = decision(course, decided.reasons, author, self.publisher.now(), number)
            rollouts.note(transaction, name, made)

        return self.publisher.steer(action, (what,), decide, then, author, reason or text, origin)

    def _refuse_overtaken(self, transaction: Transaction, heads: InForce, found: _Found) -> None:
        head = heads.get(found.rollout.key)
        stored = rollouts.get(transaction, found.rollout.metadata.qualified_name)
        same = head is not None and head.document is not None and _read(head).spec == found.rollout.spec
        if not same or (stored.turn if stored else 0) != found.turn:
            raise _Overtaken(found.rollout.metadata.qualified_name)

    def _find(self, key: Key) -> _Found:
        with self.publisher.database.read() as transaction:
            head = revisions.head(transaction, key)
            if head is None or head.deleted:
                raise no_such_document(key, revisions.heads(transaction, key.kind))
            rollout = _read(head)
            stored = rollouts.get(transaction, rollout.metadata.qualified_name)
            course = self._course(rollout, stored.course if stored else None)
            evidence = self.shown(transaction, rollout) if course.under_way else Evidence()
            in_force = snapshots.in_force(transaction)
            begins = course.phase is Phase.PENDING
            needs = tuple(serving.beside(transaction, rollout, course.following)) if begins else ()
        turn, number = stored.turn if stored else 0, in_force.number if in_force else None
        return _Found(rollout, course, turn, number, evidence, needs)

    def _course(self, rollout: Rollout, stored: Course | None) -> Course:
        """What was begun for the document as it is, or else a beginning: of the change that another form of it was
        about, where it follows changes."""
        sha256 = spec_sha256(rollout)
        if stored is not None and stored.spec == sha256:
            return stored
        following = stored.following if stored and rollout.spec.on_change else ()
        return machine.begin(sha256, self.publisher.now(), following)

    def _owner(self, found: _Found, decided: Decided) -> str | None:
        """Why the Route cannot be written, where it has to be."""
        if decided.course.phase is not Phase.PROMOTED or not decided.reasons or found.rollout.spec.override is None:
            return None
        with self.publisher.database.read() as transaction:
            head = revisions.head(transaction, route_of(found.rollout))
        document = head.document if head else None
        owner = document and document["metadata"].get("managedBy")
        if not owner or owner == TIERMESH or promoted(document or {}, found.rollout.spec.override) == document:
            return None
        return (
            f"Route {found.rollout.spec.route!r} is managed by {owner!r}, who alone may write what the candidate does"
        )


def _read(head: Revision) -> Rollout:
    document = parse(head.document)
    assert isinstance(document, Rollout)  # it has the key of one
    return document


def _wanted(heads: InForce, rollout: Rollout, course: Course) -> dict[Key, Wanted]:
    """The Route, as it is after the promotion. A change of an alias needs none: what it names says something else."""
    key, override = route_of(rollout), rollout.spec.override
    head = heads.get(key)
    if course.phase is not Phase.PROMOTED or override is None or head is None or head.document is None:
        return {}
    return {key: Wanted(promoted(head.document, override))}
