"""The process itself: how it starts, how it ends, and what is left when it is killed."""

import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from control_plane.client.http import Client
from control_plane.spec.documents import stored
from control_plane.spec.errors import Code, TiermeshError
from tests.unit.control_plane.samples import generating, model, parsed, route, shop

_Process = subprocess.Popen[str]


@contextmanager
def _process(home: Path, **settings: object) -> Iterator[_Process]:
    """`python -m control_plane` with its log on a pipe; killed if the test left it running."""
    variables = {f"TIERMESH_CONTROL_PLANE_{name}": str(value) for name, value in settings.items()}
    environment = {**os.environ, "TIERMESH_HOME": str(home), **variables}
    command = [sys.executable, "-m", "control_plane"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def _listening(home: Path) -> Iterator[tuple[_Process, Client]]:
    with _process(home, PORT=0, ADMIN_PORT=0) as process:
        assert process.stderr is not None
        lines = (json.loads(line) for line in process.stderr)
        address = next(line["api"] for line in lines if line["message"] == "control plane listens")
        drain = threading.Thread(target=process.stderr.read)
        drain.start()
        with Client(address) as client:
            yield process, client
        process.kill()
        drain.join()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_process_at_once_though_somebody_waits(tmp_path: Path, number: signal.Signals) -> None:
    with _listening(tmp_path) as (process, client):
        client.apply(parsed(*shop()), "alice")
        with contextlib.ExitStack() as stack:
            host, port = client.url.removeprefix("http://").split(":")
            waiting = stack.enter_context(socket.create_connection((host, int(port))))
            waiting.sendall(b"GET /v1/snapshots/latest?after=1&wait=60 HTTP/1.1\r\nhost: localhost\r\n\r\n")
            client.snapshots()
            process.send_signal(number)
            assert waiting.recv(100).startswith(b"HTTP/1.1 204")
        assert process.wait(timeout=20) == 0


def test_what_was_written_is_there_after_a_restart(tmp_path: Path) -> None:
    with _listening(tmp_path) as (process, client):
        client.apply(parsed(*shop()), "alice")
        process.terminate()
        assert process.wait(timeout=20) == 0
    with _listening(tmp_path) as (_, client):
        assert client.snapshot().number == 1
        assert stored(client.get("Route", "shop")) == route()


def test_a_process_killed_while_it_writes_loses_nothing_acknowledged_and_leaves_nothing_half_applied(
    tmp_path: Path,
) -> None:
    acknowledged: list[int] = []
    enough = threading.Event()
    target = random.randint(3, 12)

    def write(client: Client) -> None:
        """Each batch gives both documents of a pair the same version."""
        for version in range(1, 100_000):
            pair = parsed(model(version=str(version)), generating(version=str(version)))
            try:
                client.apply(pair, "alice", str(version))
            except TiermeshError as error:
                assert error.code is Code.UNAVAILABLE
                return
            acknowledged.append(version)
            if version == target:
                enough.set()

    with _listening(tmp_path) as (process, client):
        writer = threading.Thread(target=write, args=(client,))
        writer.start()
        assert enough.wait(timeout=60)
        process.kill()
        writer.join()
    with _listening(tmp_path) as (_, client):
        reasons = {revision.reason for revision in client.revisions("Model", "faq")}
        assert {str(version) for version in acknowledged} <= reasons
        assert reasons == {revision.reason for revision in client.revisions("Model", "assistant")}
        versions = {backend.version for backend in client.snapshot().content.backends}
        assert len(versions) == 1
        assert int(versions.pop()) in (acknowledged[-1], acknowledged[-1] + 1)
        numbers = [one.number for one in client.snapshots()]
        assert numbers == list(range(len(numbers), 0, -1))


def test_what_keeps_it_from_starting_is_one_sentence(tmp_path: Path) -> None:
    with _process(tmp_path, OIDC_ISSUER="http://login.example", OIDC_AUDIENCE="tiermesh") as process:
        _, log = process.communicate(timeout=60)
    assert (process.returncode, log.count("\n")) == (1, 1)
    assert log.startswith("error: The environment is not valid: TIERMESH_CONTROL_PLANE_OIDC_ISSUER must be https")
