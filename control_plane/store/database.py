"""The database: transactions that hold whole or not at all, and a schema that brings itself up to date."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script.revision import ResolutionError
from alembic.util import CommandError
from sqlalchemy import URL, Connection, Engine, make_url, text
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, InterfaceError, OperationalError, TimeoutError

from control_plane.spec.errors import Code, TiermeshError
from control_plane.store import postgres, sqlite

Transaction = Connection
"""What the functions of this package read from and write to."""

_BUSY_SECONDS = 10
_AWAY_SECONDS = 5.0
"""How long a transaction that has not begun waits for a server that is being restarted."""
_RETRY_SECONDS = 0.2
_MIGRATIONS = Path(__file__).parent / "migrations"
_EXAMPLES = "Write it as sqlite:////PATH/FILE or postgresql+psycopg://USER:PASSWORD@HOST/DATABASE."


class Database:
    """One SQLite file or one PostgreSQL database. Safe for several threads and several processes at once."""

    def __init__(self, url: str) -> None:
        self.url = _read(url)
        self.shared = self.url.drivername.startswith("postgresql")
        """Whether other control planes may use it: then one of them leads."""
        self._engine = (postgres if self.shared else sqlite).engine(self.url)
        self._writing = self._engine.execution_options(write=True)
        self._turn = threading.Lock()

    def migrate(self) -> None:
        """Bring the schema up to date; does nothing where it is. Of several processes that start, one does it.

        Raises TiermeshError(SETUP) where the database cannot be used or was written by a newer version.
        """
        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS))
        try:
            with self._begun(self._writing) as connection:
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
                connection.commit()
        except (CommandError, ResolutionError) as error:
            raise self._unusable(f"has a schema that this version does not know ({error})") from error
        except DBAPIError as error:
            raise self._unusable(f"cannot be used ({_said(error)})") from error

    @contextmanager
    def write(self, keep: bool = True) -> Iterator[Transaction]:
        """Everything inside happens, or nothing: one writer at a time, waiting its turn for up to ten seconds.

        `keep=False` does the same work and takes all of it back. Raises TiermeshError(UNAVAILABLE) when the turn
        does not come, or when the database goes away: then nothing has happened, unless it went while it committed.
        """
        with self._available(), self._in_turn(), self._begun(self._writing) as connection:
            yield connection
            if keep:
                connection.commit()

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """All reads inside see one state. Never waits for a writer."""
        with self._available(), self._begun(self._engine) as connection:
            yield connection

    def check(self) -> None:
        """Raises TiermeshError(UNAVAILABLE) where the database does not answer."""
        with self._available(), self._engine.connect() as connection:
            connection.execute(text("SELECT 1 FROM snapshots LIMIT 1"))

    def close(self) -> None:
        """Close the pooled connections."""
        self._engine.dispose()

    @contextmanager
    def _in_turn(self) -> Iterator[None]:
        """One writer of this process at a time, first come first served: the database's own queue is not so fair."""
        if not self._turn.acquire(timeout=_BUSY_SECONDS):
            message, hint = "Too many writes wait for the database.", "Try again."
            raise TiermeshError(Code.UNAVAILABLE, message, hint, retry_after_seconds=1)
        try:
            yield
        finally:
            self._turn.release()

    @contextmanager
    def _begun(self, engine: Engine) -> Iterator[Connection]:
        """A connection in a transaction, which ends with the block and keeps nothing by itself.

        Nothing was done before it began, so a server that is away for a moment is waited for.
        """
        ends = time.monotonic() + _AWAY_SECONDS
        while True:
            connection = None
            try:
                connection = engine.connect()
                connection.begin()
                break
            except (OperationalError, InterfaceError) as error:
                if connection is not None:
                    connection.close()
                if not self.shared or _took_too_long(error) or time.monotonic() >= ends:
                    raise
                time.sleep(_RETRY_SECONDS)
        with connection:
            yield connection

    @contextmanager
    def _available(self) -> Iterator[None]:
        try:
            yield
        except DataError as error:  # of a character that SQLite keeps and PostgreSQL does not
            message = f"The database cannot hold what the request says: {_said(error)}."
            raise TiermeshError(Code.INVALID_REQUEST, message, "Leave it out; nothing was changed.") from error
        except (OperationalError, InterfaceError, TimeoutError) as error:
            hint = "check the disk and who else holds the file"
            if self.shared:
                hint = f"check PostgreSQL at {_place(self.url)}"
            raise TiermeshError(
                Code.UNAVAILABLE,
                f"The database does not take the request: {_said(error)}.",
                f"Try again; if it goes on, {hint}.",
                retry_after_seconds=1,
            ) from error

    def _unusable(self, why: str) -> TiermeshError:
        return TiermeshError(
            Code.SETUP,
            f"The database {_place(self.url)} {why}.",
            "Run the version of Tiermesh that wrote it, or name another with TIERMESH_CONTROL_PLANE_DATABASE_URL.",
        )


def _read(url: str) -> URL:
    """The parsed URL. No error repeats it: it may hold a password."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise TiermeshError(Code.SETUP, "TIERMESH_CONTROL_PLANE_DATABASE_URL is no database URL.", _EXAMPLES) from error
    if parsed.drivername in ("postgresql", "postgresql+psycopg") and parsed.database:
        return postgres.normal(parsed)
    if parsed.drivername in ("sqlite", "sqlite+pysqlite") and parsed.database not in (None, "", ":memory:"):
        return parsed
    message = f"The database {_place(parsed)!r} of {parsed.drivername} is neither a SQLite file nor one of PostgreSQL."
    raise TiermeshError(Code.SETUP, message, _EXAMPLES)


def _place(url: URL) -> str:
    """Where the database is, without user, password and options."""
    if url.drivername.startswith("sqlite"):
        return str(url.database)
    host = url.host or url.query.get("host", "localhost")
    return f"{host}{f':{url.port}' if url.port else ''}/{url.database}"


def _said(error: Exception) -> str:
    """What the database says, in one line."""
    said = error.orig if isinstance(error, DBAPIError) else error
    return " ".join(str(said).split()).rstrip(".")


def _took_too_long(error: DBAPIError) -> bool:
    """Whether the turn did not come, rather than the server being away."""
    return getattr(error.orig, "sqlstate", None) is not None and not error.connection_invalidated
