"""Counting: the same sums, in whatever order, pieces and repetitions the events come."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from control_plane.outcomes import asking, reading
from control_plane.outcomes.intake import Intake
from control_plane.outcomes.register import MOST_OUTCOMES
from control_plane.spec.events import Exposure, Feedback
from control_plane.stats.period import Period, Sample
from control_plane.store import trials
from control_plane.store.database import Database
from observability.control_plane_metrics import ControlPlaneMetrics
from tests.unit.control_plane.outcomes.samples import (
    METRICS,
    OTHER,
    TRIAL,
    batch,
    exposure,
    feedback,
    from_scratch,
)

_EVENT: TypeAdapter[Exposure | Feedback] = TypeAdapter(Exposure | Feedback)
Said = dict[str, Any]


@pytest.fixture
def intake(database: Database) -> Intake:
    """What takes events."""
    return Intake(database, ControlPlaneMetrics())


def known(database: Database, trial: str = TRIAL) -> Period:
    """The one period of a trial."""
    with database.read() as transaction:
        (period,) = reading.read(transaction, trial, METRICS)
    return period


def units(database: Database, trial: str = TRIAL) -> dict[str, float]:
    return {arm: count for arm, count in known(database, trial).units.items() if count}


def same(found: Sample, expected: Sample) -> None:
    assert found.moments.row() == pytest.approx(expected.moments.row(), rel=1e-9, abs=1e-9)
    assert dict(found.histogram.counts) == dict(expected.histogram.counts)


_PEOPLE = st.sampled_from(["ann", "bob", "cat"])
_SECONDS = st.integers(0, 8)
_VALUES = st.sampled_from([0, 1, 2.5, -1])
_EXPOSURES = st.builds(
    lambda request, second, unit, arm, trial, forced, more: exposure(
        request, second, unit, arm, trial=trial, forced=forced, **more
    ),
    st.sampled_from(["r1", "r2", "r3", "r4"]),
    _SECONDS,
    _PEOPLE,
    st.sampled_from(["control", "candidate"]),
    st.sampled_from([TRIAL, OTHER]),
    st.sampled_from([False] * 9 + [True]),
    st.fixed_dictionaries(
        {"seconds": st.sampled_from([0, 0.1, 2]), "failed": st.booleans(), "tenant": st.sampled_from(["a", "b"])},
        optional={
            "firstTokenSeconds": st.sampled_from([0.05, 1.5]),
            "inputTokens": st.integers(0, 9),
            "picodollars": st.just(2 * 10**9),
            "cacheHit": st.just(True),
        },
    ),
)
_REPORTS = st.builds(
    lambda second, name, value, about, tenant: (second, name, value, about, tenant),
    _SECONDS,
    st.sampled_from(["order", "click"]),
    _VALUES,
    st.one_of(
        st.fixed_dictionaries({"unit": _PEOPLE}),
        st.fixed_dictionaries({"request_id": st.sampled_from(["r1", "r2", "r5"])}),
    ),
    st.sampled_from(["a", "b"]),
)


@st.composite
def streams(draw: st.DrawFn) -> tuple[list[Said], list[list[Said]]]:
    """Events, and the same ones in another order, some reports again, cut into batches."""
    events: list[Said] = draw(st.lists(_EXPOSURES, max_size=12))
    for number, (second, name, value, about, tenant) in enumerate(draw(st.lists(_REPORTS, max_size=10))):
        events.append(feedback(f"f{number}", second, name, value, tenant=tenant, **about))
    again = draw(st.lists(st.sampled_from(reported), max_size=4)) if (reported := _reports(events)) else []
    mixed = draw(st.permutations(events + again))
    cuts = sorted(draw(st.sets(st.integers(1, max(len(mixed) - 1, 1)), max_size=5)) | {0, len(mixed)})
    return events, [mixed[begin:end] for begin, end in pairwise(cuts) if mixed[begin:end]]


def _reports(events: Sequence[Said]) -> list[Said]:
    return [event for event in events if event["kind"] == "feedback"]


@given(stream=streams(), repeated=st.lists(st.integers(0, 5), max_size=3))
@settings(max_examples=min(60, settings().max_examples), suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_order_repetition_and_cut_gives_what_a_count_from_scratch_says(
    database: Database, stream: tuple[list[Said], list[list[Said]]], repeated: list[int]
) -> None:
    said, pieces = stream
    events = [_EVENT.validate_python(event) for event in said]
    _empty(database)
    intake, first = Intake(database, ControlPlaneMetrics()), 1
    sent = []
    for piece in pieces:
        sent.append(batch(first, *piece))
        first += len(piece)
        intake.take(sent[-1])
        for place in repeated:  # a batch whose answer was lost comes again, also long after
            intake.take(sent[place % len(sent)])
    for trial in (TRIAL, OTHER):
        expected = from_scratch(events, trial)
        with database.read() as transaction:
            periods = reading.read(transaction, trial, METRICS)
        found = periods[0] if periods else Period({}, {}, {})
        assert {arm: count for arm, count in found.units.items() if count} == {
            arm: samples["orders"].moments.units for arm, samples in expected.items()
        }
        for arm, samples in expected.items():
            for name, sample in samples.items():
                same(found.sample(arm, name), sample)


def _empty(database: Database) -> None:
    from control_plane.store import tables

    with database.write() as transaction:
        for table in reversed(tables.metadata.sorted_tables):
            if table.name.startswith(("trial", "spools", "event_", "exposed_", "feedback")):
                transaction.execute(table.delete())


def one(metric: str, period: Period, arm: str = "control") -> tuple[float, float]:
    """Units, and the sum of what is measured of them."""
    moments = period.sample(arm, metric).moments
    return float(moments.units), float(moments.y)


def test_the_first_arm_keeps_all_that_a_unit_brings_and_who_moved_is_counted(
    database: Database, intake: Intake
) -> None:
    intake.take(batch(1, exposure("r1", 1, "ann"), exposure("r2", 2, "ann", "candidate"), exposure("r3", 2, "bob")))
    intake.take(batch(4, feedback("f", 3, request_id="r2"), exposure("r4", 0, "bob", "candidate")))
    assert units(database) == {"control": 1, "candidate": 1}
    assert one("orders", known(database)) == (1, 1)
    assert one("latency-p50", known(database)) == (1, 1.0)  # both of its requests took half a second
    with database.read() as transaction:
        assert reading.moved(transaction, TRIAL) == {"candidate": 1, "control": 1}


def test_a_forced_unit_counts_nowhere_also_where_it_was_met_before(database: Database, intake: Intake) -> None:
    intake.take(batch(1, exposure("r1", 0, "ann"), exposure("r2", 0, "bob"), feedback("f1", 1, unit="ann")))
    intake.take(batch(4, exposure("r3", 2, "ann", "candidate", forced=True), feedback("f2", 3, unit="ann")))
    assert units(database) == {"control": 1}
    assert one("orders", known(database)) == (1, 0)
    assert dict(known(database).sample("control", "latency-p50").histogram.counts).keys() == {-69}


def test_a_report_counts_once_however_often_and_wherever_it_is_sent(database: Database, intake: Intake) -> None:
    report = feedback("f", 1, value=5, unit="ann")
    intake.take(batch(1, exposure("r", 0, "ann"), report, report))
    intake.take(batch(1, report, spool="1" * 32))
    intake.report([Feedback.model_validate(report)])
    assert one("orders", known(database)) == (1, 5)


def test_a_report_about_a_request_waits_for_it(database: Database, intake: Intake) -> None:
    intake.take(batch(1, feedback("f", 9, value=5, request_id="r")))
    intake.take(batch(2, exposure("r", 0, "ann")))
    assert one("orders", known(database)) == (1, 5)


def test_a_tenant_reports_of_its_own_requests_alone(database: Database, intake: Intake) -> None:
    intake.take(batch(1, exposure("r", 0, "ann", tenant="acme")))
    intake.take(batch(2, feedback("f", 1, request_id="r", tenant="other"), feedback("f", 1, request_id="r")))
    assert one("orders", known(database)) == (1, 0)
    intake.take(batch(4, feedback("f", 1, request_id="r", tenant="acme")))
    assert one("orders", known(database)) == (1, 1)


def test_what_was_reported_before_a_units_first_request_is_its_covariate(database: Database, intake: Intake) -> None:
    intake.take(batch(1, feedback("f1", 0, value=7, unit="ann"), feedback("f2", 5, value=2, unit="ann")))
    intake.take(batch(3, exposure("r", 3, "ann"), feedback("f3", 1, value=1, unit="ann")))
    moments = known(database).sample("control", "orders").moments
    assert (moments.y, moments.x, moments.yx) == (2, 8, 16)


def test_what_was_taken_for_one_of_before_counts_when_an_earlier_request_comes_late(
    database: Database, intake: Intake
) -> None:
    intake.take(batch(1, exposure("r2", 3, "ann"), feedback("f1", 2, value=5, unit="ann")))
    intake.take(batch(3, exposure("r1", 1, "ann")))
    moments = known(database).sample("control", "orders").moments
    assert (moments.y, moments.x) == (5, 0)


def test_a_report_about_a_unit_counts_in_every_trial_that_it_is_in(database: Database, intake: Intake) -> None:
    said = exposure("r2", 0, "ann", "candidate", trial=OTHER)
    intake.take(batch(1, exposure("r1", 0, "ann"), said, feedback("f", 1, unit="ann")))
    assert one("orders", known(database)) == (1, 1)
    assert one("orders", known(database, OTHER), "candidate") == (1, 1)


def test_a_trial_takes_so_many_outcomes_and_those_that_its_document_names(database: Database, intake: Intake) -> None:
    reports = [feedback(f"f{number}", 1, f"noise-{number}", unit="ann") for number in range(MOST_OUTCOMES + 1)]
    intake.take(batch(1, exposure("r", 0, "ann"), *reports, feedback("late", 1, unit="ann")))
    assert one("orders", known(database)) == (1, 0)
    with database.write() as transaction:
        asking.ask(transaction, {TRIAL: ["order", "order"]})
    intake.take(batch(MOST_OUTCOMES + 4, feedback("later", 1, unit="ann")))
    assert one("orders", known(database)) == (1, 1)


def test_units_count_in_the_period_in_which_they_were_first_seen(database: Database, intake: Intake) -> None:
    with database.write() as transaction:
        trial = trials.begin(transaction, TRIAL, 0).id
        trials.share(transaction, trial, 3, {"control": 95, "candidate": 5})
        trials.share(transaction, trial, 5, {"control": 80, "candidate": 20})
    first = [exposure("r1", 0, "ann", snapshot=4), exposure("r2", 1, "bob", snapshot=6)]
    intake.take(batch(1, *first, exposure("r3", 2, "ann", snapshot=7), feedback("f", 3, unit="ann")))
    intake.take(batch(5, exposure("r4", 0, "bob", snapshot=3)))  # it was in the first period after all
    with database.read() as transaction:
        found = reading.read(transaction, TRIAL, METRICS)
    assert [(dict(period.shares)["candidate"], one("orders", period)) for period in found] == [
        (5, (2, 1)),
        (20, (0, 0)),
    ]


def test_a_trial_that_begins_anew_knows_nothing_of_before(database: Database, intake: Intake) -> None:
    intake.take(batch(1, exposure("r1", 0, "ann", snapshot=4)))
    with database.write() as transaction:
        for _ in range(2):
            trials.share(transaction, trials.begin(transaction, TRIAL, 5).id, 5, {"control": 1})
    intake.take(batch(2, exposure("r2", 9, "bob", snapshot=5), exposure("late", 1, "cat", snapshot=4)))
    assert units(database) == {"control": 1}
    assert known(database).shares == {"control": 1}


def test_what_a_model_did_not_say_is_left_out_of_both_sides_of_a_ratio(database: Database, intake: Intake) -> None:
    told = exposure("r1", 0, "ann", inputTokens=10, outputTokens=5)
    intake.take(batch(1, told, exposure("r2", 1, "ann")))
    moments = known(database).sample("control", "tokens").moments
    assert (moments.y, moments.d) == (15, 1)
