"""Snapshots come back as they were written, numbered one after the other."""

from datetime import UTC, datetime

from control_plane.spec.compile import compile
from control_plane.spec.records import Ack
from control_plane.spec.snapshots import Content, digest
from control_plane.store import acks, snapshots
from control_plane.store.database import Database
from control_plane.store.provenance import Provenance
from tests.unit.control_plane.samples import parsed, shop

_BY = Provenance("alice", "opening", datetime(2026, 1, 2, tzinfo=UTC))


def test_a_snapshot_is_read_as_it_was_written(database: Database) -> None:
    content = compile(parsed(*shop()))
    with database.write() as transaction:
        written = snapshots.append(transaction, content, 0, _BY)
    with database.read() as transaction:
        assert snapshots.get(transaction, 1) == snapshots.latest(transaction) == written
    assert digest(written.content) == written.sha256


def test_each_snapshot_is_the_child_of_the_one_before(database: Database) -> None:
    with database.write() as transaction:
        numbers = [snapshots.append(transaction, Content(), 0, _BY) for _ in range(3)]
    assert [(one.number, one.parent) for one in numbers] == [(1, None), (2, 1), (3, 2)]


def test_there_is_none_before_the_first(database: Database) -> None:
    with database.read() as transaction:
        assert snapshots.latest(transaction) is None
        assert snapshots.get(transaction, 1) is None
        assert snapshots.summaries(transaction, None, 10) == []


def test_summaries_go_back_in_pages_and_count_the_routers(database: Database) -> None:
    at = datetime(2026, 1, 3, tzinfo=UTC)
    with database.write() as transaction:
        for _ in range(4):
            snapshots.append(transaction, Content(), 0, _BY)
        acks.put(transaction, 2, Ack(router="a", error=None, at=at))
        acks.put(transaction, 2, Ack(router="b", error="no such tier", at=at))
        acks.put(transaction, 2, Ack(router="c", error=None, at=at))
        page = snapshots.summaries(transaction, 4, 2)
    assert [(one.number, one.acknowledged, one.refused) for one in page] == [(3, 0, 0), (2, 2, 1)]


def test_routers_that_said_something_lately_are_alive_with_the_newest_that_they_could_build(database: Database) -> None:
    then = datetime(2026, 1, 3, tzinfo=UTC)
    now = datetime(2026, 1, 4, tzinfo=UTC)
    said = [
        (1, "gone", None, then),
        (1, "behind", None, then),
        (2, "behind", "no such tier", now),
        (2, "new", "no such tier", now),
        (1, "recovered", "no such tier", then),
        (2, "recovered", None, now),
    ]
    with database.write() as transaction:
        for _ in range(2):
            snapshots.append(transaction, Content(), 0, _BY)
        for number, router, error, at in said:
            acks.put(transaction, number, Ack(router=router, error=error, at=at))
        found = acks.alive(transaction, now)
    assert [(one.name, one.snapshot, one.refused) for one in found] == [
        ("behind", 1, 2),
        ("new", None, 2),
        ("recovered", 2, None),
    ]


def test_a_routers_last_word_on_a_snapshot_counts(database: Database) -> None:
    at = datetime(2026, 1, 3, tzinfo=UTC)
    with database.write() as transaction:
        snapshots.append(transaction, Content(), 0, _BY)
        acks.put(transaction, 1, Ack(router="a", error="out of memory", at=at))
        acks.put(transaction, 1, Ack(router="a", error=None, at=at))
        assert acks.of_snapshot(transaction, 1) == (Ack(router="a", error=None, at=at),)
