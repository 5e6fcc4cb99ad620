"""The tables. A change here needs a new file in `migrations/versions`; a test compares the two."""

from datetime import UTC, datetime

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
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

pins = Table(
    "pins",
    metadata,
    Column("reference", String(300), primary_key=True),
    Column("prompt", JSON, nullable=False),
    Column("observed", Integer, nullable=False),
    Column("problem", Text),
)

approvals = Table(
    "approvals",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", String(63), nullable=False),
    Column("subject", JSON, nullable=False),
    Column("summary", Text, nullable=False),
    Column("requested_by", String(200), nullable=False),
    Column("reason", Text, nullable=False),
    Column("requested_at", UtcDateTime, nullable=False),
    Column("state", String(20), nullable=False),
    Column("decided_by", String(200)),
    Column("note", Text),
    Column("decided_at", UtcDateTime),
)

decisions = Table(
    "decisions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("request_id", String(128), nullable=False, index=True),
    Column("at", UtcDateTime, nullable=False, index=True),
    Column("route", String(200), nullable=False),
    Column("tenant", String(200), nullable=False),
    Column("record", JSON, nullable=False),
)

# Of outcomes: units, requests and reports are 64 bits of a hash; moments are microseconds of Unix time, `received` are
# its seconds.
spools = Table(
    "spools",
    metadata,
    Column("spool", String(32), primary_key=True),
    Column("router", String(200), nullable=False),
    Column("last", BigInteger, nullable=False),
    Column("lost", BigInteger, nullable=False),
    Column("received", BigInteger, nullable=False),
)

event_batches = Table(
    "event_batches",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("received", BigInteger, nullable=False, index=True),
    Column("spool", String(32), nullable=False),
    Column("first", BigInteger, nullable=False),
    Column("count", Integer, nullable=False),
    Column("events", LargeBinary, nullable=False),
)

sinks = Table(
    "sinks",
    metadata,
    Column("name", String(300), primary_key=True),
    Column("position", Integer, nullable=False),
)

trials = Table(
    "trials",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("key", String(150), nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("outcomes", JSON, nullable=False),
    Column("received", BigInteger, nullable=False),
    UniqueConstraint("key", "since", name="one_trial_since_a_snapshot"),
)

trial_periods = Table(
    "trial_periods",
    metadata,
    Column("trial", Integer, ForeignKey("trials.id"), primary_key=True),
    Column("since", BigInteger, primary_key=True),
    Column("shares", JSON, nullable=False),
)

trial_arms = Table(
    "trial_arms",
    metadata,
    Column("trial", Integer, ForeignKey("trials.id"), primary_key=True),
    Column("period", BigInteger, primary_key=True),
    Column("arm", String(32), primary_key=True),
    Column("products", LargeBinary, nullable=False),
    Column("bins", LargeBinary, nullable=False),
)

trial_units = Table(
    "trial_units",
    metadata,
    Column("unit", BigInteger, primary_key=True, autoincrement=False),
    Column("trial", Integer, primary_key=True, autoincrement=False),
    Column("arm", String(32), nullable=False),
    Column("first_at", BigInteger, nullable=False),
    Column("first_snapshot", BigInteger, nullable=False),
    Column("period", BigInteger, nullable=False),
    Column("moved", Boolean, nullable=False),
    Column("forced", Boolean, nullable=False),
    Column("sums", LargeBinary, nullable=False),
    Column("bins", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

exposed_requests = Table(
    "exposed_requests",
    metadata,
    Column("request", BigInteger, primary_key=True, autoincrement=False),
    Column("unit", BigInteger, primary_key=True, autoincrement=False),
    Column("trial", Integer, primary_key=True, autoincrement=False),
    Column("received", BigInteger, nullable=False, index=True),
    sqlite_with_rowid=False,
)

feedback = Table(
    "feedback",
    metadata,
    Column("report", BigInteger, primary_key=True, autoincrement=False),
    Column("request", BigInteger, index=True),
    Column("unit", BigInteger, index=True),
    Column("name", String(100), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("value", Float, nullable=False),
    Column("received", BigInteger, nullable=False, index=True),
)

explorations = Table(
    "explorations",
    metadata,
    Column("request", BigInteger, primary_key=True, autoincrement=False),
    Column("promise", String(500), nullable=False),
    Column("outcome", String(100), nullable=False),
    Column("below", Boolean, nullable=False),
    Column("heavy", Boolean, nullable=False),
    Column("told", Boolean, nullable=False),
    Column("received", BigInteger, nullable=False, index=True),
)

promises = Table(
    "promises",
    metadata,
    Column("promise", String(500), primary_key=True),
    Column("route", String(200), nullable=False),
    Column("watch", JSON, nullable=False),
    Column("broken", Boolean, nullable=False),
    Column("received", BigInteger, nullable=False),
)

# What `tiermesh router train` made, packed. Nothing is ever taken away: a rollback may name it again.
artifacts = Table(
    "artifacts",
    metadata,
    Column("name", String(16), primary_key=True),
    Column("summary", JSON, nullable=False),
    Column("text", LargeBinary, nullable=False),
)

acks = Table(
    "acks",
    metadata,
    Column("snapshot", Integer, ForeignKey("snapshots.number"), primary_key=True),
    Column("router", String(200), primary_key=True),
    Column("error", Text),
    Column("at", UtcDateTime, nullable=False, index=True),
    Index("ix_acks_of_router", "router", "snapshot"),
)

tokens = Table(
    "tokens",
    metadata,
    Column("name", String(63), primary_key=True),
    Column("sha256", String(64), nullable=False, unique=True),
    Column("person", String(63), nullable=False),
    Column("bindings", JSON, nullable=False),
    Column("router", Boolean, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("created_by", String(200), nullable=False),
    Column("expires_at", UtcDateTime),
    Column("last_used_at", UtcDateTime),
    Column("revoked_at", UtcDateTime),
    Column("revoked_by", String(200)),
)

audit = Table(
    "audit",
    metadata,
    Column("sequence", Integer, primary_key=True, autoincrement=False),
    Column("at", UtcDateTime, nullable=False),
    Column("who", String(200), nullable=False),
    Column("via", String(200), nullable=False),
    Column("address", String(200), nullable=False),
    Column("action", String(200), nullable=False),
    Column("what", JSON, nullable=False),
    Column("reason", Text, nullable=False),
    Column("outcome", String(63), nullable=False),
    Column("snapshot", Integer),
    Column("times", Integer, nullable=False),
    Column("previous", String(64), nullable=False),
    Column("sha256", String(64), nullable=False),
)

audit_head = Table(
    "audit_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("sequence", Integer, nullable=False),
    Column("sha256", String(64), nullable=False),
)

model_pins = Table(
    "model_pins",
    metadata,
    Column("reference", String(300), primary_key=True),
    Column("model", JSON, nullable=False),
    Column("observed", Integer, nullable=False),
    Column("problem", Text),
)

courses = Table(
    "courses",
    metadata,
    Column("rollout", String(200), primary_key=True),
    Column("turn", Integer, nullable=False),
    Column("course", JSON, nullable=False),
)

course_history = Table(
    "course_history",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("rollout", String(200), nullable=False, index=True),
    Column("decision", JSON, nullable=False),
)

allocations = Table(
    "allocations",
    metadata,
    Column("trial", String(200), primary_key=True),
    Column("weights", JSON, nullable=False),
    Column("at", UtcDateTime, nullable=False),
)

analyses = Table(
    "analyses",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("trial", String(200), nullable=False, index=True),
    Column("at", UtcDateTime, nullable=False),
    Column("points", JSON, nullable=False),
)

verdicts = Table(
    "verdicts",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("trial", String(200), nullable=False, index=True),
    Column("verdict", JSON, nullable=False),
)
