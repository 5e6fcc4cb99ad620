from dataclasses import replace
from datetime import UTC, datetime

import pytest

from benchmarks import registry
from benchmarks.harness import replicas
from benchmarks.harness.replicas import Ledger
from control_plane.publisher import Publisher
from control_plane.spec.compile import compile
from control_plane.spec.documents import Document
from control_plane.store.database import Database
from tests.unit.control_plane.conftest import database as database
from tests.unit.control_plane.conftest import empty_database as empty_database

SCALE = registry.Scale(compile_seconds=1.0, publish_seconds=0.4)
WHOLE = registry.Written(100, 7, 3, missing=0, doubled=0, lost=0, gaps=0)


def broken(
    scale: registry.Scale = SCALE, edited: registry.Written = WHOLE, killed: registry.Written = WHOLE, kills: int = 20
) -> list[str]:
    return [bar.what for bar in registry.bars(scale, edited, killed, kills) if not bar.holds]


def test_writes_that_are_refused_or_not_answered_break_no_bar() -> None:
    assert broken() == []


@pytest.mark.parametrize(
    ("change", "bar"),
    [
        ({"acknowledged": 0}, "writes acknowledged"),
        ({"missing": 1}, "acknowledged and not there"),
        ({"doubled": 1}, "there twice"),
        ({"lost": 1}, "updates lost"),
        ({"lost": -1}, "updates lost"),
        ({"gaps": 1}, "snapshots left out"),
    ],
)
def test_whatever_is_not_there_once_breaks_a_bar(change: dict[str, int], bar: str) -> None:
    assert broken(edited=replace(WHOLE, **change)) == [f"20 editors: {bar}"]
    assert broken(killed=replace(WHOLE, **change)) == [f"leader killed: {bar}"]


def test_what_takes_too_long_or_was_not_tried_breaks_a_bar() -> None:
    assert broken(registry.Scale(2.1, 1.1), kills=0) == [
        "10,000 Routes and 2,000 Models: compile",
        "10,000 Routes and 2,000 Models: an edit published",
        "leader killed: times",
    ]


def test_the_many_documents_hold_together() -> None:
    content = compile(registry.many(20, 4))
    assert (len(content.routes), len(content.backends)) == (20, 4)


@pytest.fixture
def kept(database: Database) -> tuple[Database, list[Document]]:
    """A Route that was written twice as it should be, under the marks `a` and `b`."""
    publisher = Publisher(database, "http://serve", lambda _: None, lambda: datetime(2026, 1, 2, tzinfo=UTC))
    documents = replicas.documents(1)
    publisher.apply(documents, "bench")
    versions = [documents[1]]
    for mark in "ab":
        versions.append(replicas.counted(versions[-1]))
        publisher.apply([versions[-1]], "writer", mark)
    return database, versions


@pytest.mark.parametrize(
    ("marks", "again", "found"),
    [
        ("ab", None, {}),
        ("abx", None, {"missing": 1}),
        ("abb", 1, {"doubled": 1, "lost": 2}),
        ("abc", 1, {"lost": 2}),
    ],
    ids=["whole", "missing", "twice", "overwritten"],
)
def test_the_check_finds_what_is_wrong(
    kept: tuple[Database, list[Document]], marks: str, again: int | None, found: dict[str, int]
) -> None:
    database, versions = kept
    if again is not None:  # a write from a version that is no longer the last: its count has been there before
        Publisher(database, "http://serve", lambda _: None).apply([versions[again]], "writer", marks[-1])
    written = registry.checked(database, Ledger(list(marks)))
    assert {name: getattr(written, name) for name in ("missing", "doubled", "lost", "gaps")} == {
        "missing": 0,
        "doubled": 0,
        "lost": 0,
        "gaps": 0,
        **found,
    }


def test_wrong_usage_ends_with_two(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        registry.main(["--no"])
    assert raised.value.code == 2
    assert capsys.readouterr().err
