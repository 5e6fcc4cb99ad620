"""The audit in the database: one chain, however many write."""

import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError

from control_plane.audit import verify
from control_plane.spec.audit import Deed, Verdict
from control_plane.spec.records import Change, Outcome
from control_plane.store import audit
from control_plane.store.database import Database
from control_plane.store.provenance import Origin, Provenance

_WHEN = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


def _deed(what: str) -> Deed:
    return Deed(at=_WHEN, who="alice", via="", address="", action="apply", what=(what,), reason="因为")


def _append(database: Database, *whats: str) -> None:
    for what in whats:
        with database.write() as transaction:
            audit.append(transaction, _deed(what))


def _verdict(database: Database) -> Verdict:
    with database.read() as transaction:
        return verify(audit.every(transaction), [], audit.head(transaction))


def _faults(database: Database) -> list[tuple[int, str]]:
    return [(fault.sequence, fault.what) for fault in _verdict(database).faults]


def _tamper(database: Database, *statements: str) -> None:
    with database.write() as transaction:
        for trigger in ("update", "delete"):
            transaction.exec_driver_sql(f"DROP TRIGGER audit_refuse_{trigger}")
        for statement in statements:
            transaction.exec_driver_sql(statement)


def test_what_is_read_is_what_was_written(database: Database) -> None:
    _append(database, "a", "b")
    with database.read() as transaction:
        newest = audit.some(transaction, None, None, 10)
        assert audit.some(transaction, None, 0, 10) == newest[::-1]
        assert audit.some(transaction, 2, None, 10) == audit.some(transaction, None, 0, 1)
    assert (newest[0].what, newest[0].at, newest[0].reason) == (("b",), _WHEN, "因为")
    assert _verdict(database).holds


def test_a_write_of_thousands_makes_an_entry_that_can_be_read(database: Database) -> None:
    changes = [Change(kind="Model", name=f"m{one}", generation=1, outcome=Outcome.CREATED) for one in range(5000)]
    unchanged = Change(kind="Model", name="same", generation=1, outcome=Outcome.UNCHANGED)
    with database.write() as transaction:
        by = Provenance("alice", "", _WHEN, Origin("oidc", "::1"))
        entry = audit.written(transaction, "apply", by, [unchanged, *changes], 7)
    assert (entry.who, entry.via, entry.address, entry.snapshot) == ("alice", "oidc", "::1", 7)
    assert (len(entry.what), entry.what[0]) == (101, "Model/m0 generation 1 created")
    assert entry.what[-1] == "and 4900 more, of the same moment and author"


def test_a_transaction_that_is_taken_back_leaves_no_gap(database: Database) -> None:
    with database.write(keep=False) as transaction:
        audit.append(transaction, _deed("dry"))
    _append(database, "wet")
    assert (_verdict(database).holds, _verdict(database).head.sequence) == (True, 1)


def test_writers_of_several_processes_make_one_chain(database: Database, tmp_path: Path) -> None:
    others = [Database(f"sqlite:///{tmp_path / 'test.db'}") for _ in range(4)]
    writers = [threading.Thread(target=_append, args=(one, *"abcde")) for one in others]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    for other in others:
        other.close()
    assert (_verdict(database).entries, _faults(database)) == (20, [])


@pytest.mark.parametrize("statement", ["UPDATE audit SET who = 'bob'", "DELETE FROM audit"])
def test_the_database_refuses_to_change_it(database: Database, statement: str) -> None:
    _append(database, "a")
    with pytest.raises(IntegrityError, match="append-only"), database.write() as transaction:
        transaction.exec_driver_sql(statement)


@pytest.mark.parametrize(
    ("statements", "faults"),
    [
        (["UPDATE audit SET who = 'bob' WHERE sequence = 2"], [(2, "was edited: its hash does not fit what it says")]),
        (
            ["UPDATE audit SET what = '{' WHERE sequence = 2"],
            [(0, "the entry at place 2 cannot be read"), (2, "missing: 2, before 3")],
        ),
        (
            ["UPDATE audit SET at = 'never' WHERE sequence = 4"],
            [(0, "the entry at place 4 cannot be read"), (4, "is gone: the end behind 3 was cut off")],
        ),
        (["DELETE FROM audit_head"], [(1, "stands behind the end, 0: it was put in")]),
        (["UPDATE audit_head SET sha256 = ''"], [(4, "is not what the anchor says: it was replaced")]),
        (["DELETE FROM audit WHERE sequence = 2"], [(2, "missing: 2, before 3")]),
        (["DELETE FROM audit WHERE sequence >= 3"], [(4, "is gone: the end behind 2 was cut off")]),
        (
            [
                "UPDATE audit SET sequence = 9 WHERE sequence = 2",
                "UPDATE audit SET sequence = 2 WHERE sequence = 3",
                "UPDATE audit SET sequence = 3 WHERE sequence = 9",
            ],
            [
                (2, "was edited: its hash does not fit what it says"),
                (2, "does not follow 1: 1 or 2 was replaced"),
                (3, "was edited: its hash does not fit what it says"),
                (3, "does not follow 2: 2 or 3 was replaced"),
                (4, "does not follow 3: 3 or 4 was replaced"),
            ],
        ),
    ],
    ids=["edited", "unreadable", "no time", "no head", "another head", "dropped", "cut off", "exchanged"],
)
def test_whoever_gets_around_that_is_found(
    database: Database, statements: list[str], faults: list[tuple[int, str]]
) -> None:
    _append(database, *"abcd")
    _tamper(database, *statements)
    assert _faults(database) == faults


def test_rows_put_in_past_the_program_stand_behind_the_end(database: Database) -> None:
    _append(database, "a")
    with database.write() as transaction:
        transaction.exec_driver_sql(
            "INSERT INTO audit SELECT 2, at, who, via, address, action, what, reason, outcome, snapshot, times, "
            "sha256, sha256 FROM audit"
        )
    assert (2, "stands behind the end, 1: it was put in") in _faults(database)
