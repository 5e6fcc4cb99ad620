"""Namespaces; and snapshots say after which revision they were compiled, rather than a row for each document."""

import sqlalchemy as sa
from alembic import op

from control_plane.store.migrations.frozen import freeze, thaw

revision = "0002"
down_revision = "0001"

_UNIQUE = "one_revision_per_generation"


def upgrade() -> None:
    """Change the tables and carry over what they hold."""
    op.create_table(
        "snapshot_bounds",
        sa.Column("snapshot", sa.Integer, sa.ForeignKey("snapshots.number"), primary_key=True, autoincrement=False),
        sa.Column("revision", sa.Integer, nullable=False, index=True),
    )
    _carry_over()
    freeze("snapshot_bounds")
    op.drop_table("snapshot_revisions")
    _add_namespaces()


def _add_namespaces() -> None:
    thaw("revisions")
    with op.batch_alter_table("revisions") as table:
        table.add_column(sa.Column("namespace", sa.String(63), nullable=False, server_default="default"))
        table.drop_constraint(_UNIQUE, type_="unique")
        table.create_unique_constraint(_UNIQUE, ["kind", "namespace", "name", "generation"])
    freeze("revisions")


def _carry_over() -> None:
    """Find for each snapshot the first revision after which the documents in force were those that it was made from."""
    connection = op.get_bind()
    links: dict[int, set[int]] = {}
    for number, revision in connection.execute(sa.text("SELECT snapshot, revision FROM snapshot_revisions")):
        links.setdefault(number, set()).add(revision)
    written = iter(connection.execute(sa.text("SELECT id, kind, name, deleted FROM revisions ORDER BY id")).all())
    heads: dict[tuple[str, str], int] = {}
    last = 0
    for (number,) in connection.execute(sa.text("SELECT number FROM snapshots ORDER BY number")).all():
        made_from = links.get(number, set())
        while set(heads.values()) != made_from:
            last, kind, name, deleted = next(written)
            if deleted:
                del heads[kind, name]
            else:
                heads[kind, name] = last
        connection.execute(
            sa.text("INSERT INTO snapshot_bounds VALUES (:number, :last)"), {"number": number, "last": last}
        )
