"""`tiermesh up` from the first start to nothing left, with the light model only: it starts in seconds."""

import json
import os
import signal
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from launcher.identities import alive
from tests.e2e.meshes import (
    DELIVERY,
    ask,
    far_documents,
    light_documents,
    process,
    status,
)
from tests.stack import TIERMESH, Stack, environment, started
from tests.traces import Traces

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]

ASKED_BY_RAY = {"169.254.169.254", "metadata.google.internal"}
"""Ray asks these, even with its usage statistics switched off, which cloud it is in; it does without an answer."""


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


def tiermesh(variables: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([TIERMESH, *arguments], env=variables, capture_output=True, text=True, check=False)


def test_a_mesh_answers_stops_without_a_trace_and_starts_again_offline(home: Path, tmp_path: Path) -> None:
    variables = environment(home)
    with started(variables, "-f", str(light_documents(tmp_path))) as mesh:
        _answers_and_is_healthy(mesh)
        traces = Traces.of(home, variables)
        seen = traces.left()
        assert {f"port {port}" for port in traces.ports} < set(seen), "what must be gone afterwards is there now"
    assert traces.left() == []

    log, guard = tmp_path / "asked-outside.log", Path(__file__).with_name("offline")
    with started({**variables, "PYTHONPATH": str(guard), "OFFLINE_LOG": str(log)}) as mesh:
        _answers_and_is_healthy(mesh)
    assert _asked_outside(log) <= ASKED_BY_RAY


def _asked_outside(log: Path) -> set[str]:
    return (
        {line.split(maxsplit=1)[1] for line in log.read_text(encoding="utf-8").splitlines()} if log.exists() else set()
    )


def _answers_and_is_healthy(mesh: Stack) -> None:
    answer = ask(mesh, DELIVERY)
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-tiermesh-model"] == "faq"
    report = json.loads(mesh.tiermesh("status", "-o", "json").stdout)
    assert report["phase"] == "ready"
    assert [(each["name"], each["ready"], each["snapshot"]) for each in report["processes"]] == [
        ("control-plane", True, 1),
        ("models", True, 1),
        ("router", True, 1),
    ]
    assert {name: model["state"] for name, model in report["models"].items()} == {"faq": "running"}


def test_the_offline_guard_of_these_tests_refuses_and_records(tmp_path: Path) -> None:
    guard, log = Path(__file__).with_name("offline"), tmp_path / "log"
    program = "import socket; socket.create_connection(('192.0.2.1', 443), timeout=1)"
    variables = {**os.environ, "PYTHONPATH": str(guard), "OFFLINE_LOG": str(log)}
    python = str(Path(TIERMESH).with_name("python"))
    done = subprocess.run([python, "-c", program], env=variables, capture_output=True, text=True, check=False)
    assert "OSError: offline" in done.stderr
    assert "192.0.2.1" in log.read_text(encoding="utf-8")


def test_a_port_in_use_is_named_with_the_cure_and_nothing_is_started(home: Path, tmp_path: Path) -> None:
    variables = environment(home)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", int(variables["TIERMESH_UP_ROUTER_PORT"])))
        listener.listen(1)
        done = tiermesh(variables, "up", "-f", str(far_documents(tmp_path)))
    assert done.returncode == 1
    assert f"Port {variables['TIERMESH_UP_ROUTER_PORT']} is in use by" in done.stderr
    assert done.stderr.rstrip().endswith("free it, or set TIERMESH_UP_ROUTER_PORT to another.")
    assert not (home / "control-plane.db").exists()


def test_too_little_memory_is_said_before_anything_starts(home: Path, tmp_path: Path) -> None:
    variables = environment(home) | {"TIERMESH_UP_OVERHEAD_GIB": "100000"}
    done = tiermesh(variables, "up", "-f", str(light_documents(tmp_path)))
    assert done.returncode == 1
    assert "GiB of memory are needed (faq" in done.stderr
    assert not (home / "control-plane.db").exists()


def test_a_document_that_is_not_valid_is_named_before_anything_starts(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_text(far_documents(tmp_path).read_text(encoding="utf-8").replace("tier:", "teir:"), encoding="utf-8")
    done = tiermesh(environment(home), "up", "-f", str(file))
    assert done.returncode == 1
    assert "wrong.yaml" in done.stderr
    assert "'teir'; did you mean 'tier'?" in done.stderr


def test_a_detached_mesh_is_shown_refuses_a_second_and_goes_down(home: Path, tmp_path: Path) -> None:
    variables, documents = environment(home), str(far_documents(tmp_path))
    first = tiermesh(variables, "up", "--detach", "-f", documents)
    try:
        assert first.returncode == 0, first.stderr
        assert f"http://127.0.0.1:{variables['TIERMESH_UP_ROUTER_PORT']}/v1" in first.stdout
        assert tiermesh(variables, "status").returncode == 0
        again = tiermesh(variables, "up", "--detach")
        assert (again.returncode, "runs already" in again.stdout) == (0, True)
        second = tiermesh(variables, "up")
        assert (second.returncode, "runs already" in second.stderr) == (1, True)
    finally:
        down = tiermesh(variables, "down")
    assert (down.returncode, "is stopped" in down.stdout) == (0, True)
    assert tiermesh(variables, "status").returncode == 1
    assert "No mesh" in tiermesh(variables, "down").stdout


def test_a_detached_start_that_fails_says_why(home: Path, tmp_path: Path) -> None:
    done = tiermesh(environment(home), "up", "--detach", "-f", str(tmp_path / "none.yaml"))
    assert done.returncode == 1
    assert "none.yaml" in done.stdout


def test_down_ends_what_a_killed_launcher_left(home: Path, tmp_path: Path) -> None:
    with started(environment(home), "-f", str(far_documents(tmp_path))) as mesh:
        traces = Traces.of(home, mesh.environment)
        os.kill(process(mesh, "router")["pid"], signal.SIGSTOP)  # it cannot act on the signal it is told to end by
        mesh.launcher.kill()
        mesh.launcher.wait()
        assert any(map(alive, traces.processes))
        assert status(mesh)["phase"] == "killed"
        variables = {**mesh.environment, "TIERMESH_UP_GRACE_SECONDS": "1"}
        assert "a killed 'tiermesh up'" in tiermesh(variables, "down").stdout
    assert traces.left() == []
