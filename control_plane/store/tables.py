"""The tables. A change here needs a new file in `migrations/versions`; a test compares the two."""

from datetime import UTC, datetime

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from typing_extensions import override

from control_plane.spec.names import DEFAULT_NAMESPACE

metadata = MetaData()


class UtcDateTime(TypeDecorator[datetime]):
    """Aware datetimes; SQLite keeps no zone, so what it stores is UTC."""

    impl = DateTime
    cache_ok = True

    @override
    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value and value.astimezone(UTC).replace(tzinfo=None)

    @override
    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value and value.replace(tzinfo=UTC)


revisions = Table(
    "revisions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", String(63), nullable=False),
    Column("namespace", String(63), nullable=False, server_default=DEFAULT_NAMESPACE),
    Column("name", String(63), nullable=False),
    Column("generation", Integer, nullable=False),
    Column("deleted", Boolean, nullable=False),
    Column("document", JSON(none_as_null=True)),
    Column("sha256", String(64), nullable=False),
    Column("author", String(200), nullable=False),
    Column("reason", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("kind", "namespace", "name", "generation", name="one_revision_per_generation"),
)

snapshots = Table(
    "snapshots",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("parent", Integer, ForeignKey("snapshots.number")),
    Column("schema_version", Integer, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("author", String(200), nullable=False),
    Column("reason", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("content", JSON, nullable=False),
)

# A snapshot was compiled from the documents as they were after this revision (0: before the first). Writers take
# turns, so ids are in order: one number says what a row for each document would.
snapshot_bounds = Table(
    "snapshot_bounds",
    metadata,
    Column("snapshot", Integer, ForeignKey("snapshots.number"), primary_key=True, autoincrement=False),
    Column("revision", Integer, nullable=False, index=True),
)

acks = Table(
    "acks",
    metadata,
    Column("snapshot", Integer, ForeignKey("snapshots.number"), primary_key=True),
    Column("router", String(200), primary_key=True),
    Column("error", Text),
    Column("at", UtcDateTime, nullable=False),
)
