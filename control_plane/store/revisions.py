"""Revisions: every document as it was ever written. Rows are added and never touched again."""

import hashlib
from typing import Any

from sqlalchemy import Select, func, insert, select

from control_plane.spec.records import Revision
from control_plane.spec.snapshots import canonical
from control_plane.store.database import Transaction
from control_plane.store.provenance import Provenance
from control_plane.store.rows import record
from control_plane.store.tables import revisions, snapshot_revisions

Key = tuple[str, str]
"""Kind and name."""


def heads(transaction: Transaction) -> dict[Key, Revision]:
    """The last revision of every document, deletions included, by kind and name."""
    last = select(func.max(revisions.c.id)).group_by(revisions.c.kind, revisions.c.name)
    rows = transaction.execute(_ordered(select(revisions).where(revisions.c.id.in_(last))))
    return {(row.kind, row.name): record(Revision, row) for row in rows}


def history(transaction: Transaction, kind: str, name: str) -> list[Revision]:
    """All revisions of one document, newest first, with the snapshots that were compiled from them."""
    query = (
        select(
            revisions,
            func.min(snapshot_revisions.c.snapshot).label("first_snapshot"),
            func.max(snapshot_revisions.c.snapshot).label("last_snapshot"),
        )
        .outerjoin(snapshot_revisions, snapshot_revisions.c.revision == revisions.c.id)
        .where(revisions.c.kind == kind, revisions.c.name == name)
        .group_by(revisions.c.id)
        .order_by(revisions.c.id.desc())
    )
    return [record(Revision, row) for row in transaction.execute(query)]


def of_snapshot(transaction: Transaction, number: int) -> list[Revision]:
    """The revisions that a snapshot was compiled from, by kind and name."""
    query = select(revisions).join(snapshot_revisions).where(snapshot_revisions.c.snapshot == number)
    return [record(Revision, row) for row in transaction.execute(_ordered(query))]


def append(
    transaction: Transaction, key: Key, generation: int, document: dict[str, Any] | None, provenance: Provenance
) -> Revision:
    """Write one revision down; `document` None is a deletion."""
    values = {
        "kind": key[0],
        "name": key[1],
        "generation": generation,
        "deleted": document is None,
        "document": document,
        "sha256": document_sha256(document),
        "author": provenance.author,
        "reason": provenance.reason,
        "created_at": provenance.at,
    }
    identity = transaction.execute(insert(revisions).values(values)).inserted_primary_key
    assert identity is not None  # SQLAlchemy's type for the general case: this insert has a key
    return record(Revision, {**values, "id": identity[0]})


def document_sha256(document: dict[str, Any] | None) -> str:
    """sha256 of the canonical JSON, in hex: equal exactly where two documents say the same in the same words."""
    return hashlib.sha256(canonical(document)).hexdigest()


def _ordered(query: Select[Any]) -> Select[Any]:
    return query.order_by(revisions.c.kind, revisions.c.name)
