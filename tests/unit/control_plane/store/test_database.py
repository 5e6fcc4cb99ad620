"""Transactions hold whole or not at all, and the schema brings itself up to date."""

import sqlite3
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.exc import IntegrityError

from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.names import Key
from control_plane.store import revisions, tables
from control_plane.store.database import Database, Transaction
from control_plane.store.provenance import Provenance
from tests.unit.control_plane.samples import model

_BY = Provenance("alice", "", datetime(2026, 1, 2, tzinfo=UTC))


def _append(transaction: Transaction, generation: int) -> None:
    revisions.append(transaction, Key("Model", "faq"), generation, model(), _BY)


def _count(database: Database) -> int:
    with database.read() as transaction:
        return len(revisions.history(transaction, "Model", "faq"))


def test_the_migrations_make_the_tables_that_the_code_uses(database: Database) -> None:
    with database.read() as transaction:
        assert compare_metadata(MigrationContext.configure(transaction), tables.metadata) == []


def test_migrating_twice_changes_nothing(database: Database) -> None:
    with database.write() as transaction:
        _append(transaction, 1)
    database.migrate()
    assert _count(database) == 1


def test_a_transaction_that_fails_leaves_nothing(database: Database) -> None:
    with pytest.raises(KeyError), database.write() as transaction:
        _append(transaction, 1)
        raise KeyError
    assert _count(database) == 0


def test_a_transaction_that_is_not_kept_leaves_nothing(database: Database) -> None:
    with database.write(keep=False) as transaction:
        _append(transaction, 1)
        assert len(revisions.history(transaction, "Model", "faq")) == 1
    assert _count(database) == 0


def test_a_reader_does_not_wait_for_a_writer_nor_see_its_work(database: Database) -> None:
    with database.write() as transaction:
        _append(transaction, 1)
        assert _count(database) == 0
    assert _count(database) == 1


def test_writers_take_turns_and_each_sees_what_the_one_before_wrote(database: Database) -> None:
    def write() -> None:
        with database.write() as transaction:
            _append(transaction, len(revisions.history(transaction, "Model", "faq")) + 1)

    writers = [threading.Thread(target=write) for _ in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert _count(database) == 8


@pytest.mark.parametrize("table", ["revisions", "snapshots", "snapshot_bounds"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET rowid = 9", "DELETE FROM {}"])
def test_what_was_written_down_cannot_be_changed(database: Database, table: str, statement: str) -> None:
    with pytest.raises(IntegrityError, match="append-only"), database.write() as transaction:
        _append(transaction, 1)
        transaction.exec_driver_sql("INSERT INTO snapshots VALUES (1, NULL, 1, '', '', '', '2026-01-01', '{}')")
        transaction.exec_driver_sql("INSERT INTO snapshot_bounds VALUES (1, 1)")
        transaction.exec_driver_sql(statement.format(table))


def test_what_is_committed_is_on_the_disk(database: Database) -> None:
    with database.read() as transaction:
        assert transaction.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert transaction.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert transaction.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


def test_a_database_of_a_newer_version_is_refused(database: Database) -> None:
    with database.write() as transaction:
        transaction.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(TiermeshError, match="does not know") as raised:
        database.migrate()
    assert raised.value.code is Code.SETUP


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not a database, but long enough to be looked at")
    other = Database(f"sqlite:///{tmp_path / 'notes.txt'}")
    with pytest.raises(TiermeshError, match=r"notes\.txt cannot be used \(file is not a database\)"):
        other.migrate()
    other.close()


@pytest.mark.parametrize("url", ["mysql://h/d", "postgresql://h", "sqlite://", "sqlite:///:memory:", "nonsense"])
def test_what_is_no_sqlite_file_is_refused_with_an_example(url: str) -> None:
    with pytest.raises(TiermeshError, match="sqlite:////PATH/FILE"):
        Database(url)


@pytest.mark.parametrize(
    "url", ["mysql://user:secret@h/d", "postgresql//user:secret@h/d", "mysql://h/d?password=secret"]
)
def test_a_password_is_not_repeated_in_the_error(url: str) -> None:
    with pytest.raises(TiermeshError) as raised:
        Database(url)
    assert "secret" not in str(raised.value)


def test_a_file_that_another_program_holds_is_said_to_be_busy(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("control_plane.store.sqlite.BUSY_SECONDS", 0)
    impatient = Database(f"sqlite:///{tmp_path / 'test.db'}")
    other = sqlite3.connect(tmp_path / "test.db")
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(TiermeshError, match="locked") as raised, impatient.write():
        pass
    assert (raised.value.code, raised.value.retry_after_seconds) == (Code.UNAVAILABLE, 1)
    other.close()
    impatient.close()
