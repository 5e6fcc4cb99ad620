"""`python -m benchmarks.router`: what one router costs on one core, in turns with nginx's proxy_pass on the same core.

    python -m benchmarks.router [--quick] [--rounds N] [--json]
    python -m benchmarks.router --url http://127.0.0.1:PORT/v1/chat/completions --pid PID [--model NAME] [--hit]

The second form measures any gateway that is already running: pin it to the first core yourself (`taskset -c 0 …`) and
give it the upstream http://127.0.0.1:9100/v1, where the stub will listen (`--stub-port` moves it).
"""

import argparse
import contextlib
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.harness import command, guards
from benchmarks.harness.gateways import Gateway, nginx, stub_upstream
from benchmarks.harness.load import LOADS, SHED, Load, Measurement, Window, measure
from benchmarks.harness.processes import Cores, kept_awake, resident_mb, tree
from benchmarks.harness.rounds import Bench, Round, least, median, median_difference, median_ratio, notes, take_rounds
from benchmarks.harness.tiermesh import full_router, guarded_router, router
from benchmarks.report import Bar, Report
from control_plane.spec.errors import Code, TiermeshError

_MOST_MISSED = 0.01
"""Share of `hit` requests that may reach the stub: the first ones, until the answer is kept."""
_FILL_REQUESTS, _ALL_REQUESTS = 20_000, 100_000
_FLAT_SECONDS = 120.0
_DEFAULT_STUB_PORT = 9100

_CPU, _CHUNK_CPU = Measurement.cpu_us_per_request, Measurement.cpu_us_per_event
_P50, _FIRST, _RATE = Measurement.p50_ms, Measurement.first_event_ms, Measurement.requests_per_second


@dataclass(frozen=True, slots=True)
class Memory:
    """Resident memory of a gateway, 10^6 bytes."""

    after_fill_mb: float
    after_all_mb: float


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    options = _options(arguments)
    return command.report(lambda: run(options), options)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = command.parser("router", "What one router costs on one core, in turns with nginx.")
    parser.add_argument("--url", help="measure this running gateway instead of starting a router")
    parser.add_argument("--pid", type=int, help="with --url: the root of its processes")
    parser.add_argument("--model", default="bench", help="with --url: the model to ask for")
    parser.add_argument("--hit", action="store_true", help="with --url: it has an exact cache; measure hits too")
    parser.add_argument("--stub-port", type=int, help=f"where the stub listens (with --url: {_DEFAULT_STUB_PORT})")
    options = parser.parse_args(arguments)
    if bool(options.url) != bool(options.pid):
        parser.error("--url and --pid go together")
    return options


def run(options: argparse.Namespace) -> Report:
    """Start what is measured, measure it in turns. Raises TiermeshError where something does not start or answer."""
    cores = Cores.available()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        port = options.stub_port or (_DEFAULT_STUB_PORT if options.url else 0)
        stub = stack.enter_context(stub_upstream(cores, port))
        measured = _running_gateway(options) if options.url else stack.enter_context(router(cores, stub, folder))
        guarded = None if options.url else stack.enter_context(guarded_router(cores, stub, folder))
        beside = stack.enter_context(nginx(cores, stub, folder))
        asleep = Bench(cores, stub, command.window(options))
        plan = _plan(measured, beside, stub, with_hits=options.hit or not options.url)
        if guarded:
            plan[guarded] = LOADS
        slow = list(take_rounds(asleep, _asleep_plan(measured, beside), options.rounds, command.say))
        bench = replace(asleep, cores=stack.enter_context(kept_awake(cores)))
        rounds = list(take_rounds(bench, plan, options.rounds, command.say))
        memory = fill_and_weigh(bench, measured)
        shed = None if options.url else _shed(bench, stack.enter_context(full_router(cores, stub, folder)))
    said = notes(rounds)
    if beside is None:
        said.append("NOT MEASURED: nginx, which is not installed (apt install nginx).")
    if memory is None:
        said.append("NOT MEASURED: memory; the gateway is too slow for 100,000 requests.")
    found = bars(rounds, measured.name, beside is not None, memory)
    found += [bar for gateway in (measured, beside) if gateway for bar in asleep_bars(slow, gateway.name)]
    if guarded and shed:
        found += [*guarded_bars(rounds, guarded.name, measured.name), shed, *guards.costs()]
    return Report("router", found, notes=said)


def _running_gateway(options: argparse.Namespace) -> Gateway:
    url = urlsplit(options.url)
    if url.hostname not in ("127.0.0.1", "localhost") or not url.port:
        hint = "Give a URL such as http://127.0.0.1:8080/v1/chat/completions."
        raise TiermeshError(Code.SETUP, f"{options.url} is not an address on this machine with a port.", hint)
    return Gateway("gateway", url.port, options.pid, url.path or "/", options.model)


def _plan(
    measured: Gateway, beside: Gateway | None, stub: Gateway, *, with_hits: bool
) -> dict[Gateway, Mapping[str, Load]]:
    proxied = {name: load for name, load in LOADS.items() if name != "hit"}
    plan: dict[Gateway, Mapping[str, Load]] = {measured: LOADS if with_hits else proxied}
    if beside:
        plan[beside] = proxied
    # The stub directly: what a request takes with nothing in between.
    return {**plan, replace(stub, model=measured.model): {name: LOADS[name] for name in ("paced", "first")}}


def _asleep_plan(measured: Gateway, beside: Gateway | None) -> dict[Gateway, Mapping[str, Load]]:
    loads = {name: LOADS[name] for name in ("first", "stream")}
    return {gateway: loads for gateway in (measured, beside) if gateway}


def asleep_bars(rounds: Sequence[Round], name: str) -> list[Bar]:
    """What the host's waking of idle cores adds: to compare with figures that were taken so."""
    what = f"{name}, cores that may sleep: "
    return [
        Bar(what + "streamed chunk, CPU", least(rounds, name, "stream", _CHUNK_CPU), "µs"),
        Bar(what + "time to first token, p50", median(rounds, name, "first", _FIRST), "ms"),
    ]


def fill_and_weigh(bench: Bench, measured: Gateway) -> Memory | None:
    """Resident memory after 20,000 and after 100,000 distinct requests; None for a gateway too slow to take them."""
    weights = []
    for count in (_FILL_REQUESTS, _ALL_REQUESTS - _FILL_REQUESTS):
        window = Window(0, _FLAT_SECONDS, requests=count)
        taken = measure(LOADS["chat"], measured, bench.stub, bench.cores, window)
        if taken.outcome.answered < count:
            return None
        weights.append(resident_mb(tree(measured.pid)))
    return Memory(*weights)


def bars(rounds: Sequence[Round], name: str, with_nginx: bool, memory: Memory | None) -> list[Bar]:
    """The figures and their limits, from rounds in which `name` was measured.

    Raises TiermeshError(INTERNAL) where hits were not hits.
    """
    return [
        *_speed(rounds, name),
        *(_weights(memory) if memory else []),
        Bar("proxied chat requests", median(rounds, name, "chat", _RATE), "/s", better="higher"),
        *(_beside_nginx(rounds, name) if with_nginx else []),
    ]


def _speed(rounds: Sequence[Round], name: str) -> list[Bar]:
    hits = []
    if (name, "hit") in rounds[0]:
        _check_hits(rounds, name)
        hits.append(Bar("exact-cache hit, CPU", least(rounds, name, "hit", _CPU), "µs", limit=60))
    return [
        Bar("proxied chat request, CPU", least(rounds, name, "chat", _CPU), "µs", limit=150),
        Bar("proxied chat request, CPU, median of the rounds", median(rounds, name, "chat", _CPU), "µs"),
        *hits,
        Bar("streamed chunk, CPU", least(rounds, name, "stream", _CHUNK_CPU), "µs", limit=16),
        Bar("streamed chunk, CPU, median of the rounds", median(rounds, name, "stream", _CHUNK_CPU), "µs"),
        Bar("added p50 at 500/s", median_difference(rounds, name, "direct", "paced", _P50), "ms", limit=0.6),
        Bar("time to first token, p50", median(rounds, name, "first", _FIRST), "ms", limit=1.1),
    ]


def _shed(bench: Bench, full: Gateway) -> Bar:
    taken = measure(SHED, full, bench.stub, bench.cores, bench.window)
    return Bar("a request that is shed, CPU", taken.cpu_us_per_refusal(), "µs", limit=100)


def guarded_bars(rounds: Sequence[Round], name: str, bare: str) -> list[Bar]:
    """The same limits where a key is asked for and quotas are counted, and what that costs."""
    what = "with a key and quotas: "
    return [
        *[replace(bar, what=what + bar.what) for bar in _speed(rounds, name)],
        Bar(what + "proxied chat request, CPU", median_ratio(rounds, name, bare, "chat", _CPU), "× without"),
        Bar(what + "exact-cache hit, CPU", median_ratio(rounds, name, bare, "hit", _CPU), "× without"),
        Bar(what + "streamed chunk, CPU", median_ratio(rounds, name, bare, "stream", _CHUNK_CPU), "× without"),
    ]


def _weights(memory: Memory) -> list[Bar]:
    return [
        Bar("resident memory after 100,000 requests", memory.after_all_mb, "MB", limit=120),
        Bar("its growth since 20,000 requests", memory.after_all_mb - memory.after_fill_mb, "MB", limit=5),
    ]


def _beside_nginx(rounds: Sequence[Round], name: str) -> list[Bar]:
    added, nginx_added = (median_difference(rounds, one, "direct", "paced", _P50) for one in (name, "nginx"))
    # On a busy machine nginx's own share may drown in noise; then there is no ratio to it.
    times = [Bar("added p50 at 500/s", added / nginx_added, "× nginx")] if nginx_added > 0 else []
    return [
        Bar("proxied chat request, CPU", median_ratio(rounds, name, "nginx", "chat", _CPU), "× nginx"),
        Bar("streamed chunk, CPU", median_ratio(rounds, name, "nginx", "stream", _CHUNK_CPU), "× nginx"),
        *times,
        Bar("time to first token, p50", median_ratio(rounds, name, "nginx", "first", _FIRST), "× nginx"),
        Bar("nginx: proxied chat request, CPU", least(rounds, "nginx", "chat", _CPU), "µs"),
        Bar("nginx: streamed chunk, CPU", least(rounds, "nginx", "stream", _CHUNK_CPU), "µs"),
        Bar("nginx: added p50 at 500/s", nginx_added, "ms"),
        Bar("nginx: time to first token, p50", median(rounds, "nginx", "first", _FIRST), "ms"),
    ]


def _check_hits(rounds: Sequence[Round], name: str) -> None:
    for one in rounds:
        hit = one[name, "hit"]
        if hit.upstream_requests > _MOST_MISSED * hit.outcome.sent:
            message = f"Of {hit.outcome.sent} equal requests, {hit.upstream_requests} reached the upstream."
            raise TiermeshError(Code.INTERNAL, message, "Switch the exact cache of the measured gateway on.")


if __name__ == "__main__":
    sys.exit(main())
