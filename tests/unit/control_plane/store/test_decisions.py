"""Records of decisions: all of a request's, newest first; bounded in number and age."""

from datetime import UTC, datetime, timedelta

import pytest

from control_plane.spec.decisions import DecisionRecord
from control_plane.store import decisions
from control_plane.store.database import Database
from tests.unit.control_plane.decisions import BEGAN, record


def written(database: Database, *records: DecisionRecord) -> None:
    with database.write() as transaction:
        decisions.append(transaction, decisions.rows(records))


def statuses(found: list[DecisionRecord]) -> list[int]:
    return [one.status for one in found]


def test_an_id_that_was_used_twice_has_two_records_newest_first(database: Database) -> None:
    twice = [record("a", 0, status=200), record("b", 1), record("a", 2, status=504)]
    written(database, *twice)
    with database.read() as transaction:
        assert decisions.of_request(transaction, "a", 10) == [twice[2], twice[0]]
        assert decisions.of_request(transaction, "c", 10) == []


def test_a_record_that_was_sent_twice_is_there_once(database: Database) -> None:
    written(database, record("a", 0))
    written(database, record("a", 0))
    with database.read() as transaction:
        assert len(decisions.of_request(transaction, "a", 10)) == 1
        assert len(decisions.newest(transaction, None, None, None, 10)) == 1


def test_the_list_is_by_route_tenant_and_time(database: Database) -> None:
    written(
        database,
        record("a", 0, status=201),
        record("b", 1, status=202, route="bank"),
        record("c", 2, status=203, tenant="acme"),
    )
    with database.read() as transaction:
        assert statuses(decisions.newest(transaction, None, None, None, 10)) == [203, 202, 201]
        assert statuses(decisions.newest(transaction, "bank", None, None, 10)) == [202]
        assert statuses(decisions.newest(transaction, None, "acme", None, 10)) == [203]
        assert statuses(decisions.newest(transaction, None, None, BEGAN + timedelta(seconds=1), 10)) == [203, 202]
        assert statuses(decisions.newest(transaction, None, None, None, 1)) == [203]


@pytest.mark.parametrize(
    ("before", "most", "left"),
    [(BEGAN, 3, [203, 202, 201]), (BEGAN + timedelta(seconds=1), 3, [203, 202]), (BEGAN, 1, [203])],
)
def test_what_is_too_old_or_too_much_goes_the_oldest_first(
    database: Database, before: datetime, most: int, left: list[int]
) -> None:
    written(database, *(record("a", second, status=201 + second) for second in range(3)))
    with database.write() as transaction:
        assert decisions.forget(transaction, before, most) == 3 - len(left)
    with database.read() as transaction:
        assert statuses(decisions.newest(transaction, None, None, datetime(2000, 1, 1, tzinfo=UTC), 10)) == left
