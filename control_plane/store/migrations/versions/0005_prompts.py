"""What references to prompts are pinned to, and requests that a second person decides."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0001"


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "pins",
        sa.Column("reference", sa.String(300), primary_key=True),
        sa.Column("prompt", sa.JSON, nullable=False),
        sa.Column("observed", sa.Integer, nullable=False),
        sa.Column("problem", sa.Text),
    )
    op.create_table(
        "approvals",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("kind", sa.String(63), nullable=False),
        sa.Column("subject", sa.JSON, nullable=False),
        sa.Column("summary", sa.Text, nullable=False),
        sa.Column("requested_by", sa.String(200), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("requested_at", sa.DateTime, nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("decided_by", sa.String(200)),
        sa.Column("note", sa.Text),
        sa.Column("decided_at", sa.DateTime),
    )
