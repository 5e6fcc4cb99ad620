"""The database: transactions that hold whole or not at all, and a schema that brings itself up to date."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from sqlite3 import Connection as SqliteConnection
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.script.revision import ResolutionError
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DatabaseError, OperationalError

from control_plane.spec.errors import Code, TiermeshError

Transaction = Connection
"""What the functions of this package read from and write to."""

_BUSY_SECONDS = 10
_MIGRATIONS = Path(__file__).parent / "migrations"


class Database:
    """One SQLite file. Safe for several threads and several processes at once."""

    def __init__(self, url: str) -> None:
        self._engine = create_engine(_sqlite_file(url), connect_args={"timeout": _BUSY_SECONDS})
        event.listen(self._engine, "connect", _configure)
        event.listen(self._engine, "begin", _begin)
        self._writing = self._engine.execution_options(write=True)

    def migrate(self) -> None:
        """Bring the schema up to date; does nothing where it is.

        Raises TiermeshError(SETUP) where the file cannot be used or was written by a newer version.
        """
        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS))
        try:
            with self._writing.begin() as connection:
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
        except (CommandError, ResolutionError) as error:
            raise _unusable(self._engine, f"has a schema that this version does not know ({error})") from error
        except DatabaseError as error:
            raise _unusable(self._engine, f"cannot be used ({error.orig})") from error

    @contextmanager
    def write(self, keep: bool = True) -> Iterator[Transaction]:
        """Everything inside happens, or nothing: one writer at a time, waiting its turn for up to ten seconds.

        `keep=False` does the same work and takes all of it back. Raises TiermeshError(UNAVAILABLE) when the turn
        does not come.
        """
        with _available(), self._writing.connect() as connection, connection.begin() as transaction:
            yield connection
            if not keep:
                transaction.rollback()

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """All reads inside see one state. Never waits for a writer."""
        with _available(), self._engine.connect() as connection:
            yield connection

    def check(self) -> None:
        """Raises TiermeshError(UNAVAILABLE) where the database does not answer."""
        with self.read() as transaction:
            transaction.execute(text("SELECT 1 FROM snapshots LIMIT 1"))

    def close(self) -> None:
        """Close the pooled connections."""
        self._engine.dispose()


def _sqlite_file(url: str) -> str:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise TiermeshError(Code.SETUP, f"{url!r} is no database URL.", "Write it as sqlite:////PATH/FILE.") from error
    if parsed.drivername not in ("sqlite", "sqlite+pysqlite") or parsed.database in (None, "", ":memory:"):
        raise TiermeshError(
            Code.SETUP,
            f"The database {parsed.render_as_string()!r} is not a SQLite file.",
            "Write it as sqlite:////PATH/FILE; other databases are not supported yet.",
        )
    return url


def _configure(connection: SqliteConnection, _record: Any) -> None:
    # The driver would begin transactions by itself, and not before every statement: `_begin` does it instead.
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    # IMMEDIATE takes the write lock before the first read, so that what a write was decided on still holds.
    writing = connection.get_execution_options().get("write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


@contextmanager
def _available() -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        raise TiermeshError(
            Code.UNAVAILABLE,
            f"The database does not take the request: {error.orig}.",
            "Try again; if it goes on, check the disk and who else holds the file.",
            retry_after_seconds=1,
        ) from error


def _unusable(engine: Engine, why: str) -> TiermeshError:
    return TiermeshError(
        Code.SETUP,
        f"The database {engine.url.database} {why}.",
        "Run the version of Tiermesh that wrote it, or name another file with TIERMESH_CONTROL_PLANE_DATABASE_URL.",
    )
