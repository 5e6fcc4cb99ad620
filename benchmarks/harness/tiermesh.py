"""Starts Tiermesh's router before the stub, as a gateway to measure."""

import contextlib
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from benchmarks.harness.gateways import Gateway, free_port, gateway
from benchmarks.harness.processes import Cores
from control_plane.spec.documents import API_VERSION

_CACHE_BYTES = 8 * 2**20
"""Full long before the 20,000th distinct request; what grows after that is a leak, not the cache."""


@contextlib.contextmanager
def router(cores: Cores, stub: Gateway, folder: Path) -> Iterator[Gateway]:
    """A router with one Route to one Model at the stub.

    The exact cache is on for every load: distinct requests pay for asking it and for keeping their answer. The Route
    is not named like its Model, so the router rewrites `model` in each request, as it does in a shop's own Routes.
    """
    with python_gateway("router", "routers", cores, stub, folder) as started:
        yield started


@contextlib.contextmanager
def python_gateway(name: str, module: str, cores: Cores, stub: Gateway, folder: Path) -> Iterator[Gateway]:
    """`python -m module`, which reads a router's settings."""
    config, port = folder / f"{name}.json", free_port()
    config.write_text(json.dumps(documents(stub)))
    env = {
        "TIERMESH_HOME": str(folder / "home"),
        "TIERMESH_ROUTER_CONFIG": str(config),
        "TIERMESH_ROUTER_HOST": "127.0.0.1",
        "TIERMESH_ROUTER_PORT": str(port),
        "TIERMESH_ROUTER_ADMIN_PORT": str(free_port()),
        "TIERMESH_ROUTER_CACHE_MAX_BYTES": str(_CACHE_BYTES),
    }
    with gateway(name, [sys.executable, "-m", module], port, cores, folder, env) as started:
        yield started


def documents(stub: Gateway) -> list[Mapping[str, object]]:
    """A Model at the stub and a Route to it."""
    model = {"engine": "openai", "tier": "heavy", "url": f"http://127.0.0.1:{stub.port}/v1"}
    route = {"tiers": {"heavy": ["stub"]}, "cache": {"exact": {"enabled": True}}}
    return [_document("Model", "stub", model), _document("Route", "bench", route)]


def _document(kind: str, name: str, spec: Mapping[str, object]) -> Mapping[str, object]:
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec}
