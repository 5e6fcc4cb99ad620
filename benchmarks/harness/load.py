"""One load, sent by the C load generator, and what came of it."""

import contextlib
import json
import secrets
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.harness.build import program
from benchmarks.harness.gateways import Gateway, answered
from benchmarks.harness.processes import Cores, busy_seconds, cpu_seconds, running, tree
from control_plane.spec.errors import Code, TiermeshError

_DISTINCT = "@@@@@@@@"
"""The load generator puts a running number here."""
_SYSTEM = (
    "You answer the customers of a shop in short plain sentences, and name the policy that each answer rests on. " * 7
)


@dataclass(frozen=True, slots=True)
class Load:
    """Chat requests of about 970 bytes. `rate` (requests/s) opens the loop; without it, it is closed."""

    connections: int
    rate: float = 0
    distinct: bool = True
    """Whether every request differs from all others: an exact cache answers none of them."""
    events: int = 0
    """Streamed events an answer; 0 asks for a whole answer."""
    gap_us: int = 0
    """Between two events of one stream."""
    shed: bool = False
    """Every request is to be refused: the gateway has no place for any."""

    def body(self, model: str) -> bytes:
        """The request; distinct ones differ between runs too."""
        number = f"{secrets.token_hex(4)}-{_DISTINCT}" if self.distinct else "17"
        question = f"Question {number}: my parcel has not come yet, where is it and when will it be here?"
        messages = [{"role": "system", "content": _SYSTEM}, {"role": "user", "content": question}]
        stream = {"max_tokens": self.events, "seed": self.gap_us, "stream": True} if self.events else {"max_tokens": 64}
        return json.dumps({"model": model, "messages": messages, "temperature": 0.2, **stream}).encode()


LOADS = {
    "chat": Load(connections=32),
    "hit": Load(connections=32, distinct=False),
    "paced": Load(connections=512, rate=500),
    "first": Load(connections=256, rate=20, events=20, gap_us=5000),
    "stream": Load(connections=64, events=100, gap_us=1000),
}
"""Closed loops for CPU time, open loops for latency. `first` is for the first event, `stream` for the cost of each."""
SHED = Load(connections=8, shed=True)
"""For a gateway that is full."""


@dataclass(frozen=True, slots=True)
class Window:
    """How long a load warms up and is measured; `requests` ends it early."""

    warm_seconds: float
    seconds: float
    requests: int | None = None


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Of one kind of time, in microseconds."""

    count: int
    p50: float
    p95: float
    p99: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the load generator counted; loadgen.c says what each number is."""

    sent: int
    answered: int
    refused: int
    broken: int
    unfinished: int
    seconds: float
    finished: int
    events: int
    latency_us: Quantiles | None
    lag_us: Quantiles | None
    first_event_us: Quantiles | None
    transit_us: Quantiles | None

    @classmethod
    def parse(cls, line: str) -> "Outcome":
        """Read the load generator's last line. Raises TiermeshError(INTERNAL) where it is not one."""
        try:
            fields: dict[str, Any] = dict(json.loads(line))
            times = {name: Quantiles(**value) for name, value in fields.items() if isinstance(value, dict)}
            return cls(**{**fields, **times})
        except (TypeError, ValueError) as error:
            message = f"The load generator's outcome cannot be read: {line[:200]!r}."
            raise TiermeshError(Code.INTERNAL, message, "Its own words are above.") from error


@dataclass(frozen=True, slots=True)
class Measurement:
    """One load on one gateway. The CPU time is that of the gateway's processes within the window."""

    outcome: Outcome
    cpu_seconds: float
    upstream_requests: int
    """How many requests reached the stub; the rest came from a cache."""
    noise: float
    """The largest share of either core that went to others: neither gateway, nor stub, nor load."""

    def cpu_us_per_request(self) -> float:
        return self.cpu_seconds / self.outcome.finished * 1e6

    def cpu_us_per_event(self) -> float:
        """A stream's whole cost, its request included, shared by its events."""
        return self.cpu_seconds / self.outcome.events * 1e6

    def cpu_us_per_refusal(self) -> float:
        return self.cpu_seconds / self.outcome.refused * 1e6

    def requests_per_second(self) -> float:
        return self.outcome.finished / self.outcome.seconds

    def p50_ms(self) -> float:
        """From when a request was due to its answer's last byte."""
        assert self.outcome.latency_us, "a measured load has answers"
        return self.outcome.latency_us.p50 / 1000

    def first_event_ms(self) -> float:
        """From when a streamed request was due to its first event, the median."""
        assert self.outcome.first_event_us, "a measured stream has events"
        return self.outcome.first_event_us.p50 / 1000


@dataclass(frozen=True, slots=True)
class Clocks:
    """All clocks, in seconds, as they stood at one moment."""

    wall: float
    gateway: float
    """CPU time of the gateway's processes, …"""
    gateway_core: float
    """… and how long its core was busy, for whomever."""
    load: float
    """CPU time of stub and load generator, …"""
    load_core: float
    """… and how long their core was busy."""

    def since(self, before: "Clocks") -> tuple[float, float]:
        """The share of its core that the gateway used, and that of the noisier core that others used."""
        wall = max(self.wall - before.wall, 1e-6)
        gateway, load = self.gateway - before.gateway, self.load - before.load
        others = max(self.gateway_core - before.gateway_core - gateway, self.load_core - before.load_core - load)
        return gateway / wall, max(0.0, others / wall)


def measure(load: Load, gateway: Gateway, stub: Gateway, cores: Cores, window: Window) -> Measurement:
    """Send the load.

    Raises TiermeshError(UPSTREAM_FAILED) where a request was refused, broken or left unanswered, and UNAVAILABLE where
    nothing was measured: figures of such a run mean nothing.
    """
    before = answered(stub)
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        body = Path(folder, "body.json")
        body.write_bytes(load.body(gateway.model))
        process = stack.enter_context(running(_command(load, gateway, window, body), cores.load))
        gateway_pids = tree(gateway.pid) if gateway.pid != stub.pid else frozenset[int]()
        load_pids = (stub.pid, process.pid)

        def clocks() -> Clocks:
            gateway_times = cpu_seconds(gateway_pids), busy_seconds(cores.gateway, cores.keepers[:1])
            load_times = cpu_seconds(load_pids), busy_seconds(cores.load, cores.keepers[1:])
            return Clocks(time.monotonic(), *gateway_times, *load_times)

        lines = iter(process.stdout or ())
        begin = clocks() if next(lines, "") == "begin\n" else None
        end = clocks() if next(lines, "") == "end\n" else None
        outcome = Outcome.parse(next(lines, ""))
    _check(outcome, load, gateway)
    assert begin and end, "an outcome comes after both"
    # On a busy machine the clocks are read late: their share of time is right where their difference is not.
    share, noise = end.since(begin)
    return Measurement(outcome, share * outcome.seconds, answered(stub) - before, noise)


def _command(load: Load, gateway: Gateway, window: Window, body: Path) -> list[str]:
    options = {
        "-p": gateway.port,
        "-u": gateway.path,
        "-b": body,
        "-h": gateway.header,
        "-c": load.connections,
        "-r": load.rate,
        "-w": window.warm_seconds,
        "-d": window.seconds,
        "-n": -1 if window.requests is None else window.requests,
    }
    return [str(program("loadgen")), *(str(word) for option in options.items() for word in option)]


def _check(outcome: Outcome, load: Load, gateway: Gateway) -> None:
    lost = outcome.broken + outcome.unfinished + (outcome.answered if load.shed else outcome.refused)
    if lost:
        message = (
            f"{gateway.name} refused {outcome.refused} requests, broke {outcome.broken} connections and left "
            f"{outcome.unfinished} unanswered; {outcome.answered} were answered."
        )
        raise TiermeshError(
            Code.UPSTREAM_FAILED, message, "Look for its first refusal above, or for what keeps the machine busy."
        )
    begun = outcome.first_event_us.count if outcome.first_event_us else 0
    if load.events and begun < outcome.answered:
        message = f"Of {outcome.answered} streams through {gateway.name}, only {begun} carried an event."
        raise TiermeshError(Code.UPSTREAM_FAILED, message, "A gateway must forward events as they are.")
    if load.shed:
        return
    if not outcome.finished or (load.events and not outcome.events):
        message = f"{gateway.name} answered nothing within the window."
        raise TiermeshError(Code.UNAVAILABLE, message, "Measure it for longer.")
