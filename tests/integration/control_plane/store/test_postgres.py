"""PostgreSQL: what holds for one file holds for several processes on one database."""

import logging
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from benchmarks.harness.postgres import PostgresServer
from control_plane.publisher import Publisher
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.names import Key
from control_plane.store import postgres, revisions, snapshots
from control_plane.store.database import Database, Transaction
from control_plane.store.provenance import Provenance
from tests.unit.control_plane.samples import model, parsed, route, shop

_BY = Provenance("alice", "", datetime(2026, 1, 2, tzinfo=UTC))
_FAQ = Key("Model", "faq")


@pytest.fixture
def two(postgres_url: str) -> Iterator[list[Database]]:
    """One database, as two processes have it."""
    made = [Database(postgres_url) for _ in range(2)]
    with ThreadPoolExecutor(2) as starting:  # as replicas that start together do
        list(starting.map(Database.migrate, made))
    yield made
    for database in made:
        database.close()


def _append(transaction: Transaction) -> None:
    generation = len(revisions.history(transaction, *_FAQ)) + 1
    revisions.append(transaction, _FAQ, generation, model(), _BY)


def _count(database: Database) -> int:
    with database.read() as transaction:
        return len(revisions.history(transaction, *_FAQ))


def test_writers_of_two_processes_take_turns(two: list[Database]) -> None:
    def write(database: Database) -> None:
        for _ in range(5):
            with database.write() as transaction:
                _append(transaction)

    with ThreadPoolExecutor(4) as writers:
        list(writers.map(write, two * 2))
    assert _count(two[0]) == 20


def test_a_reader_does_not_wait_for_a_writer_and_sees_one_state(two: list[Database]) -> None:
    writing, reading = two
    with writing.write() as transaction:
        _append(transaction)
        assert _count(reading) == 0
    with reading.read() as transaction:
        assert len(revisions.history(transaction, *_FAQ)) == 1
        with writing.write() as other:
            _append(other)
        assert len(revisions.history(transaction, *_FAQ)) == 1


def test_a_reader_cannot_write(two: list[Database]) -> None:
    with pytest.raises(Exception, match="read-only transaction"), two[0].read() as transaction:
        _append(transaction)


def test_what_fails_or_is_not_kept_leaves_nothing(two: list[Database]) -> None:
    with pytest.raises(KeyError), two[0].write() as transaction:
        _append(transaction)
        raise KeyError
    with two[0].write(keep=False) as transaction:
        _append(transaction)
    assert _count(two[1]) == 0


def test_a_turn_that_does_not_come_is_said_to_be_so(two: list[Database], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "BUSY_SECONDS", 1)
    with two[0].write(), pytest.raises(TiermeshError, match="lock timeout") as raised, two[1].write():
        pass
    assert (raised.value.code, raised.value.retry_after_seconds) == (Code.UNAVAILABLE, 1)


def test_publishers_of_two_processes_make_one_history(two: list[Database]) -> None:
    one, other = (Publisher(database, "http://serve", lambda _: None) for database in two)
    one.apply(parsed(*shop()), "alice")
    for number in range(1, 5):
        (one, other)[number % 2].apply(parsed(route(complexity={"threshold": number / 10})), "alice")
    with two[0].read() as transaction:
        latest = snapshots.latest(transaction)
        body = snapshots.wire(transaction, 5)
    assert latest is not None
    assert (latest.number, latest.parent, latest.has_its_hash) == (5, 4, True)
    assert body is not None
    assert type(latest).model_validate_json(body) == latest
    assert one.rollback(1, "bob").snapshot == 6


@pytest.fixture
def own_server() -> Iterator[PostgresServer]:
    """A server that the test may stop."""
    try:
        server = PostgresServer(durable=False)
    except TiermeshError as error:
        pytest.skip(str(error))
    with server:
        yield server


def test_a_server_that_is_restarted_is_waited_for(own_server: PostgresServer) -> None:
    database = Database(own_server.empty())
    database.migrate()
    own_server.stop()
    with pytest.raises(TiermeshError, match="does not take the request") as raised:
        database.check()
    assert raised.value.code is Code.UNAVAILABLE
    starting = threading.Timer(0.3, own_server.start)
    starting.start()
    with database.write() as transaction:
        _append(transaction)
    starting.join()
    assert _count(database) == 1
    database.close()


def test_a_server_that_goes_away_under_a_write_takes_it_with_it(own_server: PostgresServer) -> None:
    database = Database(own_server.empty())
    database.migrate()
    with pytest.raises(TiermeshError) as raised, database.write() as transaction:
        _append(transaction)
        own_server.stop()
    assert raised.value.code is Code.UNAVAILABLE
    own_server.start()
    assert _count(database) == 0
    database.close()


def test_a_password_is_in_no_error_and_no_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("control_plane.store.database._AWAY_SECONDS", 0)
    caplog.set_level(logging.DEBUG)
    database = Database("postgresql://user:secret@127.0.0.1:1/mesh?application_name=secret")
    errors = []
    for use in (database.migrate, database.check):
        with pytest.raises(TiermeshError, match=r"127\.0\.0\.1") as raised:
            use()
        errors.append(str(raised.value))
    assert "secret" not in " ".join([*errors, caplog.text])
    database.close()


def test_a_character_that_postgresql_does_not_keep_is_refused(two: list[Database]) -> None:
    publisher = Publisher(two[0], "http://127.0.0.1:8000", lambda _: None)
    with pytest.raises(TiermeshError, match="NUL") as raised:
        publisher.apply(parsed(model()), "alice", "one\0two")
    assert raised.value.code is Code.INVALID_REQUEST
    assert publisher.apply(parsed(model()), "alice").published
