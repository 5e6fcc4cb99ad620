"""Starts Tiermesh's router before the stub, as a gateway to measure."""

import contextlib
import hashlib
import json
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.harness.gateways import Gateway, free_port, gateway
from benchmarks.harness.load import Load
from benchmarks.harness.processes import Cores
from control_plane.spec.documents import API_VERSION

_CACHE_BYTES = 8 * 2**20
"""Full long before the 20,000th distinct request; what grows after that is a leak, not the cache."""


KEY = "tm-bench"
"""The tenant's key; no secret, since nothing but the stub is behind it."""


@contextlib.contextmanager
def router(cores: Cores, stub: Gateway, folder: Path) -> Iterator[Gateway]:
    """A router with one Route to one Model at the stub; breakers and admission are on, as always.

    The exact cache is on for every load: distinct requests pay for asking it and for keeping their answer. The Route
    is not named like its Model, so the router rewrites `model` in each request, as it does in a shop's own Routes.
    """
    with python_gateway("router", "routers", cores, stub, folder) as started:
        yield started


@contextlib.contextmanager
def guarded_router(cores: Cores, stub: Gateway, folder: Path) -> Iterator[Gateway]:
    """The same, for a tenant whose key is asked for, and which has a quota of each kind."""
    header = f"authorization: Bearer {KEY}"
    with python_gateway("guarded", "routers", cores, stub, folder, tenants(), header) as started:
        yield started


@contextlib.contextmanager
def full_router(cores: Cores, stub: Gateway, folder: Path) -> Iterator[Gateway]:
    """A router whose Route has one place, which a stream holds: it sheds every request."""
    admission = {"admission": {"maxConcurrent": 1, "maxQueued": 0}, "deadlineSeconds": 3600}
    route = document("Route", "bench", {"tiers": {"heavy": ["stub"]}, "resilience": admission})
    with (
        python_gateway("full", "routers", cores, stub, folder, [route]) as started,
        socket.create_connection(("127.0.0.1", started.port), timeout=10) as holder,
    ):
        body = Load(connections=1, events=2, gap_us=3_600_000_000).body(started.model)
        head = f"POST {started.path} HTTP/1.1\r\nhost: bench\r\ncontent-length: {len(body)}\r\n\r\n"
        holder.sendall(head.encode() + body)
        holder.recv(1)  # the stream has begun
        yield started


@contextlib.contextmanager
def tensor_router(cores: Cores, stub: Gateway, folder: Path) -> Iterator[Gateway]:
    """A router with a Route `iris` to a Model at the stub that takes tensors; its port is the one of gRPC."""
    model = {"engine": "kserve", "tier": "heavy", "url": f"http://127.0.0.1:{stub.port}"}
    more = [document("Model", "tensors", model), document("Route", "iris", {"tiers": {"heavy": ["tensors"]}})]
    with python_gateway("router", "routers", cores, stub, folder, more) as started:
        lines = map(json.loads, (folder / "router.log").read_text().splitlines())
        port = next(line["grpc_port"] for line in lines if "grpc_port" in line)
        yield replace(started, port=port)


@contextlib.contextmanager
def python_gateway(
    name: str,
    module: str,
    cores: Cores,
    stub: Gateway,
    folder: Path,
    more: Sequence[Mapping[str, object]] = (),
    header: str = "",
) -> Iterator[Gateway]:
    """`python -m module`, which reads a router's settings. `more` documents stand beside Model and Route; requests
    carry `header`."""
    # A later document takes the place of an earlier one of its kind and name.
    by_name = {json.dumps((each["kind"], each["metadata"])): each for each in (*documents(stub), *more)}
    config, port = folder / f"{name}.json", free_port()
    config.write_text(json.dumps(list(by_name.values())))
    env = {
        "TIERMESH_HOME": str(folder / "home"),
        "TIERMESH_ROUTER_CONFIG": str(config),
        "TIERMESH_ROUTER_HOST": "127.0.0.1",
        "TIERMESH_ROUTER_PORT": str(port),
        "TIERMESH_ROUTER_GRPC_PORT": "0",
        "TIERMESH_ROUTER_ADMIN_PORT": str(free_port()),
        "TIERMESH_ROUTER_CACHE_MAX_BYTES": str(_CACHE_BYTES),
    }
    with gateway(name, [sys.executable, "-m", module], port, cores, folder, env, header) as started:
        yield started


def documents(stub: Gateway) -> list[Mapping[str, object]]:
    """A Model at the stub and a Route to it."""
    price = {"inputUsdPerMillionTokens": 0.1, "outputUsdPerMillionTokens": 0.4}
    model = {"engine": "openai", "tier": "heavy", "url": f"http://127.0.0.1:{stub.port}/v1", "price": price}
    route = {"tiers": {"heavy": ["stub"]}, "cache": {"exact": {"enabled": True}}}
    return [document("Model", "stub", model), document("Route", "bench", route)]


def tenants() -> list[Mapping[str, object]]:
    """A Tenant with a key and with quotas that are counted and never reached."""
    key = {"name": "bench", "sha256": hashlib.sha256(KEY.encode()).hexdigest()}
    most = {"requestsPerSecond": 1e6, "concurrentRequests": 10**6, "tokensPerMinute": 10**12, "usdPerDay": 1e9}
    return [document("Tenant", "bench", {"keys": [key], "quotas": most})]


def document(kind: str, name: str, spec: Mapping[str, object]) -> Mapping[str, object]:
    """A document of this spec."""
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec}
