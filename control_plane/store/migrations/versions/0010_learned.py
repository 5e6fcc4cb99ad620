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
