"""Outcomes on PostgreSQL, where several control planes take events at once."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any

import pytest
from pydantic import TypeAdapter

from control_plane.outcomes import reading
from control_plane.outcomes.intake import Intake
from control_plane.outcomes.keeping import Keeping
from control_plane.spec.events import EventBatch, Exposure, Feedback
from control_plane.store.database import Database
from observability.control_plane_metrics import ControlPlaneMetrics
from tests.unit.control_plane.outcomes.samples import METRICS, TRIAL, batch, exposure, feedback, from_scratch
from tests.unit.control_plane.outcomes.test_counting import same

_EVENT: TypeAdapter[Exposure | Feedback] = TypeAdapter(Exposure | Feedback)


@pytest.fixture
def pair(postgres_url: str) -> Iterator[list[Database]]:
    """Two control planes' databases, which are one."""
    databases = [Database(postgres_url), Database(postgres_url)]
    databases[0].migrate()
    yield databases
    for database in databases:
        database.close()


def stream(random: Random) -> list[dict[str, Any]]:
    """Requests and reports of 40 units."""
    requests = [
        exposure(
            f"r{number}", random.randrange(50), f"u{random.randrange(40)}", random.choice(["control", "candidate"])
        )
        | {"seconds": random.random(), "picodollars": random.randrange(10**9), "failed": random.random() < 0.1}
        for number in range(200)
    ]
    about = [{"unit": f"u{number}"} if number % 2 else {"request_id": f"r{number * 3}"} for number in range(60)]
    reports = [feedback(f"f{number}", 25, value=number, **each) for number, each in enumerate(about)]
    return requests + reports + reports[:20]


def test_two_control_planes_that_take_the_same_batches_count_each_event_once(pair: list[Database]) -> None:
    said = stream(Random(5))
    mixed = Random(6).sample(said, len(said))
    spools: list[list[EventBatch]] = [
        [batch(first + 1, *part[first : first + 20], spool=f"{number:032x}") for first in range(0, len(part), 20)]
        for number, part in enumerate((mixed[::2], mixed[1::2]))
    ]
    intakes = [Intake(database, ControlPlaneMetrics()) for database in pair]

    def send(spool: list[EventBatch]) -> None:
        """As a sender whose every answer is lost: it sends the batch again, to the other control plane."""
        for each in spool:
            for intake in intakes:
                intake.take(each)

    with ThreadPoolExecutor(len(spools)) as pool:
        list(pool.map(send, spools))
    expected = from_scratch([_EVENT.validate_python(event) for event in said], TRIAL)
    with pair[0].read() as transaction:
        (period,) = reading.read(transaction, TRIAL, METRICS)
    assert {arm: samples["orders"].moments.units for arm, samples in expected.items()} == period.units
    for arm, samples in expected.items():
        for name, sample in samples.items():
            same(period.sample(arm, name), sample)


def test_what_is_too_old_goes_and_the_sums_stay(pair: list[Database]) -> None:
    intake = Intake(pair[0], ControlPlaneMetrics(), clock=lambda: 1000.0)
    intake.take(batch(1, exposure("r", 0, "ann"), feedback("f", 1, unit="ann")))
    Keeping(pair[0], days=1, most=1000, clock=lambda: 1000.0 + 2 * 86_400).forget()
    intake.take(batch(3, feedback("late", 2, request_id="r"), feedback("later", 2, unit="ann")))
    with pair[0].read() as transaction:
        (period,) = reading.read(transaction, TRIAL, METRICS)
    moments = period.sample("control", "orders").moments
    assert (moments.units, moments.y) == (1, 1)
