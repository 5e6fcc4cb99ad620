"""`python -m benchmarks.snapshots`: how soon a change is everywhere, and what a large mesh's change costs its callers.

    python -m benchmarks.snapshots [--quick] [--json]

First three routers follow one control plane through changes and rollbacks, while callers ask: each change gives the
Model another name at its upstream, which answers with the name that it was asked for. So an answer shows by which
snapshot it was routed, and its headers say which one that was. Then a mesh of 10,000 Routes and 2,000 Models is edited
while callers ask.
"""

import argparse
import asyncio
import contextlib
import gc
import os
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvloop

from benchmarks.harness import command, plane
from benchmarks.harness.processes import Cores
from benchmarks.harness.tiermesh import document
from benchmarks.harness.witnesses import Claim, Witnesses
from benchmarks.report import Bar, Report
from control_plane.client.http import Client
from control_plane.spec.compile import compile
from control_plane.spec.documents import parse
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.records import Applied

ROUTERS = 3
CHANGES, _QUICK_CHANGES = 200, 20
ANSWERS, _QUICK_ANSWERS = 50_000, 5_000
ROUTES, _QUICK_ROUTES = 10_000, 1_000
EDITS, _QUICK_EDITS = 20, 5
_MODELS_A_ROUTE = 0.2
_ASKED_ROUTES = 100
_CONNECTIONS, _RATE = 4, 60.0
"""To each router, and questions a second on each: in the first part."""
_FEW_CONNECTIONS, _LOW_RATE = 8, 25.0
"""In the second, where each answer's time counts."""
_BATCH = 1000
_LONGEST_SECONDS = 60.0
_POLL_SECONDS = 0.02
_CALM_SECONDS = 5.0
_PRIORITY = -15
"""Of this process, where it may: above all that it starts."""


@dataclass(frozen=True, slots=True)
class Spread:
    """How snapshots came to all routers."""

    changes: Sequence[float]
    """Seconds from each commit to the last acknowledgement."""
    rollbacks: Sequence[float]
    answers: int
    mixed: int
    """Answers whose text, revision and snapshot do not belong together."""
    failed: int


@dataclass(frozen=True, slots=True)
class Large:
    """A large mesh."""

    routes: int
    compiled: float
    """Seconds for all documents at once, …"""
    published: Sequence[float]
    """… of each edit, from its sending to the answer that says it is in force, …"""
    served: Sequence[float]
    """… and from there to the router's acknowledgement."""
    calm: Sequence[float]
    """Seconds of each answer while nothing changes, …"""
    edited: Sequence[float]
    """… and while edits come."""
    failed: int


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    parser = command.parser("snapshots", "How soon a change is everywhere, and what it costs callers.")
    options = parser.parse_args(arguments)
    return command.report(lambda: uvloop.run(run(options)), options)


async def run(options: argparse.Namespace) -> Report:
    """Both parts, one after the other. Raises TiermeshError where something does not start or follow."""
    quick = options.quick
    cores = Cores.available()
    with contextlib.suppress(PermissionError):
        # Who measures must not wait for what is measured.
        os.setpriority(os.PRIO_PROCESS, 0, _PRIORITY)
    with _folder() as folder, plane.echo(cores) as upstream:
        counts = (_QUICK_CHANGES, _QUICK_ANSWERS) if quick else (CHANGES, ANSWERS)
        spread = await _spread(cores, folder, upstream, *counts)
    with _folder() as folder, plane.echo(cores) as upstream:
        sizes = (_QUICK_ROUTES, _QUICK_EDITS) if quick else (ROUTES, EDITS)
        large = await _enlarge(cores, folder, upstream, *sizes)
    return Report("snapshots", bars(spread, large), notes=notes(spread, large))


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


# Three routers, one change.


async def _spread(cores: Cores, folder: Path, upstream: str, count: int, answers: int) -> Spread:
    with contextlib.ExitStack() as stack:
        client = stack.enter_context(plane.control_plane(cores, folder))
        history = History(client, ROUTERS)
        await history.change(lambda: client.apply(map(parse, _shop(upstream, 0)), "bench"))
        names = [f"router-{number}" for number in range(ROUTERS)]
        sites = [stack.enter_context(plane.router(cores, folder, client.url, name)) for name in names]
        await history.settle()
        witnesses = Witnesses(sites, ["bench"], _CONNECTIONS, _RATE)
        changes, rollbacks = [], []
        async with asyncio.TaskGroup() as group:  # a witness that fails ends it all
            group.create_task(witnesses.ask())
            for number in range(1, count + 1):
                model = [parse(_shop(upstream, number)[0])]
                changes.append(await history.change(lambda model=model: client.apply(model, "bench")))  # type: ignore[misc]
            for _ in range(count):
                back = history.number - 1
                rollbacks.append(await history.change(lambda back=back: client.rollback(back, "bench")))  # type: ignore[misc]
            await witnesses.heard(answers)
            witnesses.stopped.set()
    mixed, failed = judged(witnesses.claims, history.truth)
    return Spread(changes, rollbacks, witnesses.claims.total(), mixed, failed)


def _shop(upstream: str, number: int) -> list[dict[str, Any]]:
    """One Route over one Model, which has another version and another name at its upstream for each number."""
    model = {"engine": "openai", "tier": "light", "url": upstream, "servedName": f"served-{number}"}
    return [
        dict(document("Model", "bench", {**model, "version": str(number)})),
        dict(document("Route", "bench", {"tiers": {"light": ["bench"]}})),
    ]


def judged(claims: Counter[Claim], truth: Mapping[int, tuple[str, str]]) -> tuple[int, int]:
    """How many answers mix two snapshots, and how many are none. `truth` is each snapshot's revision and name."""
    failed = sum(times for claim, times in claims.items() if claim.status != 200)
    mixed = sum(
        times
        for claim, times in claims.items()
        if claim.status == 200 and truth.get(claim.snapshot) != (claim.revision, claim.served)
    )
    return mixed, failed


class History:
    """Changes one after the other, each waited for until all routers have acknowledged it."""

    def __init__(self, client: Client, routers: int) -> None:
        self._client = client
        self._routers = routers
        self.number = 0
        self.truth: dict[int, tuple[str, str]] = {}
        """Number -> the revision of its first Route and the name of its first Model at the upstream."""

    async def change(self, write: Callable[[], Applied]) -> float:
        """Seconds from the commit to the last acknowledgement; 0 for the first one, which no router follows yet."""
        applied = await asyncio.to_thread(write)
        if not applied.published or applied.snapshot is None:
            raise TiermeshError(Code.INTERNAL, "A change published nothing.", "Look at the control plane's log.")
        first, self.number = not self.number, applied.snapshot
        return 0.0 if first else await self.settle()

    async def settle(self) -> float:
        """Wait until all routers serve what is in force."""
        until = time.monotonic() + _LONGEST_SECONDS
        while time.monotonic() < until:
            view = await asyncio.to_thread(self._client.snapshot, self.number)
            if refused := [ack.error for ack in view.acks if ack.error]:
                raise TiermeshError(Code.INTERNAL, f"A router refused snapshot {self.number}.", refused[0] or "")
            if len(view.acks) == self._routers:
                content = view.content
                self.truth[self.number] = content.routes[0].revision, content.backends[0].served_name
                return (max(ack.at for ack in view.acks) - view.created_at).total_seconds()
            await asyncio.sleep(_POLL_SECONDS)
        message = f"Not all routers acknowledged snapshot {self.number} within {_LONGEST_SECONDS:g} s."
        raise TiermeshError(Code.UNAVAILABLE, message, "Look at their logs.")


# Many Routes, one edit.


async def _enlarge(cores: Cores, folder: Path, upstream: str, routes: int, edits: int) -> Large:
    documents = mesh(upstream, routes)
    compiled = _compiled(documents)
    asked = [f"r{number * (routes // _ASKED_ROUTES)}" for number in range(_ASKED_ROUTES)]
    with contextlib.ExitStack() as stack:
        client = stack.enter_context(plane.control_plane(cores, folder))
        for at in range(0, len(documents), _BATCH):
            await asyncio.to_thread(client.apply, map(parse, documents[at : at + _BATCH]), "bench")
        site = stack.enter_context(plane.router(cores, folder, client.url, "router"))
        witnesses = Witnesses([site], asked, _FEW_CONNECTIONS, _LOW_RATE)
        async with asyncio.TaskGroup() as group:
            group.create_task(witnesses.ask())
            # What this process's collector does would be counted as the router's.
            gc.collect()
            gc.freeze()
            gc.disable()
            await asyncio.sleep(1)
            witnesses.seconds.clear()
            await asyncio.sleep(_CALM_SECONDS)
            calm, witnesses.seconds = witnesses.seconds, []
            published, served = [], []
            for number in range(edits):
                edit = [parse(_route(number * 7, routes, threshold=0.99))]
                begin = time.monotonic()
                applied = await asyncio.to_thread(client.apply, edit, "bench")
                published.append(time.monotonic() - begin)
                served.append(await _in_force(site.admin_port, applied.snapshot or 0) - begin - published[-1])
            witnesses.stopped.set()
        gc.enable()
    failed = sum(times for claim, times in witnesses.claims.items() if claim.status != 200)
    return Large(routes, compiled, published, served, calm, witnesses.seconds, failed)


def mesh(upstream: str, routes: int) -> list[dict[str, Any]]:
    """So many Routes, each over two of a fifth as many Models."""
    models = _models(routes)
    tiers = ("light", "heavy")
    said = [{"engine": "openai", "tier": tiers[number % 2], "url": upstream} for number in range(models)]
    return [
        *(dict(document("Model", f"m{number}", spec)) for number, spec in enumerate(said)),
        *(_route(number, routes, threshold=0.7) for number in range(routes)),
    ]


def _models(routes: int) -> int:
    return round(routes * _MODELS_A_ROUTE)


def _route(number: int, routes: int, threshold: float) -> dict[str, Any]:
    first = 2 * number % _models(routes)
    tiers = {"light": [f"m{first}"], "heavy": [f"m{first + 1}"]}
    return dict(document("Route", f"r{number}", {"tiers": tiers, "complexity": {"threshold": threshold}}))


def _compiled(documents: Sequence[Mapping[str, Any]]) -> float:
    """Seconds to compile them, of three times the middle one."""
    parsed = [parse(each) for each in documents]
    taken = []
    for _ in range(3):
        begin = time.monotonic()
        compile(parsed)
        taken.append(time.monotonic() - begin)
    return statistics.median(taken)


async def _in_force(admin_port: int, number: int) -> float:
    """When a router has this snapshot, of `time.monotonic`. What is asked is the size of one number."""
    until = time.monotonic() + _LONGEST_SECONDS
    while time.monotonic() < until:
        reader, writer = await asyncio.open_connection("127.0.0.1", admin_port)
        writer.write(b"GET /metrics HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n")
        text = await reader.read()
        writer.close()
        if b"\ntiermesh_router_snapshot %d.0\n" % number in text:
            return time.monotonic()
        await asyncio.sleep(_POLL_SECONDS)
    message = f"The router did not follow to snapshot {number} within {_LONGEST_SECONDS:g} s."
    raise TiermeshError(Code.UNAVAILABLE, message, "Look at its log.")


def bars(spread: Spread, large: Large) -> list[Bar]:
    """The figures and their limits."""
    size = f"{large.routes:,} Routes"
    return [
        Bar("commit to the last of 3 acknowledgements, p50", _ms(statistics.median(spread.changes)), "ms"),
        Bar("commit to the last of 3 acknowledgements, p99", _ms(p99(spread.changes)), "ms", limit=1000),
        Bar("rollback to the last of 3 acknowledgements, p99", _ms(p99(spread.rollbacks)), "ms", limit=1000),
        Bar("answers that mix two snapshots", spread.mixed, "", limit=0),
        Bar("answers that failed meanwhile", spread.failed + large.failed, "", limit=0),
        Bar(f"{size}: compile", large.compiled, "s", limit=2),
        Bar(f"{size}: an edit is published, slowest", max(large.published), "s", limit=1),
        Bar(f"{size}: the router has it, slowest", max(large.served), "s"),
        Bar(f"{size}: slowest answer while nothing changes", _ms(max(large.calm)), "ms"),
        Bar(f"{size}: slowest answer while edits come", _ms(max(large.edited)), "ms", limit=50),
    ]


def p99(values: Sequence[float]) -> float:
    """The smallest value that 99% of the others do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-99 * len(ordered) // 100) - 1)]


def _ms(seconds: float) -> float:
    return 1000 * seconds


def notes(spread: Spread, large: Large) -> list[str]:
    """What a reader must know to believe the bars."""
    return [
        f"{len(spread.changes)} changes and {len(spread.rollbacks)} rollbacks while {ROUTERS} routers gave "
        f"{spread.answers:,} answers, half of them from a cache where one could be; a commit's time is that at which "
        "its write began.",
        f"{len(large.edited):,} answers while {len(large.published)} edits came. All processes but the router share "
        "one core: answers wait for it too.",
    ]


if __name__ == "__main__":
    sys.exit(main())
