"""Snapshots: what was ever in force. Rows are added and never touched again."""

import hashlib
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Text, cast, func, insert, select

from control_plane.spec.records import SnapshotSummary
from control_plane.spec.snapshots import SCHEMA_VERSION, Content, Snapshot, canonical
from control_plane.store.database import Transaction
from control_plane.store.notices import announce
from control_plane.store.provenance import Provenance
from control_plane.store.rows import JsonText, record
from control_plane.store.tables import acks, snapshot_bounds, snapshots


class InForce(NamedTuple):
    """Which snapshot is in force, without its content."""

    number: int
    sha256: str


def in_force(transaction: Transaction) -> InForce | None:
    """The number and the hash of the snapshot in force; None before the first."""
    query = select(snapshots.c.number, snapshots.c.sha256).order_by(snapshots.c.number.desc()).limit(1)
    row = transaction.execute(query).first()
    return None if row is None else InForce(*row)


def latest(transaction: Transaction) -> Snapshot | None:
    """The snapshot in force, or None before the first."""
    row = transaction.execute(select(snapshots).order_by(snapshots.c.number.desc()).limit(1)).first()
    return None if row is None else record(Snapshot, row)


def get(transaction: Transaction, number: int) -> Snapshot | None:
    """The snapshot of that number, or None."""
    row = transaction.execute(select(snapshots).where(snapshots.c.number == number)).first()
    return None if row is None else record(Snapshot, row)


def wire(transaction: Transaction, number: int) -> bytes | None:
    """The snapshot as JSON, for many to read: not taken apart where it is in the form of today's schema; or None."""
    columns = [column for column in snapshots.c if column is not snapshots.c.content]
    query = select(*columns, cast(snapshots.c.content, Text).label("content")).where(snapshots.c.number == number)
    row = transaction.execute(query).first()
    if row is None:
        return None
    if row.schema_version != SCHEMA_VERSION:
        old = get(transaction, number)
        return old.model_dump_json().encode() if old else None
    head = Snapshot.model_construct(**row._mapping).model_dump_json(exclude={"content"})
    return f'{head[:-1]},"content":{row.content}}}'.encode()


def exists(transaction: Transaction, number: int) -> bool:
    """Whether there ever was a snapshot of that number."""
    return transaction.execute(select(snapshots.c.number).where(snapshots.c.number == number)).first() is not None


def summaries(transaction: Transaction, before: int | None, limit: int) -> list[SnapshotSummary]:
    """At most `limit` snapshots with numbers below `before`, newest first."""
    query = (
        select(
            *(snapshots.c[name] for name in ("number", "parent", "sha256", "author", "reason", "created_at")),
            (func.count(acks.c.router) - func.count(acks.c.error)).label("acknowledged"),
            func.count(acks.c.error).label("refused"),
        )
        .outerjoin(acks)
        .group_by(snapshots.c.number)
        .order_by(snapshots.c.number.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(snapshots.c.number < before)
    return [record(SnapshotSummary, row) for row in transaction.execute(query)]


def append(
    transaction: Transaction, content: Content, last_revision: int, provenance: Provenance, text: str = ""
) -> Snapshot:
    """Write content down under the next number. It was compiled from the documents as they are after `last_revision`.

    `text` is its canonical JSON, where that is known.
    """
    text = text or canonical(content.model_dump(mode="json")).decode()
    parent = transaction.execute(select(func.max(snapshots.c.number))).scalar()
    snapshot = Snapshot(
        number=(parent or 0) + 1,
        parent=parent,
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        author=provenance.author,
        reason=provenance.reason,
        createdAt=provenance.at,
        content=content,
    )
    # Not model_dump(): it would take the content apart only for it to be left out.
    values = {name: getattr(snapshot, name) for name in Snapshot.model_fields} | {"content": JsonText(text)}
    transaction.execute(insert(snapshots).values(values))
    transaction.execute(insert(snapshot_bounds).values(snapshot=snapshot.number, revision=last_revision))
    announce(transaction, snapshot.number)
    return snapshot


def published_at(transaction: Transaction, number: int) -> datetime | None:
    """When the snapshot of that number came into force."""
    return transaction.execute(select(snapshots.c.created_at).where(snapshots.c.number == number)).scalar()
