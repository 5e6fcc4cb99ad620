"""`python -m benchmarks.cache`: what the semantic cache answers, and how often wrongly, on data that nobody here wrote.

    python -m benchmarks.cache [--data DIR] [--vectors DIR] [--splits N] [--json]

`--data` holds banking77/, bitext/, clinc150/, crosswoz_zh/ and pawsx_zh/ (benchmarks/README.md says where they are
from). Embedding them takes most of the time; `--vectors` keeps that for the next run. Errors are wrong hits among all
requests.
"""

import argparse
import csv
import gzip
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.harness import command, renaming, shopping, twins
from benchmarks.report import Bar, Report
from control_plane.spec.errors import Code, TiermeshError
from routers.cache import slots
from routers.cache.answers import Kind, answer_number
from routers.cache.evaluation import splits
from routers.cache.evaluation.files import Intents, Pairs
from routers.cache.evaluation.requests import Couples, Requests, Stream, embedded
from routers.cache.evaluation.vectors import Kept
from routers.cache.guard import Promise
from routers.cache.partition import Partition
from routers.encoder import Encoder, NanoEncoder, Vectors

ROOT = Path(__file__).parent.parent
PROMISE = Promise(max_error_rate=0.01, confidence=0.95)
BROKEN = 1 - PROMISE.confidence
HITS: Mapping[str, float] = {"banking77": 0.30, "bitext": 0.90}
_STREAMS: Mapping[str, tuple[str, str]] = {
    "banking77": ("banking77/banking77.csv.gz", "intent"),
    "bitext": ("bitext/bitext.csv.gz", "intent"),
    "clinc150": ("clinc150/clinc150.csv.gz", "intent"),
    "CrossWOZ, Chinese": ("crosswoz_zh/user_turns.csv.gz", "dialog_act"),
}
_PAIRS = "pawsx_zh/pawsx_zh.csv.gz"
_UNREADABLE = 400
"""Chinese questions that the English encoder is asked."""
_ENTRIES, _LOOKS = 100_000, 3000
_LOOK_MS = 1.0
_TWINS = 50
_Centres = np.ndarray[tuple[int, int], np.dtype[np.float64]]
_SHOP = ROOT / "examples" / "shop"
_SHOP_REQUESTS, _SAVED = 12_000, 0.41


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.cache", description="The semantic cache on public data."
    )
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data", help="the folder of the data")
    parser.add_argument("--vectors", type=Path, default=ROOT / ".benchmarks" / "vectors", help="keeps embeddings")
    parser.add_argument("--splits", type=int, default=200, help="random splits of each data set (default 200)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(arguments)
    return command.report(lambda: run(options.data, options.vectors, options.splits), options)


def run(data: Path, vectors: Path, count: int) -> Report:
    """Measure all. Raises TiermeshError where the data is not there."""
    encoder = Kept(NanoEncoder(), vectors)
    bars: list[Bar] = []
    for name, (path, column) in _STREAMS.items():
        bars += _judge(name, Stream(_questions(data / path, column), encoder, _silent), count)
    bars += _judge("PAWS-X, Chinese", Couples(_pairs(data / _PAIRS), encoder, _silent), count)
    bars += _unreadable(_questions(data / _STREAMS["CrossWOZ, Chinese"][0], "dialog_act"), count)
    bars += _renamed(_questions(data / _STREAMS["clinc150"][0], "intent"), encoder)
    bars += _look_up()
    bars += _replay(encoder)
    command.say(f"the same question from {_TWINS} callers at once")
    bars.append(Bar(f"{_TWINS} identical questions at once", twins.upstream_calls(_TWINS), "upstream calls", 1))
    return Report("cache", bars, notes=_NOTES)


def _judge(name: str, requests: Requests, count: int) -> list[Bar]:
    command.say(f"{name}: {len(requests)} questions, {count} splits")
    learned, static = splits.evaluate(requests, PROMISE, count, 0, _silent)
    return [
        Bar(f"{name}: hits", learned.hit_rate, "share", HITS.get(name), "higher"),
        Bar(f"{name}: errors", learned.error_rate, "share", PROMISE.max_error_rate),
        Bar(f"{name}: bound broken", learned.violation_share, "of splits", BROKEN),
        Bar(f"{name}: hits, best static threshold", static.hit_rate, "share"),
        Bar(f"{name}: bound broken, best static threshold", static.violation_share, "of splits"),
    ]


def _unreadable(read: Intents, count: int) -> list[Bar]:
    command.say("Chinese questions for an English encoder")
    few = Intents(read.texts[:_UNREADABLE], read.intents[:_UNREADABLE])
    learned, _ = splits.evaluate(Stream(few, NanoEncoder("enpt"), _silent), PROMISE, count, 0, _silent)
    return [Bar("Chinese for an English encoder: hits", learned.hit_rate, "share", 0.0)]


def _renamed(read: Intents, encoder: Encoder) -> list[Bar]:
    """Of a cache that has seen half of the questions, and that answers by intent whatever name a question is about:
    names are the slots' alone to tell apart."""
    chosen = np.random.default_rng(0).permutation(len(read.texts))[: len(read.texts) // 2]
    texts, intents = [read.texts[row] for row in chosen], [read.intents[row] for row in chosen]
    asked = list(renaming.renamed(texts, seed=0))
    command.say(f"{len(asked)} questions with another name")
    partition = _taught(texts, intents, embedded(read.texts, encoder, _silent)[chosen])
    wrong = 0
    for question, vector in zip(asked, embedded([each.text for each in asked], encoder, _silent), strict=True):
        found = slots.read(question.text)
        assert found is not None, "they are short"
        hit = partition.look(vector, found, 0.0, teaches=False).hit
        wrong += hit is not None and not question.is_of(hit.payload)
    return [Bar("clinc150, another name put in: answered without it", wrong / len(asked), "share")]


def _taught(texts: Sequence[str], intents: Sequence[str], vectors: Vectors) -> Partition[str]:
    partition: Partition[str] = Partition(PROMISE, vectors.shape[1], 0, max_bytes=2**30)
    for text, intent, vector in zip(texts, intents, vectors, strict=True):
        asked = slots.read(text)
        assert asked is not None, "they are short"
        partition.learn(partition.look(vector, asked, 0.0), answer_number(intent))
        partition.keep(vector, asked, Kind(answer_number(intent), None), text, 1.0, 1)
    return partition


def _look_up() -> list[Bar]:
    """Search and decision with a full partition. CPU time of the thread: other work on the machine is not counted."""
    command.say(f"look-up in {_ENTRIES:,} entries")
    chance = np.random.default_rng(0)
    centres = chance.normal(size=(_ENTRIES // 50, 384))
    partition = _full(centres, chance)
    if not partition.learner.answers:
        raise TiermeshError(Code.SETUP, "The full partition answers nothing: nothing is decided.", "Report this.")
    asked, times = _asked(), []
    for _ in range(_LOOKS):
        vector, _ = _near(centres, chance)
        start = time.thread_time()
        partition.look(vector, asked, 0.0)
        times.append((time.thread_time() - start) * 1e3)
    p50, p99 = np.percentile(times, [50, 99])
    return [
        Bar(f"look-up in {_ENTRIES:,} entries, p50", float(p50), "ms"),
        Bar(f"look-up in {_ENTRIES:,} entries, p99", float(p99), "ms", _LOOK_MS),
    ]


def _full(centres: _Centres, chance: np.random.Generator) -> Partition[None]:
    """Fifty wordings of each question, in any order; every fiftieth is looked up and learned from."""
    partition: Partition[None] = Partition(PROMISE, 384, 0, max_bytes=2**30, max_entries=_ENTRIES)
    asked = _asked()
    for number in range(_ENTRIES):
        vector, answer = _near(centres, chance)
        look = partition.look(vector, asked, 0.0) if number % 50 == 0 else None
        partition.keep(vector, asked, Kind(answer_number(answer), None), None, 1.0, 1)
        if look is not None:
            partition.learn(look, answer_number(answer))
    return partition


def _asked() -> slots.Slots:
    found = slots.read("When will my order of two shirts arrive in Paris?")
    assert found is not None
    return found


def _near(centres: _Centres, chance: np.random.Generator) -> tuple[Vectors, str]:
    """Another wording of some question, and its answer."""
    row = int(chance.integers(len(centres)))
    vector = centres[row] + 0.3 * chance.normal(size=384)
    return np.asarray(vector / np.linalg.norm(vector), dtype=np.float32), f"answer {row}"


@dataclass(frozen=True, slots=True)
class _Replayed:
    """What came of a shop's traffic, counted in requests."""

    exact: int
    semantic: int
    wrong: int


def _replay(encoder: Encoder) -> list[Bar]:
    """From an empty cache. What is asked again word for word is the exact cache's."""
    command.say(f"{_SHOP_REQUESTS:,} questions to a shop")
    came = list(shopping.traffic(_SHOP, _SHOP_REQUESTS, seed=0))
    vectors = embedded([question.text for question in came], encoder, _silent)
    done = _serve(came, vectors)
    return [
        Bar("shop: upstream calls cut", (done.exact + done.semantic) / len(came), "share", _SAVED, "higher"),
        Bar("shop: answered by the exact cache", done.exact / len(came), "share"),
        Bar("shop: answered by the semantic cache", done.semantic / len(came), "share"),
        Bar("shop: errors", done.wrong / len(came), "share", PROMISE.max_error_rate),
    ]


def _serve(came: Sequence[shopping.Question], vectors: Vectors) -> _Replayed:
    partition: Partition[None] = Partition(PROMISE, vectors.shape[1], 0, max_bytes=2**30)
    known: set[str] = set()
    exact = semantic = wrong = 0
    for question, vector in zip(came, vectors, strict=True):
        if question.text in known:
            exact += 1
            continue
        asked = slots.read(question.text)
        assert asked is not None, "a shop's questions are short"
        look, answer = partition.look(vector, asked, 0.0), answer_number(question.answer)
        if look.hit is not None:
            semantic += 1
            wrong += look.hit.kind.number != answer
            continue
        partition.learn(look, answer)
        partition.keep(vector, asked, Kind(answer, None), None, 1.0, 1)
        known.add(question.text)
    return _Replayed(exact, semantic, wrong)


def _questions(path: Path, column: str) -> Intents:
    rows = _rows(path)
    return Intents([row["text"].strip() for row in rows], [row[column] for row in rows])


def _pairs(path: Path) -> Pairs:
    rows = _rows(path)
    return Pairs([row["q1"] for row in rows], [row["q2"] for row in rows], [row["label"] == "1" for row in rows])


def _rows(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        cure = "Give the folder of the data with --data; benchmarks/README.md says what is in it."
        raise TiermeshError(Code.SETUP, f"There is no {path}.", cure)
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _silent(steps: int) -> None:
    """Progress is a line for each data set."""


_NOTES = (
    "Errors are wrong hits among all requests. Splits: half entries and lessons, a quarter exams, a quarter fresh.",
    "The best static threshold answers most of the exams within the bound; it has no guard.",
)

if __name__ == "__main__":
    sys.exit(main())
