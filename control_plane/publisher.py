"""Publisher: the one way in which documents change.

Each write is one transaction: decided, compiled, written down, published. Used by the API's write operations, and once
at the start of the process.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from control_plane.models.pinning import ModelPinning
from control_plane.pinning import Pinning, Plan
from control_plane.spec.base import nearest
from control_plane.spec.compile import compile
from control_plane.spec.documents import Document, Prompt, Route, Tenant, dump, parse
from control_plane.spec.errors import Code, FieldError, TiermeshError
from control_plane.spec.prompts import PinnedPrompt, Pins, reference
from control_plane.spec.records import Applied, Change, Outcome, Revision
from control_plane.spec.served import base_of
from control_plane.spec.snapshots import Snapshot, digest
from control_plane.store import audit, model_pins, pins, revisions, snapshots
from control_plane.store.database import Database, Transaction
from control_plane.store.model_pins import ModelPin
from control_plane.store.pins import Pin
from control_plane.store.provenance import Origin, Provenance
from control_plane.store.revisions import Key, document_sha256

logger = logging.getLogger(__name__)

HERE = Origin()
"""Where the control plane's own writes come from."""

Heads = Mapping[Key, Revision]
Wanted = Mapping[Key, dict[str, Any] | None]
"""What documents shall say; None: that there shall be none."""


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

    def apply(
        self,
        documents: Iterable[Document],
        author: str,
        reason: str = "",
        dry_run: bool = False,
        origin: Origin = HERE,
    ) -> Applied:
        """Create or change all documents, or none. `dry_run` does the same work and takes it back.

        Raises TiermeshError: INVALID_DOCUMENT where they do not fit together with those in force, UNAVAILABLE where
        they need what MLflow alone knows, and it is away.
        """
        documents = list(documents)
        wanted, by = _by_key(documents), self._by(author, reason, origin)
        plan = self.pinning.plan(documents) if self.pinning else Plan()
        versions = self.models.plan(documents) if self.models else {}
        if self.pinning and plan.unwritten and not dry_run:
            # All fits before MLflow hears of it.
            self._write("apply", lambda _transaction, _heads: wanted, by, True, plan.pins, versions)
            self.pinning.write(plan.unwritten, author, reason)
            plan = self.pinning.plan(documents)
        return self._write("apply", lambda _transaction, _heads: wanted, by, dry_run, plan.pins, versions)

    def delete(self, kind: str, name: str, author: str, reason: str = "", origin: Origin = HERE) -> Applied:
        """Delete one document.

        Raises TiermeshError: NOT_FOUND with the nearest name, CONFLICT with the documents that name it.
        """

        def decide(_transaction: Transaction, heads: Heads) -> Wanted:
            in_force = documents_in_force(heads)
            _refuse_absent(kind, name, in_force)
            _refuse_named(kind, name, in_force)
            return {(kind, name): None}

        return self._write("delete", decide, self._by(author, reason, origin))

    def rollback(self, number: int, author: str, reason: str = "", origin: Origin = HERE) -> Applied:
        """Restore the documents that snapshot `number` was compiled from, as new revisions, and publish them.

        What is in force afterwards is again what the documents say, so that a later apply does not undo it. Prompts
        and models are again the versions of that snapshot, and stay them until their aliases move again.
        Raises TiermeshError(NOT_FOUND).
        """
        with self.database.read() as transaction:
            then, stored = snapshots.get(transaction, number), pins.read(transaction)
            versions = model_pins.read(transaction)

        def decide(transaction: Transaction, heads: Heads) -> Wanted:
            if then is None:
                raise no_such_snapshot(number)
            restored = {_key(old): old.document for old in revisions.of_snapshot(transaction, number)}
            return {key: None for key, head in heads.items() if not head.deleted} | restored

        held = _held(then, stored) if then else {}
        held_models = model_pins.held(then.content, versions) if then else {}
        by = self._by(author, reason or f"rollback to snapshot {number}", origin)
        return self._write("rollback", decide, by, pins_given=held, models_given=held_models)

    def repin(
        self, given: Mapping[str, Pin], author: str, reason: str, dry_run: bool = False, origin: Origin = HERE
    ) -> Applied:
        """Let references stand for other versions, where Routes name them.

        Raises TiermeshError(INVALID_DOCUMENT) where a Route does not fit the version.
        """
        return self._write("alias", lambda _transaction, _heads: {}, self._by(author, reason, origin), dry_run, given)

    def repin_models(self, given: Mapping[str, ModelPin], author: str, reason: str, origin: Origin = HERE) -> Applied:
        """Let references stand for other versions, where Models name them."""
        by = self._by(author, reason, origin)
        return self._write("alias", lambda _transaction, _heads: {}, by, models_given=given)

    def reconcile(self) -> Applied:
        """Publish what the documents compile to, where a new setting or version of the program changed that."""
        by = self._by("control-plane", "compiled anew at the start: the settings or the program changed")
        return self._write("reconcile", lambda _transaction, _heads: {}, by)

    def _by(self, author: str, reason: str, origin: Origin = HERE) -> Provenance:
        return Provenance(author, reason, self.now(), origin)

    def _write(
        self,
        action: str,
        decide: Callable[[Transaction, Heads], Wanted],
        by: Provenance,
        dry_run: bool = False,
        pins_given: Mapping[str, Pin] = MappingProxyType({}),
        models_given: Mapping[str, ModelPin] = MappingProxyType({}),
    ) -> Applied:
        with self.database.write(keep=not dry_run) as transaction:
            heads = revisions.heads(transaction)
            wanted = decide(transaction, heads)
            changes = tuple(_change(key, document, heads.get(key)) for key, document in wanted.items())
            written = {
                key: revisions.append(transaction, key, change.generation, document, by)
                for (key, document), change in zip(wanted.items(), changes, strict=True)
                if change.outcome is not Outcome.UNCHANGED
            }
            before = snapshots.latest(transaction)
            after = self._publish(transaction, {**heads, **written}, before, by, pins_given, models_given)
            published = after is not before
            if written or published:
                audit.written(transaction, action, by, changes, None if after is None else after.number)
        if after is not None and published and not dry_run:
            self.on_publish(after)
        applied = Applied(changes=changes, snapshot=after and after.number, published=published, dryRun=dry_run)
        if changes or published:
            fields = {"author": by.author, **applied.model_dump(mode="json")}
            logger.info("documents written", extra={"fields": fields})
        return applied

    def _publish(
        self,
        transaction: Transaction,
        heads: Heads,
        before: Snapshot | None,
        by: Provenance,
        pins_given: Mapping[str, Pin],
        models_given: Mapping[str, ModelPin],
    ) -> Snapshot | None:
        if not heads:
            return before
        documents = documents_in_force(heads).values()
        known = {**pins.read(transaction), **pins_given}
        versions = model_pins.used({**model_pins.read(transaction), **models_given}, documents)
        prompts = {name: pin.prompt for name, pin in known.items()}
        content = compile(documents, self.serve_url, Pins(prompts, {name: pin.model for name, pin in versions.items()}))
        model_pins.keep(transaction, versions)
        named = {said.reference for one in documents if isinstance(one, Route) and (said := one.spec.prompt)}
        pins.keep(transaction, {name: pin for name, pin in known.items() if name in named})
        if before is not None and before.sha256 == digest(content):
            return before
        in_force = (head for head in heads.values() if not head.deleted)
        return snapshots.append(transaction, content, in_force, by)


def _held(then: Snapshot, stored: Mapping[str, Pin]) -> dict[str, Pin]:
    """The pins that a snapshot was compiled with. What the registry was last seen to say stays what it is: a held
    version is left for another once that changes."""
    held: dict[str, Pin] = {}
    for prompt in (route.prompt for route in then.content.routes if route.prompt):
        name = reference(prompt.name, prompt.alias, prompt.version)
        said = {**prompt.said(), "name": prompt.name, "version": prompt.version}
        observed = stored[name].observed if name in stored else prompt.version
        held[name] = Pin(reference=name, prompt=PinnedPrompt.model_validate(said), observed=observed)
    return held


def documents_in_force(heads: Heads) -> dict[Key, Document]:
    """The documents that were not deleted."""
    return {key: parse(head.document) for key, head in heads.items() if head.document is not None}


def no_such_snapshot(number: int) -> TiermeshError:
    """The error for a number that was never published."""
    return TiermeshError(
        Code.NOT_FOUND, f"There is no snapshot {number}.", "'tiermesh snapshot list' shows those there are."
    )


def no_such_document(kind: str, name: str, names: Iterable[str]) -> TiermeshError:
    """The error for a name that stands for nothing; `names` are those that do."""
    known = sorted(names)
    near = nearest(name, known)
    hint = f"Did you mean {near!r}?" if near else f"There are: {', '.join(known) or 'none'}."
    return TiermeshError(Code.NOT_FOUND, f"There is no {kind} {name!r}.", hint)


def _change(key: Key, document: dict[str, Any] | None, head: Revision | None) -> Change:
    absent = head is None or head.deleted
    if head is not None and head.sha256 == document_sha256(document):
        outcome = Outcome.UNCHANGED
    elif document is None:
        outcome = Outcome.DELETED
    else:
        outcome = Outcome.CREATED if absent else Outcome.CHANGED
    generation = (head.generation if head else 0) + (outcome is not Outcome.UNCHANGED)
    return Change(kind=key[0], name=key[1], generation=generation, outcome=outcome)


def _key(revision: Revision) -> Key:
    return revision.kind, revision.name


def _by_key(documents: Iterable[Document]) -> Wanted:
    wanted: dict[Key, dict[str, Any]] = {}
    for index, document in enumerate(documents):
        key = (document.kind, document.metadata.name)
        if key in wanted:
            raise TiermeshError(
                Code.INVALID_DOCUMENT,
                f"{key[0]} {key[1]!r} stands twice among the documents.",
                "Keep one of them; nothing was changed.",
                errors=(FieldError(f"documents[{index}].metadata.name", "stands twice"),),
            )
        wanted[key] = dump(document)
    return wanted


def _refuse_absent(kind: str, name: str, in_force: Mapping[Key, Document]) -> None:
    if (kind, name) not in in_force:
        raise no_such_document(kind, name, (known for its_kind, known in in_force if its_kind == kind))


def _refuse_named(kind: str, name: str, in_force: Mapping[Key, Document]) -> None:
    users = [f"{by} {user!r}" for (by, user), document in in_force.items() if (kind, name) in _named(document)]
    if users:
        raise TiermeshError(
            Code.CONFLICT,
            f"{kind} {name!r} is named by {', '.join(users)}.",
            "Apply them without it first, or delete them; nothing was changed.",
        )


def _named(document: Document) -> set[Key]:
    """The documents that a document names."""
    if isinstance(document, Tenant):
        return {("Route", name) for name in document.spec.routes or ()}
    if isinstance(document, Route):
        tiers, resilience = document.spec.tiers, document.spec.resilience
        mirrored = (resilience.mirror.model,) if resilience.mirror else ()
        return {("Model", base_of(name)) for name in tiers.light + tiers.heavy + resilience.fallbacks + mirrored}
    if isinstance(document, Prompt):
        return set()
    passages = document.spec.generation and document.spec.generation.passages
    return {("Model", passages.model)} if passages else set()
