"""Publisher: the one way in which documents change.

Each write is one transaction: decided, compiled, written down, published. Used by the API's write operations, and by
whoever leads at the start.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from control_plane.compiler import Compiled, Compiler
from control_plane.refusals import no_such_snapshot, refuse_absent, refuse_managed, refuse_named, refuse_stale
from control_plane.spec.differences import of_contents
from control_plane.spec.documents import Document, stored
from control_plane.spec.errors import Code, FieldError, TiermeshError
from control_plane.spec.names import TIERMESH, Key
from control_plane.spec.records import Applied, Change, Difference, Outcome, Revision
from control_plane.spec.snapshots import Content, Snapshot
from control_plane.store import revisions, snapshots
from control_plane.store.database import Database, Transaction
from control_plane.store.heads import Heads
from control_plane.store.provenance import Provenance
from control_plane.store.revisions import document_sha256

logger = logging.getLogger(__name__)

InForce = Mapping[Key, Revision]


class Wanted(NamedTuple):
    """What one document shall say."""

    document: dict[str, Any] | None
    """None: that there shall be none."""
    base: str | None = None
    """The resourceVersion that the write was made from; None where that does not matter."""


@dataclass(frozen=True, slots=True)
class Publisher:
    """Turns writes into revisions and snapshots."""

    database: Database
    serve_url: str
    """Where Ray Serve listens, for `compile`."""
    on_publish: Callable[[Snapshot], None]
    """Called after the transaction, in the writing thread: wakes who waits for a snapshot."""
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    heads: Heads = field(default_factory=Heads)
    compiler: Compiler = field(default_factory=Compiler)

    def apply(
        self,
        documents: Iterable[Document],
        author: str,
        reason: str = "",
        dry_run: bool = False,
        manager: str = TIERMESH,
    ) -> Applied:
        """Create or change all documents, or none. `dry_run` does the same work and takes it back.

        Raises TiermeshError: INVALID_DOCUMENT where they do not fit together with those in force, CONFLICT where one
        was made from another version than the one in force, or belongs to another `manager`.
        """
        wanted = _by_key(documents)
        return self._write(lambda _transaction, _heads: wanted, self._by(author, reason), manager, dry_run)

    def delete(
        self, key: Key, author: str, reason: str = "", base: str | None = None, manager: str = TIERMESH
    ) -> Applied:
        """Delete one document; with `base`, only in that version.

        Raises TiermeshError: NOT_FOUND with the nearest name, CONFLICT with the documents that name it or as `apply`.
        """

        def decide(_transaction: Transaction, heads: InForce) -> Mapping[Key, Wanted]:
            in_force = self.compiler.documents(heads)
            refuse_stale(key, base, heads.get(key), None)
            refuse_absent(key, in_force)
            refuse_named(key, in_force)
            return {key: Wanted(None, base)}

        return self._write(decide, self._by(author, reason), manager)

    def rollback(self, number: int, author: str, reason: str = "", manager: str = TIERMESH) -> Applied:
        """Restore the documents that snapshot `number` was compiled from, as new revisions, and publish them.

        What is in force afterwards is again what the documents say, so that a later apply does not undo it.
        Raises TiermeshError: NOT_FOUND; CONFLICT where it would change a document of another `manager`, who would only
        change it back.
        """

        def decide(transaction: Transaction, heads: InForce) -> Mapping[Key, Wanted]:
            if not snapshots.exists(transaction, number):
                raise no_such_snapshot(number)
            restored = {old.key: Wanted(old.document) for old in revisions.of_snapshot(transaction, number)}
            return {key: Wanted(None) for key, head in heads.items() if not head.deleted} | restored

        return self._write(decide, self._by(author, reason or f"rollback to snapshot {number}"), manager)

    def reconcile(self) -> Applied:
        """Publish what the documents compile to, where a new setting or version of the program changed that."""
        by = self._by("control-plane", "compiled anew at the start: the settings or the program changed")
        return self._write(lambda _transaction, _heads: {}, by, TIERMESH)

    def _by(self, author: str, reason: str) -> Provenance:
        return Provenance(author, reason, self.now())

    def _write(
        self,
        decide: Callable[[Transaction, InForce], Mapping[Key, Wanted]],
        by: Provenance,
        manager: str,
        dry_run: bool = False,
    ) -> Applied:
        with self.database.write(keep=not dry_run) as transaction, self.compiler.round(keep=not dry_run):
            heads = self.heads.at(transaction)
            wanted = decide(transaction, heads)
            changes = tuple(_change(key, one, heads.get(key), manager) for key, one in wanted.items())
            written = {
                key: revisions.append(transaction, key, change.generation, one.document, by)
                for (key, one), change in zip(wanted.items(), changes, strict=True)
                if change.outcome is not Outcome.UNCHANGED
            }
            self.heads.expect(written.values())
            outcome = self._publish(transaction, {**heads, **written}, by)
            if outcome.compiled is not None and not dry_run:
                self.compiler.settle(outcome.compiled)
        if outcome.snapshot is not None and not dry_run:
            self.on_publish(outcome.snapshot)
        applied = Applied(
            changes=changes,
            snapshot=outcome.number,
            published=outcome.snapshot is not None,
            dryRun=dry_run,
            diff=outcome.diff,
            diffComplete=outcome.diff_complete,
        )
        if changes or applied.published:
            said = applied.model_dump(mode="json", exclude={"diff", "diff_complete"})
            logger.info("documents written", extra={"fields": {"author": by.author, **said}})
        return applied

    def _publish(self, transaction: Transaction, heads: InForce, by: Provenance) -> "_Published":
        before = snapshots.in_force(transaction)
        if not heads:
            return _Published(before and before.number)
        compiled = self.compiler.compile(heads, self.serve_url)
        if before is not None and before.sha256 == compiled.sha256:
            return _Published(before.number, compiled)
        was = Content() if before is None else self._content(transaction, before)
        last = max(head.id for head in heads.values())
        published = snapshots.append(transaction, compiled.content, last, by, compiled.text)
        return _Published(published.number, compiled, published, *of_contents(was, compiled.content))

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
