"""A real PostgreSQL of one's own, on a socket in a temporary folder, that may be stopped and started again."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg
from psycopg import sql

from control_plane.spec.errors import Code, TiermeshError

_START_SECONDS = 30.0
_FORGETFUL = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
_DEBIAN = Path("/usr/lib/postgresql")
_NOBODY = 65534


class PostgresServer:
    """Runs while it is entered."""

    def __init__(self, durable: bool = True) -> None:
        """`durable=False` keeps nothing for a fall of the machine, and is quicker; a killed process is no such fall.

        Raises TiermeshError(SETUP) where the programs are missing.
        """
        self._programs = _programs()
        self._settings = {} if durable else _FORGETFUL
        self._numbers = count(1)
        self._process: subprocess.Popen[Any] | None = None
        self._folder = Path()

    def url(self, database: str = "postgres") -> str:
        """As the control plane takes it."""
        return f"postgresql+psycopg://postgres@/{database}?host={self._folder}"

    def empty(self) -> str:
        """The URL of a new, empty database."""
        name = f"empty_{next(self._numbers)}"
        self.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return self.url(name)

    def execute(self, statement: sql.SQL | sql.Composed, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Run one statement, in no transaction."""
        with psycopg.connect(host=str(self._folder), user="postgres", dbname=database, autocommit=True) as connection:
            found = connection.execute(statement)
            return found.fetchall() if found.description else []

    def start(self) -> None:
        """Start it, and wait until it answers."""
        settings = self._settings | {
            "listen_addresses": "",
            "max_connections": "200",
            "unix_socket_directories": str(self._folder),
        }
        words = [f"-c{name}={value}" for name, value in settings.items()]
        command: list[str | Path] = [self._programs / "postgres", "-D", self._folder / "data", *words]
        quiet = subprocess.DEVNULL
        process = subprocess.Popen(command, cwd=self._folder, stdout=quiet, stderr=quiet, **_other_user())
        self._process = process
        until = time.monotonic() + _START_SECONDS
        while True:
            with contextlib.suppress(psycopg.OperationalError):
                self.execute(sql.SQL("SELECT 1"))
                return
            if process.poll() is not None or time.monotonic() > until:
                raise TiermeshError(Code.SETUP, "PostgreSQL does not start.", "Start one by hand: initdb, postgres -D.")
            time.sleep(0.05)

    def stop(self) -> None:
        """End it now; whoever is connected is cut off."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait()
            self._process = None

    def __enter__(self) -> Self:
        user = _other_user()
        self._folder = Path(tempfile.mkdtemp(prefix="tiermesh-postgres-"))
        if user:
            os.chown(self._folder, user["user"], user["group"])
        options = ["--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "--no-sync"]
        command: list[str | Path] = [self._programs / "initdb", "-D", self._folder / "data", *options]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=self._folder, **user)
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()
        shutil.rmtree(self._folder)


def _programs() -> Path:
    """The folder of the newest installed version; Debian keeps it off the path."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    versions = sorted(_DEBIAN.glob("*/bin/initdb"), key=lambda program: int(program.parts[-3]))
    if not versions:
        raise TiermeshError(Code.SETUP, "PostgreSQL is not installed.", "apt install postgresql")
    return versions[-1].parent


def _other_user() -> dict[str, Any]:
    """It refuses to run as root: then it runs as nobody."""
    return {"user": _NOBODY, "group": _NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
