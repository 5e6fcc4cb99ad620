"""Artifacts of learned routers, and how their promises stand."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "artifacts",
        sa.Column("name", sa.String(16), primary_key=True),
        sa.Column("summary", sa.JSON, nullable=False),
        sa.Column("text", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "explorations",
        sa.Column("request", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("promise", sa.String(500), nullable=False),
        sa.Column("outcome", sa.String(100), nullable=False),
        sa.Column("below", sa.Boolean, nullable=False),
        sa.Column("heavy", sa.Boolean, nullable=False),
        sa.Column("told", sa.Boolean, nullable=False),
        sa.Column("received", sa.BigInteger, nullable=False, index=True),
    )
    op.create_table(
        "promises",
        sa.Column("promise", sa.String(500), primary_key=True),
        sa.Column("route", sa.String(200), nullable=False),
        sa.Column("watch", sa.JSON, nullable=False),
        sa.Column("broken", sa.Boolean, nullable=False),
        sa.Column("received", sa.BigInteger, nullable=False),
    )
