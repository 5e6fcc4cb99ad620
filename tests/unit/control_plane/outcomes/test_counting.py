"""Counting: the same sums, in whatever order, pieces and repetitions the events come."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from control_plane.outcomes import reading
from control_plane.outcomes.intake import Intake
from control_plane.spec.events import Event
from control_plane.stats.period import Period, Sample
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

_EVENT: TypeAdapter[Event] = TypeAdapter(Event)
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
    return events, [mixed[begin:end] for begin, end in zip(cuts, cuts[1:], strict=False) if mixed[begin:end]]


def _reports(events: Sequence[Said]) -> list[Said]:
    return [event for event in events if event["kind"] == "feedback"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One for all examples; each has a file of its own."""
    return tmp_path_factory.mktemp("examples")


@given(stream=streams(), repeated=st.lists(st.integers(0, 5), max_size=3))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
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
