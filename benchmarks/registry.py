"""`python -m benchmarks.registry`: many documents, many editors, and a leader that is killed.

    python -m benchmarks.registry [--quick] [--json]

Needs PostgreSQL's programs. First 10,000 Routes and 2,000 Models are compiled, and one of them is edited. Then 20
editors change one document at once. Then two control planes share a database, and whichever leads is killed, again and
again, while others write at both.
"""

import argparse
import contextlib
import random
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.harness import command, replicas
from benchmarks.harness.postgres import PostgresServer
from benchmarks.harness.processes import Cores
from benchmarks.harness.replicas import Ledger, Replica, Writer
from benchmarks.harness.tiermesh import document
from benchmarks.report import Bar, Report
from control_plane.client.http import Client
from control_plane.publisher import Publisher
from control_plane.spec.compile import compile
from control_plane.spec.documents import Document, parse
from control_plane.store import revisions, snapshots
from control_plane.store.database import Database

ROUTES, MODELS = 10_000, 2_000
EDITORS, SECONDS, _QUICK_SECONDS = 20, 30.0, 5.0
WRITERS, KILLS, _QUICK_KILLS = 4, 20, 3
_EDITS = 5
_WRITE_SECONDS = 1.0
"""Longest time between two kills in which everybody is up."""


@dataclass(frozen=True, slots=True)
class Scale:
    """Seconds that it took, each the median of several times."""

    compile_seconds: float
    publish_seconds: float


@dataclass(frozen=True, slots=True)
class Written:
    """What writers were told, and what is there."""

    acknowledged: int
    refused: int
    unanswered: int
    missing: int
    """Acknowledged writes that are not there."""
    doubled: int
    """Writes that are there more than once."""
    lost: int
    """Writes that are there, and that the last version does not count."""
    gaps: int
    """Snapshots whose parent is not the number before."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    parser = command.parser("registry", "Many documents, many editors, and a leader that is killed.")
    options = parser.parse_args(arguments)
    return command.report(lambda: run(options), options)


def run(options: argparse.Namespace) -> Report:
    """All three parts. Raises TiermeshError where something does not start."""
    cores = Cores.available()
    with tempfile.TemporaryDirectory() as folder, PostgresServer() as server:
        scale = _scale(Path(folder), options.rounds)
        command.say(f"compiled in {scale.compile_seconds:.2f} s, published in {scale.publish_seconds:.2f} s")
        edited = _edited(Path(folder), cores, _QUICK_SECONDS if options.quick else SECONDS)
        command.say(f"editors: {edited}")
        kills = _QUICK_KILLS if options.quick else KILLS
        killed = _killed(Path(folder), cores, server.empty(), kills)
        command.say(f"leader killed: {killed}")
    return Report("registry", bars(scale, edited, killed, kills), notes=notes(options.quick))


def many(routes: int, models: int) -> list[Document]:
    """Routes over Models that run elsewhere, each with one of each tier."""
    tiers = ("light", "heavy")
    made = [
        document(
            "Model", f"m-{number}", {"engine": "openai", "tier": tiers[number % 2], "url": f"http://h-{number}/v1"}
        )
        for number in range(models)
    ]
    for number in range(routes):
        light = 2 * number % models
        tier_models = {"light": [f"m-{light}"], "heavy": [f"m-{light + 1}"]}
        made.append(document("Route", f"r-{number}", {"tiers": tier_models}))
    return [parse(one) for one in made]


def _scale(folder: Path, rounds: int) -> Scale:
    documents = many(ROUTES, MODELS)
    compiling = [_seconds(partial(compile, documents)) for _ in range(rounds)]
    database = Database(f"sqlite:///{folder / 'many.db'}")
    database.migrate()
    publisher = Publisher(database, "http://127.0.0.1:8000", lambda _: None)
    publisher.apply(documents, "bench")
    (route,) = (one for one in documents if one.key == ("Route", "r-7", "default"))
    publishing = []
    for _ in range(_EDITS):
        route = replicas.counted(route)
        publishing.append(_seconds(partial(publisher.apply, [route], "bench")))
    database.close()
    return Scale(statistics.median(compiling), statistics.median(publishing))


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _edited(folder: Path, cores: Cores, seconds: float) -> Written:
    """Everybody edits one Route of a control plane on SQLite."""
    with Replica("alone", folder, cores.gateway) as replica:
        replica.wait()
        with _writing([replica], ["route-0"] * EDITORS) as ledger:
            time.sleep(seconds)
    return checked(Database(f"sqlite:///{folder / 'control-plane.db'}"), ledger)


def _killed(folder: Path, cores: Cores, url: str, kills: int) -> Written:
    """Writers with a Route each, at two control planes of which the leading one is killed."""
    pair = [Replica(name, folder, core, url) for name, core in (("one", cores.gateway), ("other", cores.load))]
    with contextlib.ExitStack() as life:
        for replica in pair:
            life.enter_context(replica)
            replica.wait()
        with _writing(pair, [f"route-{number}" for number in range(WRITERS)]) as ledger:
            for number in range(kills):
                time.sleep(random.uniform(0, _WRITE_SECONDS))
                leading = replicas.leader(pair)
                leading.kill()
                leading.start()
                leading.wait()
                command.say(f"{leading.name} killed while it led, {number + 1} of {kills}: {dict(ledger.told)}")
    return checked(Database(url), ledger)


@contextlib.contextmanager
def _writing(pair: Sequence[Replica], routes: Sequence[str]) -> Iterator[Ledger]:
    """Writers, one for each name of a Route, as long as the block runs. Raises what one of them failed of."""
    ledger, stop, urls = Ledger(), threading.Event(), [replica.url for replica in pair]
    with Client(urls[0]) as client:
        client.apply(replicas.documents(len(set(routes))), "bench")
    writers = [Writer(urls, name, ledger, stop) for name in routes]
    for writer in writers:
        writer.start()
    try:
        yield ledger
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    for error in (writer.error for writer in writers if writer.error):
        raise error


def checked(database: Database, ledger: Ledger) -> Written:
    """Compare what was said with what is there, past every process."""
    with contextlib.closing(database), database.read() as transaction:
        heads = revisions.heads(transaction, "Route")
        there = Counter(
            revision.reason for key in heads for revision in revisions.history(transaction, *key) if revision.reason
        )
        counts = [replicas.edits(parse(head.document)) for head in heads.values()]
        numbers = [(one.number, one.parent) for one in snapshots.summaries(transaction, None, 1_000_000)]
    return Written(
        acknowledged=len(ledger.acknowledged),
        refused=ledger.told["refused"],
        unanswered=ledger.told["unanswered"],
        missing=sum(mark not in there for mark in ledger.acknowledged),
        doubled=sum(times > 1 for times in there.values()),
        lost=sum(there.values()) - sum(counts),
        gaps=sum((parent or 0) != number - 1 for number, parent in numbers),
    )


def bars(scale: Scale, edited: Written, killed: Written, kills: int) -> list[Bar]:
    """The figures and their limits."""
    return [
        Bar("10,000 Routes and 2,000 Models: compile", scale.compile_seconds, "s", limit=2),
        Bar("10,000 Routes and 2,000 Models: an edit published", scale.publish_seconds, "s", limit=1),
        *_written("20 editors", edited),
        Bar("leader killed: times", kills, "", limit=_QUICK_KILLS, better="higher"),
        *_written("leader killed", killed),
    ]


def _written(what: str, written: Written) -> list[Bar]:
    return [
        Bar(f"{what}: writes acknowledged", written.acknowledged, "", limit=1, better="higher"),
        Bar(f"{what}: refused, and read again", written.refused, ""),
        Bar(f"{what}: not answered, and looked up", written.unanswered, ""),
        Bar(f"{what}: acknowledged and not there", written.missing, "", limit=0),
        Bar(f"{what}: there twice", written.doubled, "", limit=0),
        Bar(f"{what}: updates lost", abs(written.lost), "", limit=0),
        Bar(f"{what}: snapshots left out", written.gaps, "", limit=0),
    ]


def notes(quick: bool) -> list[str]:
    """What a reader must know to believe the bars."""
    seconds = _QUICK_SECONDS if quick else SECONDS
    return [
        f"{EDITORS} editors of one Route for {seconds:g} s, on SQLite; then {WRITERS} writers at two control planes on "
        "PostgreSQL, with fsync, whose leader is killed (SIGKILL) and started again.",
        "An edit is published when its snapshot is in the database: compiled, hashed, written, with its difference.",
    ]


if __name__ == "__main__":
    sys.exit(main())
