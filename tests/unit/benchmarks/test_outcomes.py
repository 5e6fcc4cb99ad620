"""The outcomes benchmark: what is not counted exactly once breaks a bar, and its events are such as routers write."""

from dataclasses import replace
from itertools import chain
from typing import Any

import pytest
from pydantic import TypeAdapter

from benchmarks import outcomes
from benchmarks.harness.events import Expected, Source
from benchmarks.outcomes import Counted
from control_plane.spec.events import Event, Exposure, Feedback

WHOLE = Counted(120_000, 2000, 0, 0, 0, 0, dropped=0, catch_up_seconds=1, cpu_microseconds=120, read_seconds=0.005)


def broken(counted: Counted) -> list[str]:
    return [bar.what for bar in outcomes.judged("SQLite", counted) if not bar.holds]


def test_a_run_that_counts_everything_once_breaks_no_bar() -> None:
    assert broken(WHOLE) == []


@pytest.mark.parametrize("what", ["requests", "errors", "orders", "units"])
@pytest.mark.parametrize(("missing", "bar"), [(1.0, "lost"), (-1.0, "counted twice")])
def test_one_event_too_few_or_too_many_breaks_a_bar(what: str, missing: float, bar: str) -> None:
    change: dict[str, Any] = {f"{what}_missing": missing}
    (found,) = broken(replace(WHOLE, **change))
    assert bar in found


def test_events_that_were_dropped_or_too_few_break_a_bar() -> None:
    assert len(broken(replace(WHOLE, dropped=1, rate=1500))) == 2


def test_what_is_expected_is_what_the_events_say() -> None:
    expected = Expected()
    source = Source("r", 1, expected)
    adapter: TypeAdapter[Event] = TypeAdapter(Event)
    events = [adapter.validate_json(line) for line in chain(source.events(1000), source.finish())]
    requests = [event for event in events if isinstance(event, Exposure)]
    reports = {event.id: event for event in events if isinstance(event, Feedback)}
    said = len(requests), sum(event.failed for event in requests), sum(event.value for event in reports.values())
    assert said == (expected.requests, expected.errors, expected.orders)
    assert len(reports) < len(events) - len(requests)  # some came twice
    asked = {event.id for event in requests}
    assert all(event.request_id in asked for event in reports.values() if event.request_id)
    assert len({event.assignments[0].unit for event in requests}) == len(expected.units)
