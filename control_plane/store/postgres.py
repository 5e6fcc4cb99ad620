"""PostgreSQL: one database, for several control planes."""

from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event

from control_plane.store.rows import to_json

BUSY_SECONDS = 10
# "tiermesh" as bytes, so that no other program's lock is likely to be the same; then what it is for.
_LOCKS = int.from_bytes(b"tierm", "big") << 8
WRITING = _LOCKS | 1
"""The advisory lock that a transaction holds which writes: one at a time, whichever process it is of."""
LEADING = _LOCKS | 2
"""The advisory lock that the session of the leader holds."""

# A peer whose machine is gone says nothing: without these the server would hold its locks for two hours.
_ARGUMENTS: dict[str, Any] = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "options": "-c tcp_keepalives_idle=5 -c tcp_keepalives_interval=2 -c tcp_keepalives_count=3",
}


def normal(url: URL) -> URL:
    """The same database by psycopg."""
    return url.set(drivername="postgresql+psycopg")


def arguments(url: URL) -> dict[str, Any]:
    """What psycopg is told to connect, for the connections that have one purpose for as long as they live."""
    _, given = create_engine(url).dialect.create_connect_args(url)
    return {**_ARGUMENTS, **given}


def engine(url: URL) -> Engine:
    """Connections to the database. Those with the option `write` take turns; the others see one state and only read."""
    made = create_engine(
        url,
        connect_args={name: value for name, value in _ARGUMENTS.items() if name not in url.query},
        json_serializer=to_json,
        max_overflow=10,
        pool_pre_ping=True,  # a server that was restarted leaves dead connections in the pool
        pool_size=10,
        pool_timeout=BUSY_SECONDS,
    )
    event.listen(made, "begin", _begin)
    return made


def _begin(connection: Connection) -> None:
    if connection.get_execution_options().get("write", False):
        # Held until the transaction has ended, however it ends, so that what a write was decided on still holds. Each
        # statement behind it sees what the writer before has committed (READ COMMITTED).
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{BUSY_SECONDS}s'")
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITING})")
    else:
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
