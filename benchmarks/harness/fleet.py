"""A fleet: several routers before one upstream, with one Redis for their quotas."""

import contextlib
import hashlib
import http.client
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from benchmarks.harness.gateways import free_port
from benchmarks.harness.processes import Cores, running
from benchmarks.harness.spender import INPUT_MICRODOLLARS, OUTPUT_MICRODOLLARS
from control_plane.spec.documents import API_VERSION
from control_plane.spec.errors import Code, TiermeshError

_START_SECONDS = 120.0
_PROBE_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class RedisServer:
    """A Redis that runs."""

    port: int

    def account(self, tenant: str) -> tuple[int, int]:
        """Microdollars that a tenant has spent and still holds."""
        with Redis(port=self.port) as client:
            spent, held = client.hmget(f"tiermesh:{{{tenant}}}:account", ["spent", "held"])
        return int(spent or 0), int(held or 0)

    def microseconds_a_script(self) -> float:
        """CPU of one run of the quotas' scripts, on average."""
        with Redis(port=self.port) as client:
            told: dict[str, Any] = client.info("commandstats")
        return float(told["cmdstat_evalsha"]["usec_per_call"])


@contextlib.contextmanager
def redis(cores: Cores, folder: Path) -> Iterator[RedisServer]:
    """An empty Redis on the load's core. Raises TiermeshError(SETUP) where it is not installed."""
    program = shutil.which("redis-server")
    if program is None:
        raise TiermeshError(Code.SETUP, "redis-server is not installed.", "Install it: apt install redis-server.")
    port = free_port()
    options = {"port": port, "bind": "127.0.0.1", "dir": folder, "save": "", "logfile": folder / "redis.log"}
    words = [str(word) for name, value in options.items() for word in (f"--{name}", value)]
    with running([program, *words], cores.load), Redis(port=port) as client:
        _wait(lambda: bool(client.ping()), "Redis")
        yield RedisServer(port)


@contextlib.contextmanager
def spender(cores: Cores) -> Iterator[int]:
    """An upstream that keeps books; its port."""
    with running([sys.executable, "-m", "benchmarks.harness.spender"], cores.load) as process:
        line = process.stdout.readline() if process.stdout else ""
        if not line:
            raise TiermeshError(Code.SETUP, "The upstream does not start.", "Its own words are above.")
        yield int(line)


def told(spender: int) -> Mapping[str, int]:
    """The upstream's books."""
    found: Mapping[str, int] = json.loads(_get(spender, "/")[1])
    return found


@contextlib.contextmanager
def routers(
    cores: Cores, folder: Path, documents: Sequence[Mapping[str, Any]], redis: RedisServer, count: int
) -> Iterator[list[int]]:
    """So many routers, on both cores in turn; their ports."""
    with contextlib.ExitStack() as stack:
        ports = [(free_port(), free_port()) for _ in range(count)]
        for number, (port, admin_port) in enumerate(ports):
            env = _environment(folder / f"router-{number}", documents, redis, port, admin_port)
            core, log = (cores.gateway, cores.load)[number % 2], folder / f"router-{number}.log"
            stack.enter_context(running([sys.executable, "-m", "routers"], core, env=env, log=log))
        for number, (_, admin_port) in enumerate(ports):
            _wait(partial(_ready, admin_port), f"router {number}")
        yield [port for port, _ in ports]


def documents(spender: int, tenant: str, usd_per_day: float) -> list[Mapping[str, Any]]:
    """A Route to the upstream, and a tenant whose key is its name."""
    price = {"inputUsdPerMillionTokens": INPUT_MICRODOLLARS, "outputUsdPerMillionTokens": OUTPUT_MICRODOLLARS}
    model = {"engine": "openai", "tier": "heavy", "url": f"http://127.0.0.1:{spender}/v1", "price": price}
    route = {"tiers": {"heavy": ["spender"]}, "cache": {"exact": {"enabled": False}}}
    key = {"name": "crowd", "sha256": hashlib.sha256(tenant.encode()).hexdigest()}
    quotas = {"usdPerDay": usd_per_day, "hard": True}
    named = [
        ("Model", "spender", model),
        ("Route", "bench", route),
        ("Tenant", tenant, {"keys": [key], "quotas": quotas}),
    ]
    return [
        {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec}
        for kind, name, spec in named
    ]


def _environment(
    home: Path, documents: Sequence[Mapping[str, Any]], redis: RedisServer, port: int, admin_port: int
) -> Mapping[str, str]:
    home.mkdir(exist_ok=True)
    config = home / "documents.json"
    config.write_text(json.dumps(documents))
    settings = {
        "CONFIG": config,
        "PORT": port,
        "ADMIN_PORT": admin_port,
        "GRPC_PORT": 0,
        "REDIS_URL": f"redis://127.0.0.1:{redis.port}/0",
    }
    # Without bytecode on disk, each router would spend its start compiling.
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {
        **{name: value for name, value in inherited.items() if not name.startswith("TIERMESH_")},
        **{f"TIERMESH_ROUTER_{name}": str(value) for name, value in settings.items()},
        "TIERMESH_HOME": str(home),
    }


def _wait(ready: Callable[[], bool], who: str) -> None:
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until:
        with contextlib.suppress(OSError, http.client.HTTPException, RedisError):
            if ready():
                return
        time.sleep(_PROBE_SECONDS)
    raise TiermeshError(Code.SETUP, f"{who} does not answer.", "Its own words are in its log.")


def _ready(admin_port: int) -> bool:
    return _get(admin_port, "/readyz")[0] == 200


def _get(port: int, path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    with contextlib.closing(connection):
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read()
