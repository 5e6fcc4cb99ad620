"""Revisions, snapshots and acknowledgements."""

import sqlalchemy as sa
from alembic import op

from control_plane.store.migrations.frozen import freeze

revision = "0001"
down_revision = None

# What was written once is never changed; the database itself refuses.
_FROZEN = ("revisions", "snapshots", "snapshot_revisions")


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "revisions",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("kind", sa.String(63), nullable=False),
        sa.Column("name", sa.String(63), nullable=False),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("deleted", sa.Boolean, nullable=False),
        sa.Column("document", sa.JSON(none_as_null=True)),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("author", sa.String(200), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.UniqueConstraint("kind", "name", "generation", name="one_revision_per_generation"),
    )
    op.create_table(
        "snapshots",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("parent", sa.Integer, sa.ForeignKey("snapshots.number")),
        sa.Column("schema_version", sa.Integer, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("author", sa.String(200), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("content", sa.JSON, nullable=False),
    )
    op.create_table(
        "snapshot_revisions",
        sa.Column("snapshot", sa.Integer, sa.ForeignKey("snapshots.number"), primary_key=True),
        sa.Column("revision", sa.Integer, sa.ForeignKey("revisions.id"), primary_key=True, index=True),
    )
    op.create_table(
        "acks",
        sa.Column("snapshot", sa.Integer, sa.ForeignKey("snapshots.number"), primary_key=True),
        sa.Column("router", sa.String(200), primary_key=True),
        sa.Column("error", sa.Text),
        sa.Column("at", sa.DateTime, nullable=False),
    )
    for table in _FROZEN:
        freeze(table)
