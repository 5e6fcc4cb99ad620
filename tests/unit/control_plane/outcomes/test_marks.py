"""Marks of judges: each counts once, for the unit whose answer it is about, in the trial that asks for it."""

from itertools import permutations
from typing import Any

import pytest

from control_plane.outcomes import asking, reading
from control_plane.outcomes.intake import Intake
from control_plane.outcomes.register import MOST_OUTCOMES
from control_plane.spec.events import unit_hash
from control_plane.spec.metrics import Metric, outcomes
from control_plane.stats.moments import Moments
from control_plane.store import trials
from control_plane.store.database import Database
from observability.control_plane_metrics import ControlPlaneMetrics
from tests.unit.control_plane.outcomes.samples import BEGAN, OTHER, TRIAL, batch, exposure, feedback

QUALITY = Metric.model_validate(
    {"name": "quality", "kind": "mean", "of": "judge", "goal": "increase", "judge": {"model": "jury"}}
)


@pytest.fixture
def intake(database: Database) -> Intake:
    """What takes events; the first trial asks for marks."""
    with database.write() as transaction:
        trials.begin(transaction, TRIAL, 0)
        asking.ask(transaction, {TRIAL: outcomes([QUALITY])})
    return Intake(database, ControlPlaneMetrics())


def mark(name: str, request: str, unit: str, value: float) -> dict[str, Any]:
    """As a router writes it."""
    said = {"kind": "mark", "id": name, "at": BEGAN.isoformat(), "requestId": request, "name": QUALITY.marks}
    return said | {"unit": unit_hash(unit), "value": value}


def known(database: Database, arm: str = "control", trial: str = TRIAL) -> Moments:
    with database.read() as transaction:
        (period,) = reading.read(transaction, trial, {"quality": QUALITY})
    return period.sample(arm, "quality").moments


def test_only_what_was_judged_says_something_and_each_unit_counts_once(database: Database, intake: Intake) -> None:
    asked = [exposure(f"r{number}", number, unit) for number, unit in enumerate(("ann", "ann", "bob", "cat"))]
    marks = [mark("m0", "r0", "ann", 0.25), mark("m1", "r1", "ann", 1), mark("m2", "r2", "bob", 0)]
    intake.take(batch(1, *asked, *marks))
    found = known(database)
    assert (found.units, found.y, found.d, found.x) == (2, 1.25, 3, 0)
    assert (found.yy, found.dd, found.yd) == (1.25**2, 2**2 + 1, 2 * 1.25)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_mark_finds_its_request_whichever_comes_first_and_however_often(
    database: Database, intake: Intake, order: tuple[int, ...]
) -> None:
    events = [exposure("r", 0, "ann"), mark("m", "r", "ann", 0.5), mark("m", "r", "ann", 0.5)]
    for number, place in enumerate(order):
        intake.take(batch(number + 1, events[place]))
    found = known(database)
    assert (found.units, found.y, found.d) == (1, 0.5, 1)


def test_of_requests_with_one_id_each_unit_has_its_own_marks(database: Database, intake: Intake) -> None:
    intake.take(batch(1, exposure("r", 0, "ann"), exposure("r", 1, "bob", "candidate")))
    intake.take(batch(3, mark("m1", "r", "ann", 1), mark("m2", "r", "bob", 0.25)))
    assert [(known(database, arm).d, known(database, arm).y) for arm in ("control", "candidate")] == [(1, 1), (1, 0.25)]


def test_marks_count_for_the_first_arm_of_a_unit_and_not_of_a_tester(database: Database, intake: Intake) -> None:
    intake.take(batch(1, exposure("r1", 1, "ann"), exposure("r2", 2, "ann", "candidate"), mark("m", "r2", "ann", 1)))
    intake.take(batch(4, exposure("r3", 1, "tester", forced=True), mark("n", "r3", "tester", 1)))
    assert [known(database, arm).d for arm in ("control", "candidate")] == [1, 0]


def test_a_trial_that_asks_for_no_marks_takes_none(database: Database, intake: Intake) -> None:
    intake.take(batch(1, exposure("r", 0, "ann"), exposure("r", 0, "ann", trial=OTHER), mark("m", "r", "ann", 1)))
    assert (known(database).d, known(database, trial=OTHER).d) == (1, 0)
    with database.read() as transaction:
        assert trials.of_key(transaction, OTHER)[0].outcomes == ()


def test_marks_and_what_callers_report_leave_each_other_room(database: Database, intake: Intake) -> None:
    reports = [feedback(f"f{number}", 1, f"noise-{number}", unit="ann") for number in range(MOST_OUTCOMES + 1)]
    intake.take(batch(1, exposure("r", 0, "ann"), *reports, mark("m", "r", "ann", 1)))
    assert known(database).d == 1
    with database.read() as transaction:
        assert len(trials.of_key(transaction, TRIAL)[0].outcomes) == MOST_OUTCOMES + 2


def test_a_document_that_is_rewritten_for_ever_widens_nothing_for_ever(database: Database) -> None:
    with database.write() as transaction:
        trials.begin(transaction, TRIAL, 0)
        for number in range(2 * asking.MOST_NAMED):
            asking.ask(transaction, {TRIAL: [f"name-{number}"]})
        assert len(trials.of_key(transaction, TRIAL)[0].outcomes) == asking.MOST_NAMED
