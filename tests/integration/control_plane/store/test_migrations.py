"""The schema comes up from every release that there was, on both databases, and loses nothing."""

import sqlite3
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from control_plane.publisher import Publisher
from control_plane.spec.names import Key
from control_plane.store import revisions, tables
from control_plane.store.database import Database
from tests.unit.control_plane.samples import model, parsed

_FIRST_RELEASE = """
CREATE TABLE acks (
  snapshot INTEGER NOT NULL, router VARCHAR(200) NOT NULL, error TEXT, at DATETIME NOT NULL,
  PRIMARY KEY (snapshot, router), FOREIGN KEY(snapshot) REFERENCES snapshots (number) )
CREATE TABLE revisions (
  id INTEGER NOT NULL, kind VARCHAR(63) NOT NULL, name VARCHAR(63) NOT NULL, generation INTEGER NOT NULL,
  deleted BOOLEAN NOT NULL, document JSON, sha256 VARCHAR(64) NOT NULL, author VARCHAR(200) NOT NULL,
  reason TEXT NOT NULL, created_at DATETIME NOT NULL,
  PRIMARY KEY (id), CONSTRAINT one_revision_per_generation UNIQUE (kind, name, generation) )
CREATE TABLE snapshot_revisions (
  snapshot INTEGER NOT NULL, revision INTEGER NOT NULL, PRIMARY KEY (snapshot, revision),
  FOREIGN KEY(snapshot) REFERENCES snapshots (number), FOREIGN KEY(revision) REFERENCES revisions (id) )
CREATE TABLE snapshots (
  number INTEGER NOT NULL, parent INTEGER, schema_version INTEGER NOT NULL, sha256 VARCHAR(64) NOT NULL,
  author VARCHAR(200) NOT NULL, reason TEXT NOT NULL, created_at DATETIME NOT NULL, content JSON NOT NULL,
  PRIMARY KEY (number), FOREIGN KEY(parent) REFERENCES snapshots (number) )
"""
"""What version 0.1 has on people's disks. It is not to be brought in line with anything."""


@pytest.fixture(params=["sqlite", "postgresql"])
def bare(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty database without a schema."""
    sqlite = request.param == "sqlite"
    made = Database(f"sqlite:///{tmp_path / 'test.db'}" if sqlite else request.getfixturevalue("postgres_url"))
    yield made
    made.close()


def _upgrade(database: Database, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(tables.__file__).parent / "migrations"))
    with database.write() as transaction:
        config.attributes["connection"] = transaction
        command.upgrade(config, revision)


def _write_as_first(database: Database) -> None:
    """What 0.1 would have written: two Models, one of them changed, deleted and made again, and a label."""
    steps: list[tuple[str, int, bool, set[int]]] = [
        ("a", 1, False, {1}),
        ("b", 1, False, {1, 2}),
        ("b", 2, False, {1, 3}),
        ("b", 3, True, {1}),
        ("b", 4, False, {1, 5}),
        ("a", 2, False, set()),  # nothing that a router sees
        ("b", 5, True, {6}),
    ]
    at, number = datetime(2026, 1, 2), 0
    with database.write() as transaction:
        run: Callable[..., Any] = lambda statement, **values: transaction.execute(text(statement), values)  # noqa: E731
        for name, generation, deleted, linked in steps:
            run(
                "INSERT INTO revisions (kind, name, generation, deleted, document, sha256, author, reason, created_at) "
                "VALUES ('Model', :name, :generation, :deleted, :document, '', 'alice', '', :at)",
                name=name,
                generation=generation,
                deleted=deleted,
                document=None if deleted else '{"kind": "Model"}',
                at=at,
            )
            if linked:
                number += 1
                run("INSERT INTO snapshots VALUES (:n, NULL, 2, '', '', '', :at, '{}')", n=number, at=at)
                for revision in linked:
                    run("INSERT INTO snapshot_revisions VALUES (:n, :revision)", n=number, revision=revision)


def test_the_first_release_on_sqlite_is_what_it_was(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'test.db'}")
    _upgrade(database, "0001")
    database.close()
    with sqlite3.connect(tmp_path / "test.db") as connection:
        query = "SELECT sql FROM sqlite_master WHERE type = 'table' AND name <> 'alembic_version' ORDER BY name"
        found = [sql for (sql,) in connection.execute(query)]
        triggers = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
    connection.close()
    assert " ".join(" ".join(found).split()) == " ".join(_FIRST_RELEASE.split())
    assert {name for (name,) in triggers} == {
        f"{table}_refuse_{verb}"
        for table in ("revisions", "snapshots", "snapshot_revisions")
        for verb in ("update", "delete")
    }


def test_what_the_first_release_wrote_is_all_there(bare: Database) -> None:
    _upgrade(bare, "0001")
    _write_as_first(bare)
    bare.migrate()
    with bare.read() as transaction:
        made_from = [[one.id for one in revisions.of_snapshot(transaction, number)] for number in range(1, 7)]
        history = revisions.history(transaction, "Model", "b")
    assert made_from == [[1], [1, 2], [1, 3], [1], [1, 5], [6]]
    assert [(one.generation, one.namespace, one.first_snapshot, one.last_snapshot) for one in history] == [
        (5, "default", None, None),
        (4, "default", 5, 5),
        (3, "default", None, None),
        (2, "default", 3, 3),
        (1, "default", 2, 2),
    ]


def test_the_migrations_make_the_tables_that_the_code_uses(bare: Database) -> None:
    bare.migrate()
    bare.migrate()
    with bare.read() as transaction:
        assert compare_metadata(MigrationContext.configure(transaction), tables.metadata) == []


@pytest.mark.parametrize("table", ["revisions", "snapshots", "snapshot_bounds"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET {} = {} + 1", "DELETE FROM {}"])
def test_what_was_written_down_stays_as_it_is(bare: Database, table: str, statement: str) -> None:
    bare.migrate()
    Publisher(bare, "http://serve", lambda _: None).apply(parsed(model()), "alice")
    column = {"revisions": "generation", "snapshots": "schema_version", "snapshot_bounds": "revision"}[table]
    with pytest.raises(IntegrityError, match=f"{table} is append-only"), bare.write() as transaction:
        transaction.exec_driver_sql(statement.format(table, column, column))


def test_the_same_name_in_another_namespace_is_another_document(bare: Database) -> None:
    bare.migrate()
    publisher = Publisher(bare, "http://serve", lambda _: None)
    other = {**model(version="2"), "metadata": {"name": "faq", "namespace": "team"}}
    publisher.apply(parsed(model(), other), "alice")
    with bare.read() as transaction:
        assert list(revisions.heads(transaction)) == [Key("Model", "faq"), Key("Model", "faq", "team")]
        assert [len(revisions.heads(transaction, "Model", space)) for space in ("team", "default", "x")] == [1, 1, 0]
        versions = [
            (revisions.head(transaction, Key("Model", "faq", space)) or pytest.fail("gone")).document
            for space in ("team",)
        ]
    assert versions == [other]
