"""Revisions: every document as it was ever written. Rows are added and never touched again."""

import hashlib
from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, insert, or_, select

from control_plane.spec.names import DEFAULT_NAMESPACE, EVERY_NAMESPACE, Key
from control_plane.spec.records import Revision
from control_plane.spec.snapshots import canonical
from control_plane.store.database import Transaction
from control_plane.store.provenance import Provenance
from control_plane.store.rows import record
from control_plane.store.tables import revisions, snapshot_bounds

_IDENTITY = (revisions.c.kind, revisions.c.namespace, revisions.c.name)


def heads(
    transaction: Transaction,
    kind: str | None = None,
    namespace: str = EVERY_NAMESPACE,
    until: int | None = None,
) -> dict[Key, Revision]:
    """The last revision of every document, deletions included, by kind, namespace and name.

    `until` leaves out what was written after this revision.
    """
    last = select(func.max(revisions.c.id)).group_by(*_IDENTITY)
    if kind is not None:
        last = last.where(revisions.c.kind == kind)
    if namespace != EVERY_NAMESPACE:
        last = last.where(revisions.c.namespace == namespace)
    if until is not None:
        last = last.where(revisions.c.id <= until)
    query = select(revisions).where(revisions.c.id.in_(last)).order_by(*_IDENTITY)
    found = (record(Revision, row) for row in transaction.execute(query))
    return {head.key: head for head in found}


def head(transaction: Transaction, key: Key) -> Revision | None:
    """The last revision of one document, be it a deletion; None where it was never written."""
    query = select(revisions).where(*_is(key)).order_by(revisions.c.generation.desc()).limit(1)
    row = transaction.execute(query).first()
    return None if row is None else record(Revision, row)


def since(transaction: Transaction, revision: int) -> list[Revision]:
    """What was written after a revision, in order."""
    query = select(revisions).where(revisions.c.id > revision).order_by(revisions.c.id)
    return [record(Revision, row) for row in transaction.execute(query)]


def are_all_since(transaction: Transaction, revision: int, those: Sequence[Revision]) -> bool:
    """Whether these are what was written after a revision, in order. Reads no document."""
    columns = [
        revisions.c[name] for name in ("id", "kind", "namespace", "name", "sha256", "author", "reason", "created_at")
    ]
    rows = transaction.execute(select(*columns).where(revisions.c.id > revision).order_by(revisions.c.id)).all()
    return [tuple(row) for row in rows] == [tuple(getattr(one, column.name) for column in columns) for one in those]


def history(transaction: Transaction, kind: str, name: str, namespace: str = DEFAULT_NAMESPACE) -> list[Revision]:
    """All revisions of one document, newest first, with the snapshots that were compiled from them."""
    following = func.lead(revisions.c.id).over(order_by=revisions.c.id).label("following")
    own = select(revisions, following).where(*_is(Key(kind, name, namespace))).subquery()
    columns = [own.c[column.name] for column in revisions.c]
    in_force = (
        own.c.deleted.is_(False)
        & (snapshot_bounds.c.revision >= own.c.id)
        & or_(own.c.following.is_(None), snapshot_bounds.c.revision < own.c.following)
    )
    first, last = (choose(snapshot_bounds.c.snapshot) for choose in (func.min, func.max))
    query = select(
        *columns,
        select(first).where(in_force).scalar_subquery().label("first_snapshot"),
        select(last).where(in_force).scalar_subquery().label("last_snapshot"),
    ).order_by(own.c.id.desc())
    return [record(Revision, row) for row in transaction.execute(query)]


def of_snapshot(transaction: Transaction, number: int) -> list[Revision]:
    """The revisions that a snapshot was compiled from, by kind, namespace and name."""
    bound = select(snapshot_bounds.c.revision).where(snapshot_bounds.c.snapshot == number)
    until = transaction.execute(bound).scalar_one_or_none()
    return [one for one in heads(transaction, until=until or 0).values() if not one.deleted]


def append(
    transaction: Transaction, key: Key, generation: int, document: dict[str, Any] | None, provenance: Provenance
) -> Revision:
    """Write one revision down; `document` None is a deletion."""
    values = {
        **key._asdict(),
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


def _is(key: Key) -> tuple[Any, ...]:
    return tuple(column == getattr(key, column.name) for column in _IDENTITY)
