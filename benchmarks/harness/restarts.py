"""Processes that are ended and started again at the same address."""

import contextlib
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks.harness.build import program
from benchmarks.harness.callers import Site
from benchmarks.harness.processes import Cores, running


class Restartable:
    """One process, which runs while this is entered, except between an end and the next start."""

    def __init__(
        self,
        command: Sequence[str | Path],
        core: int | None,
        env: Mapping[str, str] | None = None,
        log: Path | None = None,
    ) -> None:
        self._command = command
        self._core = core
        self._env = env
        self._log = log
        self._life = contextlib.ExitStack()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def start(self) -> None:
        """Start it; whether it is ready is another matter."""
        self._process = self._life.enter_context(running(self._command, self._core, env=self._env, log=self._log))

    @property
    def pid(self) -> int:
        """Of the one that runs, or ran last."""
        return self._process.pid

    def stop(self) -> None:
        """SIGTERM, and wait for its end."""
        self._life.close()

    def kill(self) -> None:
        """SIGKILL."""
        self._process.kill()
        self._process.wait()
        self._life.close()


def upstream(port: int, cores: Cores) -> Restartable:
    """The stub of the OpenAI API."""
    return Restartable([program("upstream"), str(port)], cores.load)


def router(site: Site, documents: Sequence[Mapping[str, object]], folder: Path, cores: Cores) -> Restartable:
    """A router that serves these documents, with the settings that it has by default."""
    config = folder / "documents.json"
    config.write_text(json.dumps(documents))
    settings = {"CONFIG": config, "PORT": site.port, "ADMIN_PORT": site.admin_port, "GRPC_PORT": 0}
    # Without bytecode on disk, each start would spend its time compiling.
    left_out = ("TIERMESH_", "PYTHONDONTWRITEBYTECODE")
    env = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
    env |= {f"TIERMESH_ROUTER_{name}": str(value) for name, value in settings.items()}
    command = [sys.executable, "-m", "routers"]
    return Restartable(command, cores.gateway, env | {"TIERMESH_HOME": str(folder)}, folder / f"{site.port}.log")
