"""SQLite: one file, for one machine."""

from sqlite3 import Connection as SqliteConnection
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event

from control_plane.store.rows import to_json

BUSY_SECONDS = 10


def engine(url: URL) -> Engine:
    """Connections to the file. Those with the option `write` take turns."""
    made = create_engine(url, connect_args={"timeout": BUSY_SECONDS}, json_serializer=to_json)
    event.listen(made, "connect", _configure)
    event.listen(made, "begin", _begin)
    return made


def _configure(connection: SqliteConnection, _record: Any) -> None:
    # The driver would begin transactions by itself, and not before every statement: `_begin` does it instead.
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    # IMMEDIATE takes the write lock before the first read, so that what a write was decided on still holds.
    writing = connection.get_execution_options().get("write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")
