"""Publisher: the one way in which documents change.

Each write is one transaction: decided, compiled, written down, published. Used by the API's write operations, and by
whoever leads at the start. What has to be asked of MLflow is asked before the transaction begins.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, NamedTuple

from control_plane import periods, trials
from control_plane.compiler import Compiled, Compiler
from control_plane.models.pinning import ModelPinning
from control_plane.outcomes import asking
from control_plane.pinning import Pinning, Plan
from control_plane.refusals import no_such_snapshot, refuse_absent, refuse_managed, refuse_named, refuse_stale
from control_plane.spec.courses import Pinned
from control_plane.spec.differences import of_contents
from control_plane.spec.documents import Document, stored
from control_plane.spec.errors import Code, FieldError, TiermeshError
from control_plane.spec.names import TIERMESH, Key
from control_plane.spec.prompts import PinnedPrompt, Pins, reference
from control_plane.spec.records import Applied, Change, Difference, Outcome, Revision
from control_plane.spec.references import prompts as prompts_of
from control_plane.spec.references import routers as routers_of
from control_plane.spec.snapshots import Content, Snapshot
from control_plane.store import artifacts, audit, model_pins, pins, promises, revisions, snapshots
from control_plane.store.database import Database, Transaction
from control_plane.store.heads import Heads
from control_plane.store.model_pins import ModelPin
from control_plane.store.pins import Pin
from control_plane.store.provenance import Origin, Provenance
from control_plane.store.revisions import document_sha256

logger = logging.getLogger(__name__)

HERE = Origin()
"""Where the control plane's own writes come from."""

InForce = Mapping[Key, Revision]


class Wanted(NamedTuple):
    """What one document shall say."""

    document: dict[str, Any] | None
    """None: that there shall be none."""
    base: str | None = None
    """The resourceVersion that the write was made from; None where that does not matter."""


Decide = Callable[[Transaction, InForce], Mapping[Key, Wanted]]
_ALIAS = "alias"
"""The write that lets references stand for other versions."""


@dataclass(frozen=True, slots=True)
class _Write:
    """A write to be carried out."""

    action: str
    """What the audit calls it."""
    by: Provenance
    decide: Decide = lambda _transaction, _heads: {}
    manager: str = TIERMESH
    dry_run: bool = False
    prompts: Mapping[str, Pin] = field(default_factory=dict)
    models: Mapping[str, ModelPin] = field(default_factory=dict)
    """What references stand for from now on, beside what they stand for already."""
    restores: Snapshot | None = None
    """Whose documents it restores."""
    also: tuple[str, ...] = ()
    """What else it does, for the audit."""
    then: Callable[[Transaction, int | None], None] = lambda _transaction, _number: None
    """Done last, with the number of what is in force then."""


@dataclass(frozen=True, slots=True)
class Publisher:
    """Turns writes into revisions and snapshots."""

    database: Database
    serve_url: str
    """Where Ray Serve listens, for `compile`."""
    on_publish: Callable[[Snapshot], None]
    """Called after the transaction, in the writing thread: wakes who waits for a snapshot."""
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    pinning: Pinning | None = None
    """Asks MLflow; None where no document may name a prompt."""
    models: ModelPinning | None = None
    """The same for versions of models."""
    heads: Heads = field(default_factory=Heads)
    compiler: Compiler = field(default_factory=Compiler)

    def apply(
        self,
        documents: Iterable[Document],
        author: str,
        reason: str = "",
        dry_run: bool = False,
        manager: str = TIERMESH,
        origin: Origin = HERE,
        deleted: Iterable[Key] = (),
    ) -> Applied:
        """Create or change all documents and see that those `deleted` are not there, or do nothing. `dry_run` does the
        same work and takes it back.

        Raises TiermeshError: INVALID_DOCUMENT where they do not fit together with those in force, CONFLICT where one
        was made from another version than the one in force, belongs to another `manager`, or is to go and is named by
        one that stays, UNAVAILABLE where they need what MLflow alone knows, and it is away.
        """
        documents = list(documents)
        wanted = _by_key(documents)
        going = [key for key in deleted if key not in wanted]
        plan = self.pinning.plan(documents) if self.pinning else Plan()
        versions = self.models.plan(documents) if self.models else {}
        by = self._by(author, reason, origin)

        def decide(_transaction: Transaction, heads: InForce) -> Mapping[Key, Wanted]:
            if not going:
                return wanted
            in_force = self.compiler.documents(heads)
            stay = {key: one for key, one in in_force.items() if key not in going}
            refuse_named(going, {**stay, **{document.key: document for document in documents}})
            return {key: Wanted(None) for key in going if key in in_force} | wanted

        write = _Write("apply", by, decide, manager, dry_run, plan.pins, versions)
        if self.pinning and plan.unwritten and not dry_run:
            # All fits before MLflow hears of it.
            self._write(replace(write, dry_run=True))
            self.pinning.write(plan.unwritten, author, reason)
            write = replace(write, prompts=self.pinning.plan(documents).pins)
        return self._write(write)

    def delete(
        self,
        key: Key,
        author: str,
        reason: str = "",
        base: str | None = None,
        manager: str = TIERMESH,
        origin: Origin = HERE,
    ) -> Applied:
        """Delete one document; with `base`, only in that version.

        Raises TiermeshError: NOT_FOUND with the nearest name, CONFLICT with the documents that name it or as `apply`.
        """

        def decide(_transaction: Transaction, heads: InForce) -> Mapping[Key, Wanted]:
            in_force = self.compiler.documents(heads)
            refuse_stale(key, base, heads.get(key), None)
            refuse_absent(key, in_force)
            refuse_named([key], in_force)
            return {key: Wanted(None, base)}

        return self._write(_Write("delete", self._by(author, reason, origin), decide, manager))

    def rollback(
        self, number: int, author: str, reason: str = "", manager: str = TIERMESH, origin: Origin = HERE
    ) -> Applied:
        """Restore the documents that snapshot `number` was compiled from, as new revisions, and publish them.

        What is in force afterwards is again what the documents say, so that a later apply does not undo it. Prompts
        and models are again the versions of that snapshot, and stay them until their aliases move again.
        Raises TiermeshError: NOT_FOUND; CONFLICT where it would change a document of another `manager`, who would only
        change it back.
        """
        with self.database.read() as transaction:
            then = snapshots.get(transaction, number)
            prompts, versions = pins.read(transaction), model_pins.read(transaction)
        if then is None:
            raise no_such_snapshot(number)

        def decide(transaction: Transaction, heads: InForce) -> Mapping[Key, Wanted]:
            restored = {old.key: Wanted(old.document) for old in revisions.of_snapshot(transaction, number)}
            return {key: Wanted(None) for key, head in heads.items() if not head.deleted} | restored

        by = self._by(author, reason or f"rollback to snapshot {number}", origin)
        held, held_models = _held(then, prompts), model_pins.held(then.content, versions)
        return self._write(_Write("rollback", by, decide, manager, prompts=held, models=held_models, restores=then))

    def repin(
        self, given: Mapping[str, Pin], author: str, reason: str, dry_run: bool = False, origin: Origin = HERE
    ) -> Applied:
        """Let references stand for other versions, where Routes name them.

        Raises TiermeshError(INVALID_DOCUMENT) where a Route does not fit the version.
        """
        return self._write(_Write(_ALIAS, self._by(author, reason, origin), dry_run=dry_run, prompts=given))

    def repin_models(
        self, given: Mapping[str, ModelPin], author: str, reason: str, dry_run: bool = False, origin: Origin = HERE
    ) -> Applied:
        """Let references stand for other versions, where Models name them.

        Raises TiermeshError(INVALID_DOCUMENT) where a Model has the name of one that a Rollout would begin with.
        """
        return self._write(_Write(_ALIAS, self._by(author, reason, origin), dry_run=dry_run, models=given))

    def steer(
        self,
        action: str,
        also: tuple[str, ...],
        decide: Decide,
        then: Callable[[Transaction, int | None], None],
        author: str,
        reason: str,
        origin: Origin = HERE,
    ) -> Applied:
        """Carry out a step of an Experiment or a Rollout: what `decide` writes down of it, the documents that it wants,
        the snapshot that they come to and what `then` writes down are one transaction.

        Raises TiermeshError as `apply`, and what `decide` raises.
        """
        return self._write(_Write(action, self._by(author, reason, origin), decide, also=also, then=then))

    def reconcile(self) -> Applied:
        """Publish what the documents compile to, where a new setting or version of the program changed that."""
        reason = "compiled anew at the start: the settings or the program changed"
        return self._write(_Write("reconcile", self._by("control-plane", reason)))

    def _by(self, author: str, reason: str, origin: Origin = HERE) -> Provenance:
        return Provenance(author, reason, self.now(), origin)

    def _write(self, write: _Write) -> Applied:
        keep, by = not write.dry_run, write.by
        with self.database.write(keep) as transaction, self.compiler.round(keep):
            heads = self.heads.at(transaction)
            wanted = write.decide(transaction, heads)
            changes = tuple(_change(key, one, heads.get(key), write.manager) for key, one in wanted.items())
            written = {
                key: revisions.append(transaction, key, change.generation, one.document, by)
                for (key, one), change in zip(wanted.items(), changes, strict=True)
                if change.outcome is not Outcome.UNCHANGED
            }
            self.heads.expect(written.values())
            outcome = self._publish(transaction, {**heads, **written}, write)
            write.then(transaction, outcome.number)
            also = (*write.also, *outcome.also)
            if written or also or outcome.snapshot is not None:
                audit.written(transaction, write.action, by, changes, outcome.number, also)
            if outcome.compiled is not None and keep:
                self.compiler.settle(outcome.compiled)
        if outcome.snapshot is not None and keep:
            self.on_publish(outcome.snapshot)
        applied = Applied(
            changes=changes,
            snapshot=outcome.number,
            published=outcome.snapshot is not None,
            dryRun=write.dry_run,
            diff=outcome.diff,
            diffComplete=outcome.diff_complete,
            rollouts=outcome.also,
        )
        if changes or applied.published:
            said = applied.model_dump(mode="json", exclude={"diff", "diff_complete"})
            logger.info("documents written", extra={"fields": {"author": by.author, **said}})
        return applied

    def _publish(self, transaction: Transaction, heads: InForce, write: _Write) -> "_Published":
        before = snapshots.in_force(transaction)
        if not heads:
            return _Published(before and before.number)
        documents = list(self.compiler.documents(heads).values())
        pinned, also = self._pins(transaction, documents, write)
        under_way = trials.under_way(transaction, documents)
        compiled = self.compiler.compile(under_way.documents, self.serve_url, under_way.pins(pinned))
        if before is not None and before.sha256 == compiled.sha256:
            found = _Published(before.number, compiled, also=also)
        else:
            was = Content() if before is None else self._content(transaction, before)
            last = max(head.id for head in heads.values())
            published = snapshots.append(transaction, compiled.content, last, write.by, compiled.text)
            periods.note(transaction, published.number, was, compiled.content)
            found = _Published(published.number, compiled, published, *of_contents(was, compiled.content), also)
        asking.ask(transaction, trials.named(documents))
        return found

    def _pins(self, transaction: Transaction, documents: list[Document], write: _Write) -> tuple[Pins, tuple[str, ...]]:
        """What the documents' references stand for from now on, written down, and what Rollouts have to do with it.
        Those that nobody names are forgotten."""
        before, models_before = pins.read(transaction), model_pins.read(transaction)
        prompts = {**before, **write.prompts}
        models = model_pins.used({**models_before, **write.models}, documents)
        named = {said.reference for one in documents for _, said in prompts_of(one)}
        model_pins.keep(transaction, models)
        pins.keep(transaction, {name: pin for name, pin in prompts.items() if name in named})
        texts = {name: pin.prompt for name, pin in prompts.items()}
        weights = {name: pin.model for name, pin in models.items()}
        leads: Mapping[str, Pinned] = {**texts, **weights}
        also: list[str] = []
        if write.action == _ALIAS:
            led: dict[str, Pinned] = {name: pin.prompt for name, pin in before.items()}
            led |= {name: pin.model for name, pin in models_before.items()}
            also = trials.changed(transaction, documents, led, leads, write.by.author, write.by.at)
        elif write.restores is not None:
            also = trials.restored(transaction, documents, write.restores, leads, write.by.author, write.by.at)
        routers = artifacts.summaries(transaction, routers_of(documents))
        return Pins(texts, weights, routers=routers, broken=promises.broken(transaction)), tuple(also)

    def _content(self, transaction: Transaction, one: snapshots.InForce) -> Content:
        """What is in force: as compiled here, or else as another process wrote it down."""
        if (known := self.compiler.known(one.sha256)) is not None:
            return known
        found = snapshots.get(transaction, one.number)
        return found.content if found else Content()


class _Published(NamedTuple):
    """What is in force at the end of a write."""

    number: int | None
    compiled: Compiled | None = None
    snapshot: Snapshot | None = None
    """None where it is the one of before."""
    diff: tuple[Difference, ...] = ()
    diff_complete: bool = True
    also: tuple[str, ...] = ()
    """What Rollouts begin with it."""


def _held(then: Snapshot, stored: Mapping[str, Pin]) -> dict[str, Pin]:
    """The pins that a snapshot was compiled with. What the registry was last seen to say stays what it is: a held
    version is left for another once that changes."""
    held: dict[str, Pin] = {}
    routes = then.content.routes
    said_by = [route.prompt for route in routes]
    said_by += [arm.prompt for route in routes for trial in route.trials for arm in trial.arms]
    for prompt in filter(None, said_by):
        name = reference(prompt.name, prompt.alias, prompt.version)
        said = {**prompt.said(), "name": prompt.name, "version": prompt.version}
        observed = stored[name].observed if name in stored else prompt.version
        held[name] = Pin(reference=name, prompt=PinnedPrompt.model_validate(said), observed=observed)
    return held


def _change(key: Key, wanted: Wanted, head: Revision | None, manager: str) -> Change:
    document, absent = wanted.document, head is None or head.deleted
    refuse_stale(key, wanted.base, head, document)
    if (absent and document is None) or (head is not None and head.sha256 == document_sha256(document)):
        outcome = Outcome.UNCHANGED
    elif document is None:
        outcome = Outcome.DELETED
    else:
        outcome = Outcome.CREATED if absent else Outcome.CHANGED
    changes = outcome is not Outcome.UNCHANGED
    if changes:
        refuse_managed(key, head, manager)
    generation = (head.generation if head else 0) + changes
    return Change(**key._asdict(), generation=generation, outcome=outcome)


def _by_key(documents: Iterable[Document]) -> dict[Key, Wanted]:
    wanted: dict[Key, Wanted] = {}
    for index, document in enumerate(documents):
        if document.key in wanted:
            raise TiermeshError(
                Code.INVALID_DOCUMENT,
                f"{document.key} stands twice among the documents.",
                "Keep one of them; nothing was changed.",
                errors=(FieldError(f"documents[{index}].metadata.name", "stands twice"),),
            )
        wanted[document.key] = Wanted(stored(document), document.metadata.resource_version)
    return wanted
