"""Intake: each event of a spool is counted once, whatever is repeated, missing or killed meanwhile."""

from typing import Any

import pytest
from sqlalchemy import event

from control_plane.outcomes import reading
from control_plane.outcomes.intake import Intake
from control_plane.store import event_batches, spools
from control_plane.store.database import Database
from observability.control_plane_metrics import ControlPlaneMetrics
from tests.unit.control_plane.outcomes.samples import METRICS, TRIAL, batch, exposure


class Killed(Exception):
    """The process ends here."""


@pytest.fixture
def intake(database: Database) -> Intake:
    """What takes events."""
    return Intake(database, ControlPlaneMetrics())


def requests(count: int, begin: int = 0) -> list[dict[str, Any]]:
    """Of a unit each."""
    return [exposure(f"r{number}", number, f"unit-{number}") for number in range(begin, begin + count)]


def units(database: Database) -> float:
    with database.read() as transaction:
        return sum(sum(period.units.values()) for period in reading.read(transaction, TRIAL, METRICS))


def test_a_batch_whose_answer_was_lost_is_not_counted_again(database: Database, intake: Intake) -> None:
    assert intake.take(batch(1, *requests(3))).model_dump() == {"last": 3, "counted": 3, "refused": 0}
    assert intake.take(batch(1, *requests(3))).model_dump() == {"last": 3, "counted": 0, "refused": 0}
    assert units(database) == 3


def test_of_a_batch_that_overlaps_what_is_new_is_counted(database: Database, intake: Intake) -> None:
    intake.take(batch(1, *requests(3)))
    assert intake.take(batch(2, *requests(4, begin=1))).model_dump() == {"last": 5, "counted": 2, "refused": 0}
    assert units(database) == 5
    with database.read() as transaction:
        assert [(each.first, len(each.events)) for each in event_batches.after(transaction, 0, 9)] == [(1, 3), (4, 2)]


def test_what_a_router_had_to_drop_is_counted_as_lost_and_the_rest_taken(database: Database, intake: Intake) -> None:
    intake.take(batch(1, *requests(2)))
    assert intake.take(batch(10, *requests(1, begin=9))).last == 10
    with database.read() as transaction:
        (source,) = spools.of_routers(transaction)
    assert (source.router, source.taken, source.lost) == ("router-1", 3, 7)


def test_two_spools_have_numbers_of_their_own(database: Database, intake: Intake) -> None:
    intake.take(batch(1, *requests(2)))
    assert intake.take(batch(1, *requests(2, begin=2), spool="1" * 32)).counted == 2
    assert units(database) == 4


def test_an_event_that_is_none_holds_up_no_other(database: Database, intake: Intake) -> None:
    good, bad = requests(2), [{"kind": "visit"}, exposure("r", 0, "u") | {"seconds": -1}]
    assert intake.take(batch(1, good[0], *bad, good[1])).model_dump() == {"last": 4, "counted": 2, "refused": 2}
    assert units(database) == 2


def test_what_only_a_newer_router_knows_is_left_out(intake: Intake) -> None:
    assert intake.take(batch(1, exposure("r", 0, "ann") | {"mood": "good"})).counted == 1


@pytest.mark.parametrize("table", ["spools", "feedback", "exposed_requests", "trial_arms", "trial_units", "event_b"])
def test_a_batch_that_is_cut_off_anywhere_leaves_nothing_and_counts_once_when_it_comes_again(
    database: Database, intake: Intake, table: str
) -> None:
    intake.take(batch(1, *requests(2)))
    said = [*requests(3, begin=2), {"kind": "feedback", "id": "f", "at": "2026-11-22T00:00:00Z", "unit": "0" * 16,
                                    "name": "order"}]  # fmt: skip

    def kill(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith(("INSERT INTO " + table, "UPDATE " + table)):
            raise Killed

    engine = database._engine
    event.listen(engine, "after_cursor_execute", kill)
    with pytest.raises(Killed):
        intake.take(batch(3, *said))
    event.remove(engine, "after_cursor_execute", kill)
    assert units(database) == 2
    assert intake.take(batch(3, *said)).counted == 4
    assert units(database) == 5
