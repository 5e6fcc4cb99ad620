"""A control plane and routers that follow it, as processes."""

import contextlib
import os
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx2

from benchmarks.harness.callers import Site
from benchmarks.harness.gateways import free_port
from benchmarks.harness.processes import Cores, running
from control_plane.client.http import Client
from control_plane.spec.errors import Code, TiermeshError

_START_SECONDS = 120.0
_PROBE_SECONDS = 0.1


@contextlib.contextmanager
def echo(cores: Cores) -> Iterator[str]:
    """An upstream that says which model it was asked for; its URL as a Model document names it."""
    with running([sys.executable, "-m", "benchmarks.harness.echoing"], cores.load) as process:
        line = process.stdout.readline() if process.stdout else ""
        if not line:
            raise TiermeshError(Code.SETUP, "The upstream does not start.", "Its own words are above.")
        yield f"http://127.0.0.1:{int(line)}/v1"


@contextlib.contextmanager
def control_plane(cores: Cores, folder: Path) -> Iterator[Client]:
    """A control plane with an empty database, on the load's core."""
    port, admin_port = free_port(), free_port()
    env = _environment(folder / "control-plane", "CONTROL_PLANE", {"PORT": port, "ADMIN_PORT": admin_port})
    command = [sys.executable, "-m", "control_plane"]
    with running(command, cores.load, env=env, log=folder / "control-plane.log") as process:
        with contextlib.suppress(PermissionError):
            # What it compiles is nobody's to wait for: who asks, and the upstream, share its core.
            os.setpriority(os.PRIO_PROCESS, process.pid, 0)
        _wait_for(admin_port, "The control plane")
        with Client(f"http://127.0.0.1:{port}", timeout_seconds=120) as client:
            yield client


@contextlib.contextmanager
def router(cores: Cores, folder: Path, url: str, name: str) -> Iterator[Site]:
    """A router that follows the control plane at `url`, on the gateway's core, once it has a snapshot."""
    site = Site(free_port(), free_port())
    ports = {"PORT": site.port, "ADMIN_PORT": site.admin_port, "GRPC_PORT": 0}
    env = _environment(folder / name, "ROUTER", {"CONTROL_PLANE_URL": url, "NAME": name, **ports})
    with running([sys.executable, "-m", "routers"], cores.gateway, env=env, log=folder / f"{name}.log"):
        _wait_for(site.admin_port, f"Router {name}")
        yield site


def _environment(home: Path, program: str, settings: Mapping[str, object]) -> Mapping[str, str]:
    home.mkdir(exist_ok=True)
    # Without bytecode on disk, each start would spend its time compiling.
    left_out = ("TIERMESH_", "PYTHONDONTWRITEBYTECODE")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
    given = {f"TIERMESH_{program}_{name}": str(value) for name, value in settings.items()}
    return inherited | given | {"TIERMESH_HOME": str(home)}


def _wait_for(admin_port: int, who: str) -> None:
    until = time.monotonic() + _START_SECONDS
    with httpx2.Client(trust_env=False, verify=False) as http:
        while time.monotonic() < until:
            with contextlib.suppress(httpx2.TransportError):
                if http.get(f"http://127.0.0.1:{admin_port}/readyz").status_code == 200:
                    return
            time.sleep(_PROBE_SECONDS)
    raise TiermeshError(Code.SETUP, f"{who} does not answer.", "Its own words are in its log.")
