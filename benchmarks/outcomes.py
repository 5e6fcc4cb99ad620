"""Outcomes: none is lost and none counted twice while the control plane is killed and comes back.

Two routers' spools and senders, the real ones, are given 2,000 events a second; a real control plane takes them, is
killed (SIGKILL) in the middle and started again. At the end its sums are compared with what was said.

    python -m benchmarks.outcomes [--json] [--quick]
"""

import asyncio
import contextlib
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness import command
from benchmarks.harness.events import OUTCOME, TRIAL, Expected, Source
from benchmarks.harness.postgres import PostgresServer
from benchmarks.harness.processes import Cores, cpu_seconds, tree
from benchmarks.harness.replicas import Replica
from benchmarks.report import Bar, Report
from control_plane.client.events import EventSink
from control_plane.outcomes import reading
from control_plane.spec.metrics import Metric, known
from control_plane.stats.period import Period
from control_plane.store.database import Database
from observability.metrics import RouterMetrics
from routers.events.sender import Sender
from routers.events.spools import Spools

RATE = 2000
SECONDS, _QUICK_SECONDS = 60.0, 20.0
AWAY_SECONDS = 3.0
"""Between the kill and the new start."""
ROUTERS = 2
SPOOL_BYTES = 256 * 1024 * 1024
_TICK_SECONDS = 0.02
_CATCH_UP_SECONDS = 120.0
_ANALYSES = 20

_ORDERS = Metric.model_validate(
    {"name": "orders", "kind": "mean", "of": "outcome", "outcome": OUTCOME, "goal": "increase"}
)
_METRICS = known((_ORDERS,))


@dataclass(frozen=True, slots=True)
class Counted:
    """What came of a run."""

    events: int
    rate: float
    """Events that routers were given, a second."""
    requests_missing: float
    """What was said less what was counted: above 0 is lost, below is counted twice. So the next three."""
    errors_missing: float
    orders_missing: float
    units_missing: float
    dropped: float
    catch_up_seconds: float
    """From the last event to the last answer."""
    cpu_microseconds: float
    """The control plane's own, an event, without its start."""
    read_seconds: float
    """All metrics of the trial from its sums."""


def main() -> int:
    """Run the benchmark. Returns its exit code."""
    options = command.parser("outcomes", __doc__ or "").parse_args()
    return command.report(lambda: measure(options.quick), options)


def measure(quick: bool) -> Report:
    """On both databases."""
    seconds = _QUICK_SECONDS if quick else SECONDS
    bars: list[Bar] = []
    with tempfile.TemporaryDirectory() as folder, PostgresServer() as postgres:
        for name, url in (("SQLite", None), ("PostgreSQL", postgres.empty())):
            home = Path(folder) / name
            home.mkdir()
            command.say(f"{name}: {seconds:g} s")
            bars += judged(name, asyncio.run(run(home, url, seconds)))
    return Report("outcomes", bars, notes=notes(seconds))


async def run(folder: Path, url: str | None, seconds: float) -> Counted:
    """One control plane, and the routers."""
    plane = Replica("plane", folder, Cores.available().gateway, url)
    with plane:
        await asyncio.to_thread(plane.wait)
        metrics, expected = RouterMetrics(), Expected()
        spools = [Spools(folder / f"router-{number}", SPOOL_BYTES, metrics) for number in range(ROUTERS)]
        senders = [Sender(f"router-{n}", each, EventSink(plane.url)) for n, each in enumerate(spools)]
        endless = [*(each.run() for each in spools), *(each.run() for each in senders)]
        working = [asyncio.create_task(each) for each in endless]
        killing = asyncio.create_task(killed(plane, seconds / 2))
        sources = [Source(f"router-{number}", number, expected) for number in range(ROUTERS)]
        before = cpu_seconds(tree(plane.pid))
        began = time.monotonic()
        events = await given(spools, sources, seconds)
        ended = time.monotonic()
        cpu = (await killing) - before
        until = ended + _CATCH_UP_SECONDS
        while any(each.waiting for each in spools) and time.monotonic() < until:  # noqa: ASYNC110 - as from outside
            await asyncio.sleep(_TICK_SECONDS)
        caught_up = time.monotonic()
        cpu += cpu_seconds(tree(plane.pid))
        for task in working:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        for sender in senders:
            await sender.close()
    period, read_seconds = counted(url or f"sqlite:///{folder / 'control-plane.db'}")
    lost = metrics.registry.get_sample_value
    dropped = sum(
        lost("tiermesh_router_events_dropped_total", {"why": why}) or 0 for why in ("full", "disk", "refused")
    )
    return Counted(
        events=events,
        rate=events / (ended - began),
        requests_missing=expected.requests - _sum(period, "requests"),
        errors_missing=expected.errors - _sum(period, "errors"),
        orders_missing=expected.orders - _sum(period, "orders"),
        units_missing=len(expected.units) - sum(period.units.values()),
        dropped=dropped,
        catch_up_seconds=caught_up - ended,
        cpu_microseconds=cpu / events * 1e6,
        read_seconds=read_seconds,
    )


async def killed(plane: Replica, after: float) -> float:
    """Kill it then, and start it again; returns what the first one took, less what the second one's start did."""
    await asyncio.sleep(after)
    used = cpu_seconds(tree(plane.pid))
    plane.kill()
    command.say("killed")
    await asyncio.sleep(AWAY_SECONDS)
    plane.start()
    await asyncio.to_thread(plane.wait)
    return used - cpu_seconds(tree(plane.pid))


async def given(spools: list[Spools], sources: list[Source], seconds: float) -> int:
    """Give each router its share of the events on schedule; returns how many there were."""
    events, began = 0, time.monotonic()
    while (passed := time.monotonic() - began) < seconds:
        due = int(passed * RATE / ROUTERS) - events // ROUTERS
        for each, source in zip(spools, sources, strict=True):
            each.add(source.events(due))
            events += due
        await asyncio.sleep(_TICK_SECONDS)
    for each, source in zip(spools, sources, strict=True):
        last = source.finish()
        each.add(last)
        events += len(last)
    return events


def counted(url: str) -> tuple[Period, float]:
    """What the database holds, and how long reading it takes."""
    with contextlib.closing(Database(url)) as database:
        took = []
        for _ in range(_ANALYSES):
            began = time.perf_counter()
            with database.read() as transaction:
                (period,) = reading.read(transaction, TRIAL, _METRICS)
            took.append(time.perf_counter() - began)
    return period, sorted(took)[_ANALYSES // 2]


def _sum(period: Period, metric: str) -> float:
    """Of all units."""
    found: Mapping[str, float] = {arm: _value(period, arm, metric) for arm in period.units}
    return sum(found.values())


def _value(period: Period, arm: str, metric: str) -> float:
    if metric == "requests":
        return float(period.sample(arm, "errors").moments.d)
    return float(period.sample(arm, metric).moments.y)


def judged(name: str, counted: Counted) -> list[Bar]:
    """The figures and their limits."""
    missing = {
        "requests": counted.requests_missing,
        "errors": counted.errors_missing,
        "outcomes": counted.orders_missing,
        "units": counted.units_missing,
    }
    return [
        Bar(f"{name}: events given to routers", counted.rate, "1/s", limit=0.99 * RATE, better="higher"),
        *(Bar(f"{name}: {what} lost", max(0.0, count), "", limit=0) for what, count in missing.items()),
        *(Bar(f"{name}: {what} counted twice", max(0.0, -count), "", limit=0) for what, count in missing.items()),
        Bar(f"{name}: events dropped by routers", counted.dropped, "", limit=0),
        Bar(f"{name}: from the last event until all are counted", counted.catch_up_seconds, "s", limit=10),
        Bar(f"{name}: control plane's CPU", counted.cpu_microseconds, "µs/event"),
        Bar(f"{name}: reading all metrics of the trial", 1e3 * counted.read_seconds, "ms", limit=100),
    ]


def notes(seconds: float) -> list[str]:
    """What a reader must know to believe the bars."""
    return [
        f"{ROUTERS} routers' spools and senders, in this process; {RATE} events/s for {seconds:g} s, eight of ten "
        "about requests, two reported of requests or units; some before their request, some twice.",
        f"The control plane is killed in the middle (SIGKILL) and started {AWAY_SECONDS:g} s later. fsync is on.",
    ]


if __name__ == "__main__":
    sys.exit(main())
