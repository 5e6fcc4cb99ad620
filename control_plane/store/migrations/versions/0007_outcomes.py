"""What routers measure of requests with arms, what callers report of them, and what is made of both."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Create the tables."""
    _events()
    _trials()
    _joins()


def _events() -> None:
    op.create_table(
        "spools",
        sa.Column("spool", sa.String(32), primary_key=True),
        sa.Column("router", sa.String(200), nullable=False),
        sa.Column("last", sa.BigInteger, nullable=False),
        sa.Column("lost", sa.BigInteger, nullable=False),
        sa.Column("received", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "event_batches",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("received", sa.BigInteger, nullable=False, index=True),
        sa.Column("spool", sa.String(32), nullable=False),
        sa.Column("first", sa.BigInteger, nullable=False),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("events", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "sinks",
        sa.Column("name", sa.String(300), primary_key=True),
        sa.Column("position", sa.Integer, nullable=False),
    )


def _trials() -> None:
    op.create_table(
        "trials",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("key", sa.String(150), nullable=False),
        sa.Column("since", sa.BigInteger, nullable=False),
        sa.Column("outcomes", sa.JSON, nullable=False),
        sa.Column("received", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("key", "since", name="one_trial_since_a_snapshot"),
    )
    op.create_table(
        "trial_periods",
        sa.Column("trial", sa.Integer, sa.ForeignKey("trials.id"), primary_key=True),
        sa.Column("since", sa.BigInteger, primary_key=True),
        sa.Column("shares", sa.JSON, nullable=False),
    )
    op.create_table(
        "trial_arms",
        sa.Column("trial", sa.Integer, sa.ForeignKey("trials.id"), primary_key=True),
        sa.Column("period", sa.BigInteger, primary_key=True),
        sa.Column("arm", sa.String(32), primary_key=True),
        sa.Column("products", sa.LargeBinary, nullable=False),
        sa.Column("bins", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "trial_units",
        sa.Column("unit", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("trial", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("arm", sa.String(32), nullable=False),
        sa.Column("first_at", sa.BigInteger, nullable=False),
        sa.Column("first_snapshot", sa.BigInteger, nullable=False),
        sa.Column("period", sa.BigInteger, nullable=False),
        sa.Column("moved", sa.Boolean, nullable=False),
        sa.Column("forced", sa.Boolean, nullable=False),
        sa.Column("sums", sa.LargeBinary, nullable=False),
        sa.Column("bins", sa.LargeBinary, nullable=False),
        sqlite_with_rowid=False,
    )


def _joins() -> None:
    op.create_table(
        "exposed_requests",
        sa.Column("request", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("unit", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("trial", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("received", sa.BigInteger, nullable=False, index=True),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "feedback",
        sa.Column("report", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("request", sa.BigInteger, index=True),
        sa.Column("unit", sa.BigInteger, index=True),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("value", sa.Float, nullable=False),
        sa.Column("received", sa.BigInteger, nullable=False, index=True),
    )
