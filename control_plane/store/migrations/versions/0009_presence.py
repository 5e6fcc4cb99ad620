"""Which routers are alive: who said something lately, and what each of them serves."""

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Both are asked once a second, over all snapshots that there ever were."""
    op.create_index("ix_acks_at", "acks", ["at"])
    op.create_index("ix_acks_of_router", "acks", ["router", "snapshot"])
