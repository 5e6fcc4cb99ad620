"""A router as people run it: `python -m routers` in a process of its own."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from control_plane.spec.documents import Document, dump

START_SECONDS = 60


class RouterProcess:
    """Runs while it is entered; its log is kept."""

    def __init__(self, home: Path, documents: Sequence[Document], **variables: str) -> None:
        """`variables` are TIERMESH_ROUTER_… settings without their prefix. Without documents it has no file."""
        usual = {"PORT": "0", "GRPC_PORT": "0", "ADMIN_PORT": "0", "NOTICE_SECONDS": "0"}
        given = {**usual, **variables}
        if documents:
            config = home / "routes.json"
            config.write_text(json.dumps([dump(document) for document in documents]))
            given["CONFIG"] = str(config)
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("TIERMESH_")}
        prefixed = {f"TIERMESH_ROUTER_{name}": value for name, value in given.items()}
        self._environment = {**inherited, **prefixed, "TIERMESH_HOME": str(home)}
        self._messages: queue.Queue[dict[str, Any]] = queue.Queue()
        self.lines: list[str] = []
        self.port = self.grpc_port = self.admin_port = 0

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "routers"]
        self._process = subprocess.Popen(command, env=self._environment, stderr=subprocess.PIPE, text=True)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        fields, _ = self.heard("The router listens.", "A snapshot is in force.")
        self.port, self.grpc_port, self.admin_port = fields["port"], fields["grpc_port"], fields["admin_port"]
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.terminate()
        self.wait()

    def terminate(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Ask it to stop."""
        self._process.send_signal(number)

    def wait(self) -> int:
        """Its exit status, and all of its log in `lines`."""
        status = self._process.wait(START_SECONDS)
        self._reader.join()
        return status

    @property
    def base_url(self) -> str:
        """As OpenAI's clients want it."""
        return f"http://127.0.0.1:{self.port}/v1"

    def heard(self, *messages: str) -> list[dict[str, Any]]:
        """Wait until the log says all of these, in any order; their fields."""
        found: dict[str, dict[str, Any]] = {}
        while not found.keys() >= set(messages):
            line = self._messages.get(timeout=START_SECONDS)
            found[line.get("message", "")] = line
        return [found[message] for message in messages]

    def _read(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as lines:
            for line in lines:
                self.lines.append(line)
                self._messages.put(json.loads(line) if line.startswith("{") else {"message": line})
