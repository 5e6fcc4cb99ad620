"""How far Rollouts are, what bandits give to arms, and what Experiments have shown."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "courses",
        sa.Column("rollout", sa.String(200), primary_key=True),
        sa.Column("turn", sa.Integer, nullable=False),
        sa.Column("course", sa.JSON, nullable=False),
    )
    op.create_table(
        "course_history",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("rollout", sa.String(200), nullable=False, index=True),
        sa.Column("decision", sa.JSON, nullable=False),
    )
    op.create_table(
        "allocations",
        sa.Column("trial", sa.String(200), primary_key=True),
        sa.Column("weights", sa.JSON, nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
    )
    op.create_table(
        "analyses",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("trial", sa.String(200), nullable=False, index=True),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("points", sa.JSON, nullable=False),
    )
    op.create_table(
        "verdicts",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("trial", sa.String(200), nullable=False, index=True),
        sa.Column("verdict", sa.JSON, nullable=False),
    )
