"""`python -m benchmarks.servers`: the router's handler under three HTTP servers, in turns on one core.

    python -m benchmarks.servers [--quick] [--rounds N] [--json]

It is how the server that ships was chosen: `routers.server` (an asyncio Protocol over httptools) beside uvicorn (ASGI)
and Granian (RSGI; measured where it is installed). The handler is the same code in all three.
"""

import contextlib
import importlib.util
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.harness import command
from benchmarks.harness.gateways import stub_upstream
from benchmarks.harness.load import LOADS, Measurement, Window
from benchmarks.harness.processes import Cores, kept_awake
from benchmarks.harness.rounds import Bench, Figure, Round, least, median_ratio, notes, take_rounds
from benchmarks.harness.tiermesh import python_gateway
from benchmarks.report import Bar, Report

_SHIPPED = "protocol"
_SERVERS = {"protocol": "asyncio Protocol + httptools", "asgi": "uvicorn, ASGI", "rsgi": "Granian, RSGI"}
"""Module in benchmarks.adapters -> what it is."""
_FIGURES: dict[str, tuple[str, Figure]] = {
    "chat": ("proxied chat request", Measurement.cpu_us_per_request),
    "hit": ("exact-cache hit", Measurement.cpu_us_per_request),
    "stream": ("streamed chunk", Measurement.cpu_us_per_event),
}
"""Load -> what its CPU time is of."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    options = command.parser("servers", "The router's handler under three HTTP servers.").parse_args(arguments)
    return command.report(lambda: run(options.rounds, command.window(options)), options)


def run(count: int, window: Window) -> Report:
    """Start all servers, measure them in turns. Raises TiermeshError where one does not start or answer."""
    cores = Cores.available()
    names = [name for name in _SERVERS if name != "rsgi" or importlib.util.find_spec("granian")]
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        stub = stack.enter_context(stub_upstream(cores))
        loads = {load: LOADS[load] for load in _FIGURES}
        plan = {
            stack.enter_context(python_gateway(name, f"benchmarks.adapters.{name}", cores, stub, folder)): loads
            for name in names
        }
        awake = stack.enter_context(kept_awake(cores))
        rounds = list(take_rounds(Bench(awake, stub, window), plan, count, command.say))
    missing = [] if "rsgi" in names else ["NOT MEASURED: Granian, which is not installed (pip install granian)."]
    return Report("servers", bars(rounds, names), notes=[*notes(rounds), *missing])


def bars(rounds: Sequence[Round], names: Sequence[str]) -> list[Bar]:
    """CPU time under each server, and how many times the shipped one's the others take: at least once."""
    found = []
    for load, (what, figure) in _FIGURES.items():
        found += [Bar(f"{_SERVERS[name]}: {what}, CPU", least(rounds, name, load, figure), "µs") for name in names]
        for name in names:
            if name != _SHIPPED:
                ratio = median_ratio(rounds, name, _SHIPPED, load, figure)
                found.append(Bar(f"{_SERVERS[name]}: {what}, CPU", ratio, "× the shipped", limit=1, better="higher"))
    return found


if __name__ == "__main__":
    sys.exit(main())
