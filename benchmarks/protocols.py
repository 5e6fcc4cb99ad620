"""`python -m benchmarks.protocols`: what gRPC's ModelInfer costs through a router, beside a bare echo on the same core.

    python -m benchmarks.protocols [--quick] [--rounds N] [--json]

The echo is grpc.aio on uvloop and answers by itself. The router decodes, decides, asks a Model over HTTP, which answers
at once from the other core, and translates both ways; it stands on its own HTTP/2 (`routers.http2`), since grpc.aio
alone takes what the bar allows.
"""

import contextlib
import statistics
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness import command
from benchmarks.harness.gateways import Gateway
from benchmarks.harness.load import Window
from benchmarks.harness.processes import Cores, busy_seconds, cpu_seconds, running, tree
from benchmarks.harness.tiermesh import tensor_router
from benchmarks.report import Bar, Report
from control_plane.spec.errors import Code, TiermeshError

_CALLERS = 32
_MOST = 1.5
"""Times the echo."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What one window of load showed."""

    requests: int
    seconds: float
    cpu_seconds: float
    noise: float
    """The share of the gateway's core that went to others."""

    @property
    def cpu_us(self) -> float:
        return self.cpu_seconds / self.requests * 1e6


Round = Mapping[str, Taken]
"""Gateway's name -> what was measured."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    options = command.parser("protocols", "ModelInfer through a router beside a bare echo.").parse_args(arguments)
    return command.report(lambda: run(options.rounds, command.window(options)), options)


def run(count: int, window: Window) -> Report:
    """Start all, measure in turns. Raises TiermeshError where something does not start or answer."""
    cores = Cores.available()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        stub = stack.enter_context(_listening("stub", cores.load))
        echo = stack.enter_context(_listening("echo", cores.gateway))
        router = stack.enter_context(tensor_router(cores, stub, folder))
        rounds = list(_take_rounds([echo, router], count, cores, window))
    return Report("protocols", bars(rounds), notes=notes(rounds))


@contextlib.contextmanager
def _listening(name: str, core: int) -> Iterator[Gateway]:
    """A program of `benchmarks.oip`, which prints its port."""
    with running([sys.executable, "-m", f"benchmarks.oip.{name}"], core) as process:
        line = process.stdout.readline() if process.stdout else ""
        if not line:
            raise TiermeshError(Code.SETUP, f"benchmarks.oip.{name} does not start.", "Its own words are above.")
        yield Gateway(name, int(line), process.pid)


def _take_rounds(gateways: Sequence[Gateway], count: int, cores: Cores, window: Window) -> Iterator[Round]:
    for number in range(count):
        order = gateways[:: -1 if number % 2 else 1]
        taken = {gateway.name: _measure(gateway, cores, window) for gateway in order}
        noise = max(each.noise for each in taken.values())
        command.say(f"round {number + 1} of {count}: others used {noise:.0%} of the core")
        yield taken


def _measure(gateway: Gateway, cores: Cores, window: Window) -> Taken:
    words = map(str, (gateway.port, _CALLERS, window.warm_seconds, window.seconds))
    pids = tree(gateway.pid)
    with running([sys.executable, "-m", "benchmarks.oip.load", *words], cores.load) as process:
        lines = iter(process.stdout or ())
        clocks = [
            (cpu_seconds(pids), busy_seconds(cores.gateway)) for line in ("begin\n", "end\n") if next(lines, "") == line
        ]
        outcome = next(lines, "").split()
    if len(clocks) < 2 or len(outcome) != 2 or not int(outcome[0]):
        message = f"{gateway.name} did not answer all requests."
        raise TiermeshError(Code.UPSTREAM_FAILED, message, "The load generator's own words are above.")
    (cpu_before, busy_before), (cpu_after, busy_after) = clocks
    seconds, spent = float(outcome[1]), cpu_after - cpu_before
    return Taken(int(outcome[0]), seconds, spent, max(0.0, (busy_after - busy_before - spent) / seconds))


def bars(rounds: Sequence[Round]) -> list[Bar]:
    """The figures and their limit; the ratio is taken within each round first."""
    ratios = [taken["router"].cpu_us / taken["echo"].cpu_us for taken in rounds]
    figures = {name: statistics.median(taken[name].cpu_us for taken in rounds) for name in ("router", "echo")}
    return [
        Bar("ModelInfer through the router, CPU", statistics.median(ratios), "× a bare echo", limit=_MOST),
        Bar("ModelInfer through the router, CPU", figures["router"], "µs"),
        Bar("bare grpc.aio echo, CPU", figures["echo"], "µs"),
    ]


def notes(rounds: Sequence[Round]) -> list[str]:
    """What a reader must know to believe the figures."""
    usual = statistics.median(each.noise for taken in rounds for each in taken.values())
    found = [f"Figures are medians; rounds: {len(rounds)}. Others used {usual:.0%} of the core."]
    if usual > 0.1:
        found.append("The machine was busy: times are upper bounds, and the ratio is rough.")
    return found


if __name__ == "__main__":
    sys.exit(main())
