"""Snapshots: what was ever in force. Rows are added and never touched again."""

from collections.abc import Iterable

from sqlalchemy import func, insert, select

from control_plane.spec.records import Revision, SnapshotSummary
from control_plane.spec.snapshots import Content, Snapshot, digest
from control_plane.store.database import Transaction
from control_plane.store.provenance import Provenance
from control_plane.store.rows import record
from control_plane.store.tables import acks, snapshot_revisions, snapshots


def latest(transaction: Transaction) -> Snapshot | None:
    """The snapshot in force, or None before the first."""
    row = transaction.execute(select(snapshots).order_by(snapshots.c.number.desc()).limit(1)).first()
    return None if row is None else record(Snapshot, row)


def get(transaction: Transaction, number: int) -> Snapshot | None:
    """The snapshot of that number, or None."""
    row = transaction.execute(select(snapshots).where(snapshots.c.number == number)).first()
    return None if row is None else record(Snapshot, row)


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
    transaction: Transaction, content: Content, compiled_from: Iterable[Revision], provenance: Provenance
) -> Snapshot:
    """Write content down under the next number, with the revisions it was compiled from."""
    parent: int | None = transaction.execute(select(func.max(snapshots.c.number))).scalar()
    snapshot = Snapshot(
        number=(parent or 0) + 1,
        parent=parent,
        sha256=digest(content),
        author=provenance.author,
        reason=provenance.reason,
        createdAt=provenance.at,
        content=content,
    )
    values = snapshot.model_dump(by_alias=False) | {"content": content.model_dump(mode="json")}
    transaction.execute(insert(snapshots).values(values))
    links = [{"snapshot": snapshot.number, "revision": revision.id} for revision in compiled_from]
    if links:
        transaction.execute(insert(snapshot_revisions), links)
    return snapshot
