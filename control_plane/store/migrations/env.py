"""Alembic's entry: runs the missing steps inside the transaction that `Database.migrate` opened."""

from alembic import context

from control_plane.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
