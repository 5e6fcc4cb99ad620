"""Rollouts: how soon a candidate is taken back from every router, and whether one survives the control plane.

Three routers follow one control plane. A candidate that has half of the requests is taken back again and again: by a
command, and by what routers report of it. Then a rollout goes through all kinds of steps while the control plane is
killed (SIGKILL) in each of them and started again.

    python -m benchmarks.rollouts [--json] [--quick]
"""

import asyncio
import contextlib
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import orjson

from benchmarks.harness import command, plane
from benchmarks.harness.processes import Cores
from benchmarks.harness.replicas import Replica
from benchmarks.harness.tiermesh import document
from benchmarks.report import Bar, Report
from control_plane.client.events import EventSink
from control_plane.client.trials import TrialsClient
from control_plane.spec.courses import Command, Phase, RolloutStatus, Why
from control_plane.spec.documents import Document, parse
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.events import unit_hash

ROUTERS = 3
RUNS, _QUICK_RUNS = 20, 5
NAME, TRIAL = "newer", "Rollout/newer"
REQUESTS = 2000
"""That are reported of a candidate before it is judged."""
_LOOK_SECONDS = 0.02
_LONGEST_SECONDS = 60.0
_OVERRIDE = {"tiers": {"light": ["new"]}}
_GUARDRAILS = [{"metric": "errors", "margin": {"absolute": 0.05}}]
_STEPS: list[dict[str, Any]] = [
    {"mirror": {"minutes": 0.05}},
    {"setWeight": 5},
    {"pause": {"minutes": 0.05}},
    {"setWeight": 20},
    {"analysis": {"minutes": 0.05}},
    {"setWeight": 50},
    {"pause": {}},
]


@dataclass(slots=True)
class Taken:
    """Seconds, of each candidate that was taken back."""

    aborted: list[float] = field(default_factory=list)
    """From the decision to the last router's acknowledgement, by a command; …"""
    broken: list[float] = field(default_factory=list)
    """… and by a guardrail; …"""
    seen: list[float] = field(default_factory=list)
    """… and there from the report that shows it."""


@dataclass(slots=True)
class Survived:
    """What came of the rollouts whose control plane was killed."""

    kills: int = 0
    torn: int = 0
    """After a start, what routers are told was not what is written down of the rollout."""
    backwards: int = 0
    """After a start it was before where it had been."""
    wrong: int = 0
    """Ended otherwise than promoted, with a Route that says so, and the weights that its steps say."""


def main() -> int:
    """Run the benchmark. Returns its exit code."""
    options = command.parser("rollouts", __doc__ or "").parse_args()
    return command.report(lambda: measure(options.quick), options)


def measure(quick: bool) -> Report:
    """Both parts."""
    runs = _QUICK_RUNS if quick else RUNS
    with tempfile.TemporaryDirectory() as folder:
        command.say(f"{ROUTERS} routers: {runs} candidates are taken back by command, and {runs} by what is reported")
        taken = take_back(Path(folder), runs)
    with tempfile.TemporaryDirectory() as folder:
        command.say("the control plane is killed in each step")
        survived = survive(Path(folder), 1 if quick else 3)
    return Report("rollouts", bars(taken, survived), notes=notes(runs))


def take_back(folder: Path, runs: int) -> Taken:
    """Candidates that have half of the requests."""
    found, cores = Taken(), Cores.available()
    with contextlib.ExitStack() as started:
        client = started.enter_context(control_plane(folder))[1]
        client.apply(mesh(), "bench")
        for number in range(ROUTERS):
            started.enter_context(plane.router(cores, folder, client.url, f"router-{number}"))
        for run in range(2 * runs):
            client.apply([rollout([{"setWeight": 50}, {"pause": {}}], salt=str(run))], "bench")
            until(client, lambda status: status.phase is Phase.PAUSED)
            everywhere(client)
            if run % 2:
                client.tell(NAME, Command.ABORT, "bench")
                found.aborted.append(everywhere(client))
                continue
            reported = datetime.now(UTC)
            report(client, {"stable": 0.01, "candidate": 0.3})
            until(client, lambda status: status.phase is Phase.ROLLED_BACK)
            found.broken.append(everywhere(client))
            found.seen.append((last_acknowledgement(client) - reported).total_seconds())
    return found


def survive(folder: Path, rounds: int) -> Survived:
    """Rollouts whose control plane ends in each of their steps."""
    found = Survived()
    with control_plane(folder) as (process, client):
        client.apply(mesh(), "bench")
        for run in range(rounds):
            client.apply([*mesh()[2:], rollout(_STEPS, salt=str(run))], "bench")
            for index in range(len(_STEPS)):
                before = until(client, partial(has_reached, index))
                process.kill()
                process.start()
                process.wait()
                found.kills += 1
                after = client.rollout(NAME)
                found.backwards += after.step < before.step
                found.torn += not agrees(client)
                if after.phase is Phase.ANALYSING:
                    report(client, {"stable": 0.01, "candidate": 0.01}, weight=20)
            client.tell(NAME, Command.PROMOTE, "bench")
            found.wrong += not right(client)
    return found


@contextlib.contextmanager
def control_plane(folder: Path) -> Iterator[tuple[Replica, TrialsClient]]:
    """A process that can be killed, and a client of it."""
    process = Replica("control-plane", folder, Cores.available().load)
    with process:
        process.wait()
        with TrialsClient(process.url) as client:
            yield process, client


def mesh() -> list[Document]:
    """Two Models that nobody asks, and a Route that names the first."""
    away = {"engine": "openai", "tier": "light", "url": "http://127.0.0.1:9/v1"}
    documents = document("Model", "old", away), document("Model", "new", away)
    return [parse(one) for one in (*documents, document("Route", "shop", {"tiers": {"light": ["old"]}}))]


def rollout(steps: Sequence[dict[str, Any]], salt: str) -> Document:
    """From the first Model to the second; another salt is another rollout."""
    said = {"route": "shop", "override": _OVERRIDE, "guardrails": _GUARDRAILS, "steps": steps, "salt": salt}
    return parse(document("Rollout", NAME, said))


def has_reached(index: int, status: RolloutStatus) -> bool:
    """Whether it is at this step, or behind it."""
    return status.since is not None and status.step >= index


def until(client: TrialsClient, right: Callable[[RolloutStatus], bool]) -> RolloutStatus:
    """The status, once it is as it should be. Raises TiermeshError(DEADLINE_EXCEEDED)."""
    ends = time.monotonic() + _LONGEST_SECONDS
    while not right(found := client.rollout(NAME)):
        if time.monotonic() > ends:
            message = f"The rollout is {found.phase.value} at step {found.step} and does not go on."
            raise TiermeshError(Code.DEADLINE_EXCEEDED, message, "The control plane's log is in the temporary folder.")
        time.sleep(_LOOK_SECONDS)
    return found


def everywhere(client: TrialsClient) -> float:
    """Seconds from the newest snapshot's decision to the last router's acknowledgement, once there is one of each."""
    ends = time.monotonic() + _LONGEST_SECONDS
    while len((found := client.snapshot()).acks) < ROUTERS:
        if time.monotonic() > ends:
            raise TiermeshError(Code.DEADLINE_EXCEEDED, "A router does not acknowledge a snapshot.", "See its log.")
        time.sleep(_LOOK_SECONDS)
    return (max(ack.at for ack in found.acks) - found.created_at).total_seconds()


def last_acknowledgement(client: TrialsClient) -> datetime:
    """Of the newest snapshot."""
    return max(ack.at for ack in client.snapshot().acks)


def report(client: TrialsClient, failing: dict[str, float], weight: float = 50) -> None:
    """What a router would report: requests in the arms' shares, of which so many failed."""
    shares = {"stable": 1 - weight / 100, "candidate": weight / 100}
    snapshot, at = client.snapshot().number, datetime.now(UTC).isoformat()
    made = [
        {
            "kind": "exposure",
            "id": (request := uuid.uuid4().hex),
            "at": at,
            "route": "shop",
            "snapshot": snapshot,
            "assignments": [{"trial": TRIAL, "arm": arm, "unit": unit_hash(request)}],
            "seconds": 0.1,
            "failed": index < failing[arm] * REQUESTS * share,
            "fallback": False,
            "cacheHit": False,
            "status": 200,
        }
        for arm, share in shares.items()
        for index in range(round(REQUESTS * share))
    ]
    asyncio.run(_send(client.url, [orjson.dumps(one) for one in made]))


async def _send(url: str, events: Sequence[bytes]) -> None:
    sink = EventSink(url)
    try:
        for first in range(0, len(events), 500):
            await sink.send("bench", uuid.uuid4().hex, 1, events[first : first + 500])
    finally:
        await sink.aclose()


def agrees(client: TrialsClient) -> bool:
    """Whether routers are told what is written down of the rollout."""
    status, (route,) = client.rollout(NAME), client.snapshot().content.routes
    trials = route.trials
    if status.phase.over or status.phase is Phase.PENDING:
        return not trials
    return len(trials) == 1 and trials[0].arms[1].weight == status.weight


def right(client: TrialsClient) -> bool:
    """Whether it was promoted, went through the weights that its steps say, and the Route says what it did."""
    status = client.rollout(NAME)
    newest_first = [(one.weight, one.reasons[0].code) for one in status.history]
    begun = [code for _, code in newest_first].index(Why.BEGUN)
    weights = list(dict.fromkeys(weight for weight, _ in newest_first[begun::-1] if weight))
    steps = [step.set_weight for step in status.steps if step.set_weight]
    said = client.get("Route", "shop").model_dump(mode="json", exclude_unset=True)["spec"]["tiers"]
    ends = status.phase is Phase.PROMOTED and not client.snapshot().content.routes[0].trials
    return ends and said == _OVERRIDE["tiers"] and weights == steps


def bars(taken: Taken, survived: Survived) -> list[Bar]:
    """The figures and their limits."""
    return [
        Bar("from abort to the last router's acknowledgement, median", median(taken.aborted), "s"),
        Bar("the same, slowest", max(taken.aborted), "s", limit=1),
        Bar("from automatic rollback to the last acknowledgement, median", median(taken.broken), "s"),
        Bar("the same, slowest", max(taken.broken), "s", limit=1),
        Bar("from the reports that show harm to the last acknowledgement, slowest", max(taken.seen), "s", limit=3),
        Bar("times the control plane was killed", survived.kills, ""),
        Bar("what routers were told was not what was decided", survived.torn, "", limit=0),
        Bar("rollouts that went backwards", survived.backwards, "", limit=0),
        Bar("rollouts that ended otherwise than they should", survived.wrong, "", limit=0),
    ]


def notes(runs: int) -> list[str]:
    """What a reader must know to believe the bars."""
    return [
        f"{ROUTERS} routers; each figure is over {runs} candidates that had half of the requests. A decision's moment "
        "is its snapshot's; an acknowledgement says that a router serves it.",
        f"Reports are {REQUESTS} requests, 30% of the candidate's failed; the control plane looks every second.",
    ]


if __name__ == "__main__":
    sys.exit(main())
