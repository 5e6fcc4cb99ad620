"""`python -m benchmarks.hedging`: time to first token while one of a Model's three endpoints is 20 times slower.

    python -m benchmarks.hedging [--quick] [--rounds N] [--json]

Two Routes ask the same three endpoints: `hedged` as Routes are by default, `plain` with hedging off. In each round each
is measured with all endpoints healthy, then from the moment at which one of them gets slow, and then while each of them
stumbles now and then, which no choice among endpoints can foresee.
"""

import argparse
import contextlib
import http.client
import statistics
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.harness import command
from benchmarks.harness.gateways import Gateway, answered, stub_upstream
from benchmarks.harness.load import Load, Measurement, Window, measure
from benchmarks.harness.processes import Cores
from benchmarks.harness.tiermesh import document, python_gateway
from benchmarks.report import Bar, Report
from control_plane.spec.errors import Code, TiermeshError

FIRST_TOKEN_US = 20_000
"""Of a healthy endpoint, give or take a half of it."""
TIMES_SLOWER = 20
ROUTES = {"hedged": True, "plain": False}
"""Route -> whether it hedges."""
STATES = ("healthy", "one endpoint slow", "each stumbles")
HEALTHY, SLOW, STUMBLES = STATES
STUMBLE_EVERY = 50
"""Of the streams of each endpoint, every so-manyth takes as long as a slow endpoint's."""
_LOAD = Load(connections=256, rate=100, events=5, gap_us=5000)
_SECONDS, _QUICK_SECONDS = 15.0, 6.0


@dataclass(frozen=True, slots=True)
class Found:
    """One window of one Route."""

    measured: Measurement
    asked: tuple[int, ...]
    """Requests that reached each endpoint; the last one is the one that gets slow."""

    def p99_ms(self) -> float:
        """Of the time to first token, from when a request was due."""
        assert self.measured.outcome.first_event_us, "a measured stream has events"
        return self.measured.outcome.first_event_us.p99 / 1000

    def p50_ms(self) -> float:
        """Its median."""
        return self.measured.first_event_ms()

    def extra_percent(self) -> float:
        """Upstream requests beyond one for each caller's."""
        return (sum(self.asked) / self.measured.outcome.sent - 1) * 100

    def slow_percent(self) -> float:
        """Share of the upstream requests that went to the last endpoint."""
        return self.asked[-1] / sum(self.asked) * 100


Round = Mapping[tuple[str, str], Found]
"""(Route, state of the endpoints) -> what was found."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    parser = command.parser("hedging", "Time to first token while one of three endpoints is 20 times slower.")
    options = parser.parse_args(arguments)
    return command.report(lambda: run(options), options)


def run(options: argparse.Namespace) -> Report:
    """Start everything, measure in turns. Raises TiermeshError where something does not start or answer."""
    cores = Cores.available()
    window = Window(0, _QUICK_SECONDS if options.quick else _SECONDS)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        stubs = [stack.enter_context(stub_upstream(cores)) for _ in range(3)]
        _set(stubs, HEALTHY)
        more = documents([stub.port for stub in stubs])
        router = stack.enter_context(python_gateway("router", "routers", cores, stubs[0], folder, more))
        rounds = []
        for number in range(options.rounds):
            names = list(ROUTES)[:: -1 if number % 2 else 1]
            rounds.append({key: found for name in names for key, found in _each(router, name, stubs, cores, window)})
            command.say(f"round {number + 1} of {options.rounds}: {_told(rounds[-1])}")
    return Report("hedging", bars(rounds), notes=notes(rounds, window))


def documents(ports: Sequence[int]) -> list[Mapping[str, object]]:
    """A Model and a Route for each way, so that what one learns of the endpoints is nothing to the other."""
    found = []
    for name, enabled in ROUTES.items():
        urls = [f"http://127.0.0.1:{port}/v1" for port in ports]
        route = {"tiers": {"heavy": [name]}, "resilience": {"hedging": {"enabled": enabled}}}
        found.append(document("Model", name, {"engine": "openai", "tier": "heavy", "urls": urls}))
        found.append(document("Route", name, route))
    return found


def _each(
    router: Gateway, name: str, stubs: Sequence[Gateway], cores: Cores, window: Window
) -> list[tuple[tuple[str, str], Found]]:
    """One Route, in each state."""
    found = []
    for state in STATES:
        before = [answered(stub) for stub in stubs]
        _set(stubs, state)
        measured = measure(_LOAD, replace(router, model=name), stubs[0], cores, window)
        asked = tuple(answered(stub) - earlier for stub, earlier in zip(stubs, before, strict=True))
        found.append(((name, state), Found(measured, asked)))
    _set(stubs, HEALTHY)
    return found


def _set(stubs: Sequence[Gateway], state: str) -> None:
    """Set the stubs' times to first token; the last one is the one that gets slow."""
    slow_us = FIRST_TOKEN_US * TIMES_SLOWER
    for stub in stubs:
        _tell(stub, f"/delay/{slow_us if state == SLOW and stub is stubs[-1] else FIRST_TOKEN_US}")
        _tell(stub, f"/stumble/{STUMBLE_EVERY if state == STUMBLES else 0}/{slow_us}")


def _tell(stub: Gateway, path: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", stub.port, timeout=10)
    with contextlib.closing(connection):
        connection.request("GET", path)
        connection.getresponse().read()


def bars(rounds: Sequence[Round]) -> list[Bar]:
    """The figures and their limits. Raises TiermeshError(INTERNAL) where no endpoint was slow."""
    for one in rounds:
        _check_slow(one["plain", SLOW], one["plain", HEALTHY])
    hows = {"hedged": "hedging", "plain": "no hedging"}
    return [
        Bar(f"p99 to first token, {SLOW}, hedging", _times(rounds, "hedged", SLOW), "× healthy", limit=2),
        Bar(f"extra upstream requests, {SLOW}", _median(rounds, "hedged", SLOW, Found.extra_percent), "%", limit=5),
        Bar(
            f"extra upstream requests, {STUMBLES}",
            _median(rounds, "hedged", STUMBLES, Found.extra_percent),
            "%",
            limit=5,
        ),
        Bar(f"p99 to first token, {SLOW}, no hedging", _times(rounds, "plain", SLOW), "× healthy"),
        Bar(f"p99 to first token, {STUMBLES}, hedging", _times(rounds, "hedged", STUMBLES), "× healthy"),
        Bar(f"p99 to first token, {STUMBLES}, no hedging", _times(rounds, "plain", STUMBLES), "× healthy"),
        *(
            Bar(f"{what}, {state}, {how}", _median(rounds, name, state, figure), "ms")
            for what, figure in (("p99", Found.p99_ms), ("p50", Found.p50_ms))
            for state in STATES
            for name, how in hows.items()
        ),
        *(
            Bar(f"asked of the slow endpoint, {how}", _median(rounds, name, SLOW, Found.slow_percent), "%")
            for name, how in hows.items()
        ),
    ]


def _check_slow(slow: Found, healthy: Found) -> None:
    if not slow.asked[-1] or not healthy.asked[-1]:
        message = "The endpoint that gets slow was not asked."
        raise TiermeshError(Code.INTERNAL, message, "Nothing was measured: look how endpoints are chosen.")


def _median(rounds: Sequence[Round], name: str, state: str, figure: Callable[[Found], float]) -> float:
    return statistics.median(figure(one[name, state]) for one in rounds)


def _times(rounds: Sequence[Round], name: str, state: str) -> float:
    return statistics.median(one[name, state].p99_ms() / one[name, HEALTHY].p99_ms() for one in rounds)


def _told(one: Round) -> str:
    p99 = {name: ", ".join(f"{one[name, state].p99_ms():.1f} ms {state}" for state in STATES) for name in ROUTES}
    return "; ".join(f"{name} p99 {told}" for name, told in p99.items())


def notes(rounds: Sequence[Round], window: Window) -> list[str]:
    """What a reader must know to believe the bars."""
    noise = statistics.median(found.measured.noise for one in rounds for found in one.values())
    return [
        f"Medians of {len(rounds)} rounds; windows of {window.seconds:g} s, {_LOAD.rate:g} streams a second.",
        "A window with a slow endpoint begins when it gets slow: the router does not know yet.",
        "All else is as by default, such as the choice of the less loaded of two endpoints, which keeps most away.",
        f"An endpoint that stumbles takes {TIMES_SLOWER} times as long for one stream in {STUMBLE_EVERY}.",
        f"Others used {noise:.0%} of a core.",
    ]


if __name__ == "__main__":
    sys.exit(main())
