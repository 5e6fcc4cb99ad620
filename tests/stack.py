"""The whole stack as callers meet it: `tiermesh up` in a process of its own, on free ports and an empty home."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pytest

from tests.traces import Traces
from tests.weights import SMOLLM2, lend, lend_known

TIERMESH = str(Path(sys.executable).with_name("tiermesh"))


@dataclass(frozen=True)
class Stack:
    """A mesh that is ready, until the block that started it ends."""

    home: Path
    router: str
    """Base URL of the OpenAI API, /v1 included."""
    router_admin: str
    control_plane: str
    models: str
    """Ray Serve's address."""
    environment: Mapping[str, str]
    """In which `tiermesh` commands speak to this mesh."""
    launcher: subprocess.Popen[str]

    def tiermesh(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a `tiermesh` command against this mesh. Raises CalledProcessError on a failure, if `check`."""
        command = [TIERMESH, *arguments]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, check=check)


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now, all different."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def environment(home: Path) -> dict[str, str]:
    """The environment of a mesh with a home and ports of its own."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("TIERMESH_")}
    router, grpc, admin, control_plane, control_plane_admin, models = free_ports(6)
    return inherited | {
        "TIERMESH_HOME": str(home),
        "TIERMESH_SERVER": f"http://127.0.0.1:{control_plane}",
        "TIERMESH_UP_ROUTER_PORT": str(router),
        "TIERMESH_UP_ROUTER_GRPC_PORT": str(grpc),
        "TIERMESH_UP_ROUTER_ADMIN_PORT": str(admin),
        "TIERMESH_UP_CONTROL_PLANE_PORT": str(control_plane),
        "TIERMESH_UP_CONTROL_PLANE_ADMIN_PORT": str(control_plane_admin),
        "TIERMESH_UP_MODELS_PORT": str(models),
    }


@contextmanager
def started(variables: Mapping[str, str], *arguments: str, say: Callable[[str], None] = print) -> Iterator[Stack]:
    """Run `tiermesh up` until the end of the block, which begins when it is ready. Nothing may be left of it then."""
    traces = None
    command = [TIERMESH, "up", *arguments]
    with subprocess.Popen(
        command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as launcher:
        try:
            assert launcher.stdout
            _wait(launcher.stdout, say)
            port = {name: variables[f"TIERMESH_UP_{name}_PORT"] for name in ("ROUTER", "ROUTER_ADMIN", "MODELS")}
            yield Stack(
                home=Path(variables["TIERMESH_HOME"]),
                router=f"http://127.0.0.1:{port['ROUTER']}/v1",
                router_admin=f"http://127.0.0.1:{port['ROUTER_ADMIN']}",
                control_plane=variables["TIERMESH_SERVER"],
                models=f"http://127.0.0.1:{port['MODELS']}",
                environment=variables,
                launcher=launcher,
            )
            if launcher.poll() is None:
                traces = Traces.of(Path(variables["TIERMESH_HOME"]), variables)
        finally:
            if launcher.poll() is None:
                launcher.send_signal(signal.SIGTERM)
            rest, _ = launcher.communicate()
            say(rest.rstrip())
    if traces:
        assert launcher.returncode == 0
        assert traces.left() == []


def _wait(output: IO[str], say: Callable[[str], None]) -> None:
    """Pass on what the launcher says until the command to try, which it says when it is ready."""
    said = []
    for line in output:
        said.append(line)
        say(line.rstrip())
        if line.startswith(("Try:", "No Route yet")):
            return
    raise AssertionError("tiermesh up ended before it was ready:\n" + "".join(said))


@pytest.fixture(scope="session")
def stack(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, converted: Path) -> Iterator[Stack]:
    """The bundled shop with both real models and two adapters of one, started once per run.

    Its progress is shown past pytest's capture.
    """
    from tests.adapters import shop_with_adapters  # deferred: NumPy and all documents, for every start of pytest

    plugins = request.config.pluginmanager
    terminal, capture = plugins.get_plugin("terminalreporter"), plugins.get_plugin("capturemanager")

    def say(line: str) -> None:
        if terminal and capture:
            with capture.global_and_fixture_disabled():
                terminal.ensure_newline()
                terminal.write_line(f"stack: {line}")

    documents, home = shop_with_adapters(tmp_path_factory.mktemp("shop")), tmp_path_factory.mktemp("stack")
    lend(SMOLLM2, converted, home)
    lend_known(converted, home)
    with started(environment(home), "-f", str(documents), say=say) as running:
        yield running
