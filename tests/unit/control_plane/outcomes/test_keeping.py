"""Keeping: single events go by age and by number; what they came to stays."""

from typing import Any

from sqlalchemy import func, select

from control_plane.outcomes import reading
from control_plane.outcomes.intake import Intake
from control_plane.outcomes.keeping import Keeping
from control_plane.store import event_batches, tables
from control_plane.store.database import Database
from observability.control_plane_metrics import ControlPlaneMetrics
from tests.unit.control_plane.outcomes.samples import METRICS, OTHER, TRIAL, batch, exposure, feedback

DAY = 86_400.0


class Clock:
    """Says what it is told."""

    now = 10 * DAY

    def __call__(self) -> float:
        return self.now


def rows(database: Database) -> dict[str, int]:
    with database.read() as transaction:
        counts: dict[str, Any] = {
            table.name: transaction.execute(select(func.count()).select_from(table)).scalar()
            for table in (tables.event_batches, tables.exposed_requests, tables.feedback, tables.trial_units)
        }
    return counts


def test_events_go_by_age_and_units_with_their_trial(database: Database) -> None:
    clock = Clock()
    intake, keeping = Intake(database, ControlPlaneMetrics(), clock), Keeping(database, 2, 1000, clock)
    intake.take(batch(1, exposure("r1", 0, "ann"), exposure("r2", 0, "ann", trial=OTHER), feedback("f", 0, unit="ann")))
    clock.now += 1.5 * DAY
    intake.take(batch(4, exposure("r3", 9, "bob")))
    clock.now += DAY
    keeping.forget()
    # Something came of one trial since: its units are there still, those of the other one are not.
    assert rows(database) == {"event_batches": 1, "exposed_requests": 1, "feedback": 0, "trial_units": 2}
    with database.read() as transaction:
        assert [
            sum(one.units.values()) for key in (TRIAL, OTHER) for one in reading.read(transaction, key, METRICS)
        ] == [
            2,
            1,
        ]


def test_of_too_many_events_the_oldest_go(database: Database) -> None:
    clock = Clock()
    intake = Intake(database, ControlPlaneMetrics(), clock)
    for number in range(6):
        clock.now += 1
        intake.take(batch(10 * number + 1, *(exposure(f"r{10 * number + n}", 0, "ann") for n in range(10))))
    Keeping(database, 30, 25, clock).forget()
    assert rows(database) == {"event_batches": 2, "exposed_requests": 20, "feedback": 0, "trial_units": 1}
    with database.read() as transaction:
        assert [each.first for each in event_batches.after(transaction, 0, 9)] == [41, 51]
