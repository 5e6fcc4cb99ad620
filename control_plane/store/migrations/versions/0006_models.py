"""What references to the model registry are pinned to."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "model_pins",
        sa.Column("reference", sa.String(300), primary_key=True),
        sa.Column("model", sa.JSON, nullable=False),
        sa.Column("observed", sa.Integer, nullable=False),
        sa.Column("problem", sa.Text),
    )
