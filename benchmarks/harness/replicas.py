"""Control planes that share a database, and writers who believe nothing but an answer."""

import contextlib
import os
import random
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import httpx2

from benchmarks.harness.gateways import free_port
from benchmarks.harness.restarts import Restartable
from benchmarks.harness.tiermesh import document
from control_plane.client.http import Client
from control_plane.spec.documents import Document, dump, parse
from control_plane.spec.errors import Code, TiermeshError

T = TypeVar("T")

_READY_SECONDS = 60.0
_LOOK_SECONDS = 0.05
_PAUSE_SECONDS = 0.2
"""Longest pause of a writer that was refused."""


class Replica(Restartable):
    """One control plane, at the same ports whenever it runs."""

    def __init__(self, name: str, folder: Path, core: int | None, database: str | None = None, **more: object) -> None:
        """Without a `database`, on a SQLite file in the folder; without a `core`, on any; with `more` settings."""
        self.name = name
        port, self._admin_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{port}"
        settings: dict[str, object] = {
            "NAME": name,
            "PORT": port,
            "ADMIN_PORT": self._admin_port,
            "LOG_LEVEL": "WARNING",
        }
        settings |= more | ({"DATABASE_URL": database} if database else {})
        left_out = ("TIERMESH_", "PYTHONDONTWRITEBYTECODE")
        env = {variable: value for variable, value in os.environ.items() if not variable.startswith(left_out)}
        env |= {f"TIERMESH_CONTROL_PLANE_{setting}": str(value) for setting, value in settings.items()}
        env |= {"TIERMESH_HOME": str(folder)}
        super().__init__([sys.executable, "-m", "control_plane"], core, env, folder / f"{name}.log")

    def leads(self) -> bool | None:
        """Whether it says that it leads; None where it is not ready."""
        try:
            answer = httpx2.get(f"http://127.0.0.1:{self._admin_port}/readyz", trust_env=False, verify=False)
        except httpx2.TransportError:
            return None
        return "(this one)" in answer.text if answer.is_success else None

    def wait(self) -> None:
        """Until it is ready. Raises TiermeshError(SETUP) where it is not."""
        ends = time.monotonic() + _READY_SECONDS
        while self.leads() is None:
            if time.monotonic() > ends:
                message = f"The control plane {self.name} is not ready."
                raise TiermeshError(Code.SETUP, message, "Start one by hand: python -m control_plane.")
            time.sleep(_LOOK_SECONDS)


def leader(replicas: Sequence[Replica]) -> Replica:
    """Who leads, as soon as somebody does. Raises TiermeshError(SETUP) where nobody does."""
    ends = time.monotonic() + _READY_SECONDS
    while time.monotonic() < ends:
        for replica in replicas:
            if replica.leads():
                return replica
        time.sleep(_LOOK_SECONDS)
    raise TiermeshError(Code.SETUP, "No control plane leads.", "Start one by hand: python -m control_plane.")


def documents(writers: int) -> list[Document]:
    """A Model, and a Route for each writer."""
    model = {"engine": "openai", "tier": "light", "url": "http://127.0.0.1:9/v1"}
    routes = [document("Route", f"route-{number}", {"tiers": {"light": ["model"]}}) for number in range(writers)]
    return [parse(one) for one in (document("Model", "model", model), *routes)]


@dataclass(slots=True)
class Ledger:
    """What the writers were told."""

    acknowledged: list[str] = field(default_factory=list)
    """The marks of writes that were answered, or found to have happened when they were not."""
    told: Counter[str] = field(default_factory=Counter)
    """How often what was said: written, refused, unanswered."""


class Writer(threading.Thread):
    """Reads a Route, counts one up in it, and writes it from the version it read; at any of the control planes.

    Each write has a mark, which is its reason. One that is not answered is written again in the same version: it is
    either refused, because the first has happened or another came first, or it is the first.
    """

    def __init__(self, urls: Sequence[str], name: str, ledger: Ledger, stop: threading.Event) -> None:
        super().__init__(daemon=True)
        self._urls = urls
        self._route = name
        self._ledger = ledger
        self._stopped = stop
        self.error: TiermeshError | None = None

    def run(self) -> None:
        """Write until told to stop."""
        try:
            with contextlib.ExitStack() as open_clients:
                clients = [open_clients.enter_context(Client(url, timeout_seconds=15)) for url in self._urls]
                while not self._stopped.is_set():
                    self._edit(clients)
        except TiermeshError as error:
            self.error = error

    def _edit(self, clients: Sequence[Client]) -> None:
        mark, unanswered = uuid.uuid4().hex, False
        document = self._read(clients)
        while True:
            try:
                random.choice(clients).apply([counted(document)], "writer", mark)
                break
            except TiermeshError as error:
                if error.stale:
                    self._ledger.told["refused"] += 1
                    if not (unanswered and self._happened(clients, mark)):
                        time.sleep(random.uniform(0, _PAUSE_SECONDS))
                        return
                    break
                if error.code is not Code.UNAVAILABLE:
                    raise
                unanswered = True
                self._ledger.told["unanswered"] += 1
                time.sleep(random.uniform(0, _PAUSE_SECONDS))
        self._ledger.told["written"] += 1
        self._ledger.acknowledged.append(mark)

    def _read(self, clients: Sequence[Client]) -> Document:
        return self._asked(clients, lambda client: client.get("Route", self._route))

    def _happened(self, clients: Sequence[Client], mark: str) -> bool:
        history = self._asked(clients, lambda client: client.revisions("Route", self._route))
        return any(revision.reason == mark for revision in history)

    @staticmethod
    def _asked(clients: Sequence[Client], ask: Callable[[Client], T]) -> T:
        """The answer of any of them; a question may be asked again."""
        while True:
            try:
                return ask(random.choice(clients))
            except TiermeshError as error:
                if error.code is not Code.UNAVAILABLE:
                    raise
                time.sleep(random.uniform(0, _PAUSE_SECONDS))


def counted(document: Document) -> Document:
    """The same with its count one higher, and a threshold that routers see."""
    said = dump(document)
    count = edits(document) + 1
    said["metadata"]["annotations"] = {"edits": str(count)}
    said["spec"]["complexity"] = {"threshold": count % 100 / 100}
    return parse(said)


def edits(document: Document) -> int:
    """How often it was counted up."""
    return int(document.metadata.annotations.get("edits", 0))
