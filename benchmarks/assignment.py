"""`python -m benchmarks.assignment`: who gets which arm, in how many routers, and what that costs a request.

    python -m benchmarks.assignment [--quick] [--json]

A million units are dealt out by the routers' own code, and dealt out again after a ramp. Four routers, each a process,
follow one control plane and answer the same units before and after a ramp, and after a restart. And a request's way
through the router's code is timed with an Experiment and without.
"""

import argparse
import asyncio
import contextlib
import gc
import math
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import uvloop

from benchmarks.harness import command, plane
from benchmarks.harness.callers import Site
from benchmarks.harness.processes import Cores
from benchmarks.harness.tiermesh import document
from benchmarks.report import Bar, Report
from benchmarks.snapshots import History
from control_plane.client.http import Client
from control_plane.spec.compile import compile
from control_plane.spec.documents import parse
from control_plane.spec.models import Operation
from control_plane.spec.snapshots import Snapshot, digest
from observability.batch import FLUSH_RECORDS
from observability.metrics import RouterMetrics
from routers.assignment import Trial, hashed
from routers.call import Call
from routers.decision import Match
from routers.events.spools import Spools
from routers.exposure import ExposureBook
from routers.gauge import Gauge
from routers.http import Headers, Request
from routers.journal import Journal
from routers.ledger import Entry, Ledger
from routers.outcome import Outcome
from routers.passenger import Passenger
from routers.pipeline import choose, match
from routers.protocols import openai
from routers.quotas.metering import Usage
from routers.runtime import JSON, Runtime

UNITS, _QUICK_UNITS = 1_000_000, 50_000
ASKED, _QUICK_ASKED = 2_000, 200
ROUTERS = 4
SHARES = {"control": 50, "a": 30, "b": 15, "c": 5}
BEFORE, AFTER = {"control": 95, "candidate": 5}, {"control": 80, "candidate": 20}
_CONNECTIONS = 4
_REQUESTS = 2_000
_TURNS, _QUICK_TURNS = 50, 10
_ANSWER = orjson.dumps(
    {
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "It is on its way. " * 20}}],
        "usage": {"prompt_tokens": 40, "completion_tokens": 100},
    }
)


@dataclass(frozen=True, slots=True)
class Dealt:
    """A million units."""

    units: int
    furthest: float
    """Standard errors by which the share of the worst arm differs from its weight."""
    lost: int
    """Units of the old 5% that are not in the new 20%."""
    share: float
    """Of all units that the ramp moved into the candidate."""


@dataclass(frozen=True, slots=True)
class Agreed:
    """Four routers."""

    answers: int
    different: int
    """Units that got another arm from one router than from another, or than the code alone gives."""
    lost: int
    """Units of the old 5% that got another arm after the ramp."""
    restarted: int
    """Units that got another arm after a restart."""


@dataclass(frozen=True, slots=True)
class Turn:
    """CPU of one request, in seconds: with an Experiment, less without."""

    assigning: float
    """To be given an arm and the variant of its Route."""
    exposing: float
    """To have its tokens counted, and its exposure written."""
    whole: float
    """Both, and what the arms take up in headers, metrics, log and journal."""
    plain: float
    """Without an Experiment, as far as the router's own code goes."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    parser = command.parser("assignment", "Who gets which arm, in how many routers, and what that costs.")
    options = parser.parse_args(arguments)
    return command.report(lambda: uvloop.run(run(options)), options)


async def run(options: argparse.Namespace) -> Report:
    """All three parts. Raises TiermeshError where something does not start or follow."""
    quick = options.quick
    turns = cost(_QUICK_TURNS if quick else _TURNS)
    dealt_out = dealt(_QUICK_UNITS if quick else UNITS)
    cores = Cores.available()
    with tempfile.TemporaryDirectory() as folder, plane.echo(cores) as upstream:
        agreed = await agreement(cores, Path(folder), upstream, _QUICK_ASKED if quick else ASKED)
    return Report("assignment", bars(dealt_out, agreed, turns), notes=notes(dealt_out, agreed, turns))


def mesh(weights: Mapping[str, float] | None, upstream: str = "http://127.0.0.1:1/v1") -> list[dict[str, Any]]:
    """One Route over one Model, and a running Experiment with these weights, if any."""
    found = [
        dict(document("Model", "bench", {"engine": "openai", "tier": "light", "url": upstream})),
        dict(document("Route", "bench", {"tiers": {"light": ["bench"]}})),
    ]
    if weights is None:
        return found
    arms: list[dict[str, Any]] = [{"name": name, "weight": weight} for name, weight in weights.items()]
    arms[-1]["override"] = {"complexity": {"threshold": 0.5}}
    return [*found, dict(document("Experiment", "bench", {"route": "bench", "arms": arms, "state": "running"}))]


def trial(weights: Mapping[str, float]) -> Trial:
    """The Experiment as a router has it."""
    return Trial(compile(map(parse, mesh(weights))).routes[0].trials[0])


# A million units.


def dealt(count: int) -> Dealt:
    """Deal out so many units by four arms, and by two before and after a ramp."""
    four, before, after = trial(SHARES), trial(BEFORE), trial(AFTER)
    counts: Counter[str | None] = Counter()
    moved = lost = 0
    for number in range(count):
        unit = hashed(b"unit-%d" % number)
        counts[four.rule(unit, True).arm] += 1
        was, becomes = before.rule(unit, True).arm, after.rule(unit, True).arm
        moved += was != becomes
        lost += was == "candidate" and becomes != was
    return Dealt(count, furthest(counts, SHARES), lost, moved / count)


def furthest(counts: Mapping[str | None, int], weights: Mapping[str, float]) -> float:
    """How many standard errors the worst arm's share is from its weight."""
    units, whole = sum(counts.values()), sum(weights.values())
    shares = {name: weight / whole for name, weight in weights.items()}
    return max(
        abs(counts.get(name, 0) - units * share) / math.sqrt(units * share * (1 - share))
        for name, share in shares.items()
    )


# Four routers.


async def agreement(cores: Cores, folder: Path, upstream: str, units: int) -> Agreed:
    """Ask four routers for the same units: before a ramp, after it, and after one of them was started anew."""
    names = [f"unit-{number}" for number in range(units)]
    with contextlib.ExitStack() as stack:
        client = stack.enter_context(plane.control_plane(cores, folder))
        history = History(client, ROUTERS)
        await history.change(lambda: client.apply(map(parse, mesh(BEFORE, upstream)), "bench"))
        sites = [_router(stack, cores, folder, client, number) for number in range(ROUTERS - 1)]
        with plane.router(cores, folder, client.url, "restarted") as last:
            await history.settle()
            before = await _asked([*sites, last], names)
        with plane.router(cores, folder, client.url, "restarted") as last:
            again = (await _asked([last], names))[0]
            await history.change(lambda: client.apply(map(parse, mesh(AFTER, upstream)), "bench"))
            after = await _asked([*sites, last], names)
    expected = [_told(trial(BEFORE), name) for name in names]
    different = sum(set(arms) != {each} for *arms, each in zip(*before, expected, strict=True))
    different += sum(len(set(arms)) > 1 for arms in zip(*after, strict=True))
    lost = sum(one == "bench=candidate" and one != other for one, other in zip(before[0], after[0], strict=True))
    restarted = sum(one != other for one, other in zip(before[0], again, strict=True))
    return Agreed(len(names) * (2 * ROUTERS + 1), different, lost, restarted)


def _router(stack: contextlib.ExitStack, cores: Cores, folder: Path, client: Client, number: int) -> Site:
    return stack.enter_context(plane.router(cores, folder, client.url, f"router-{number}"))


def _told(of: Trial, unit: str) -> str:
    return f"bench={of.rule(hashed(unit.encode()), True).arm}"


async def _asked(sites: Sequence[Site], units: Sequence[str]) -> list[list[str]]:
    """The arm of each unit, from each router."""
    found = [asyncio.gather(*(_ask(site, units[at::_CONNECTIONS]) for at in range(_CONNECTIONS))) for site in sites]
    return [_woven(parts, len(units)) for parts in await asyncio.gather(*found)]


def _woven(parts: Sequence[Sequence[str]], count: int) -> list[str]:
    woven = [""] * count
    for at, part in enumerate(parts):
        woven[at::_CONNECTIONS] = part
    return woven


async def _ask(site: Site, units: Sequence[str]) -> list[str]:
    """The arm that each answer names."""
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    body = orjson.dumps({"model": "bench", "messages": [{"role": "user", "content": "Where is my parcel?"}]})
    head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: h\r\nx-tiermesh-unit: %b\r\ncontent-length: %d\r\n\r\n"
    found = []
    for unit in units:
        writer.write(head % (unit.encode(), len(body)) + body)
        lines = (await reader.readuntil(b"\r\n\r\n")).lower().split(b"\r\n")
        headers = dict(line.split(b": ", 1) for line in lines[1:-2])
        await reader.readexactly(int(headers[b"content-length"]))
        found.append(headers[b"x-tiermesh-arm"].decode())
    writer.close()
    return found


# What it costs.


class _Nobody:
    """A reply to nobody."""

    congested = False
    buffered_bytes = 0
    on_disconnect: Callable[[], None] | None = None
    on_drain: Callable[[], None] | None = None

    def send(self, status: int, headers: Headers, body: bytes) -> None: ...
    def start(self, status: int, headers: Headers) -> None: ...
    def write(self, data: bytes) -> None: ...
    def end(self) -> None: ...
    def abort(self) -> None: ...


class Way:
    """A request's way through the router's own code, from the decoded call to its entry in every book."""

    def __init__(self, weights: Mapping[str, float] | None) -> None:
        content = compile(map(parse, mesh(weights)))
        said = {"number": 1, "author": "bench", "reason": "", "createdAt": datetime.now(UTC), "content": content}
        self._runtime = Runtime.build(Snapshot.model_validate({**said, "sha256": digest(content)}))
        metrics = RouterMetrics()
        # What is added waits for the disk in memory; here nobody takes it there, which happens in a thread.
        self._exposures = ExposureBook(Spools(Path("unwritten"), most_bytes=2**20, metrics=metrics))
        journal = Journal("bench", metrics, spool=1000, recent=1000)
        self._ledger = Ledger(metrics, lambda _: None, journal, self._exposures)
        self._headers = {b"x-tiermesh-unit": b"unit-7", b"content-type": b"application/json", b"host": b"h"}
        self._call = _call()

    def whole(self) -> None:
        """All of it."""
        call, matched = self._call, self.assign()
        outcome = Outcome.of(choose(call, matched))
        outcome.answered_by(matched.route.backends[0])
        if matched.assignment is not None:
            outcome.usage = self._counted()
        Passenger(call, matched, _Nobody(), outcome, "miss", 0.0, self._ledger).send(JSON, _ANSWER)

    def assign(self) -> Match:
        """The first half of the decision."""
        return match(self._call, self._runtime, self._headers)

    def exposing(self) -> Callable[[], None]:
        """What is done with an answer for the experiment's sake alone, for as many at once as the ledger gathers."""
        matched = self.assign()
        outcome = Outcome.of(choose(self._call, matched))
        outcome.answered_by(matched.route.backends[0])
        outcome.usage = self._counted()
        said = (time.time(), 0.1, "request-7", "chat", False, "default", "openai", "", False, False)
        entries = [Entry(*said, outcome, "miss", 200, None, matched)] * FLUSH_RECORDS

        def expose() -> None:
            for _ in entries:
                self._counted()
            self._exposures.add(entries)

        return expose

    def _counted(self) -> Usage | None:
        gauge = Gauge(self._call)
        gauge.whole(_ANSWER)
        return gauge.usage

    def flush(self) -> None:
        """Bring the books up to date."""
        self._ledger.flush()


def _call() -> Call:
    body = orjson.dumps({"model": "bench", "messages": [{"role": "user", "content": "Where is my parcel?"}]})
    return openai.decode(Operation.CHAT, Request(b"POST", "/", {}, body), "request-7", "default")


def cost(turns: int) -> list[Turn]:
    """Both ways in turns, so that what else the machine does meets them alike. Needs a running event loop."""
    plain, armed = Way(None), Way(BEFORE)
    expose = armed.exposing()
    # As the router's process has it.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    found = []
    for _ in range(turns):
        without, with_arms = _seconds(plain.whole, plain.flush), _seconds(armed.whole, armed.flush)
        assigning = _seconds(armed.assign) - _seconds(plain.assign)
        exposing = _seconds(expose, times=_REQUESTS // FLUSH_RECORDS) / FLUSH_RECORDS
        found.append(Turn(assigning, exposing, with_arms - without, without))
    return found


def _seconds(do: Callable[[], object], end: Callable[[], None] = lambda: None, times: int = _REQUESTS) -> float:
    """CPU of doing it once."""
    begin = time.process_time()
    for _ in range(times):
        do()
    end()
    return (time.process_time() - begin) / times


def bars(dealt_out: Dealt, agreed: Agreed, turns: Sequence[Turn]) -> list[Bar]:
    """The figures and their limits."""
    units = f"{dealt_out.units:,} units"
    both = _us(turn.assigning + turn.exposing for turn in turns)
    return [
        Bar(f"{units}, 4 arms: the furthest share from its weight", dealt_out.furthest, "standard errors", limit=4),
        Bar(f"{units}, 5% to 20%: of the old 5% that moved", dealt_out.lost, "", limit=0),
        Bar(f"{units}, 5% to 20%: share that moved at all", 100 * dealt_out.share, "%"),
        Bar("4 routers: units that they give different arms", agreed.different, "", limit=0),
        Bar("4 routers, 5% to 20%: of the old 5% that moved", agreed.lost, "", limit=0),
        Bar("a router started anew: units that moved", agreed.restarted, "", limit=0),
        Bar("assignment, CPU a request", _us(turn.assigning for turn in turns), "µs"),
        Bar("exposure, CPU a request", _us(turn.exposing for turn in turns), "µs"),
        Bar("assignment and exposure, CPU a request", both, "µs", limit=10),
        Bar("all that arms add, log and journal included", _us(turn.whole for turn in turns), "µs"),
        Bar("the same request without arms", _us(turn.plain for turn in turns), "µs"),
    ]


def _us(seconds: Iterable[float]) -> float:
    return 1e6 * statistics.median(seconds)


def notes(dealt_out: Dealt, agreed: Agreed, turns: Sequence[Turn]) -> list[str]:
    """What a reader must know to believe the bars."""
    return [
        f"Weights {', '.join(f'{name} {weight}' for name, weight in SHARES.items())}; of {dealt_out.units:,} units.",
        f"{agreed.answers:,} answers of {ROUTERS} routers, compared with each other and with the code alone.",
        f"CPU: medians of {len(turns)} turns of {_REQUESTS:,} requests each; one Experiment of two arms, by a header. "
        "Timed is the router's own code from the decoded call to the books, without sockets and without a Model.",
    ]


if __name__ == "__main__":
    sys.exit(main())
