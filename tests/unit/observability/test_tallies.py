"""What is counted in plain numbers is exposed as the library's own metrics are."""

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.registry import Collector

from observability.tallies import Levels, Tally, Timing

BOUNDS = (0.1, 1, 10)
LABELS = st.tuples(st.sampled_from(["shop", 'say "hi"\n']), st.sampled_from(["light", "heavy"]))


def told(family: Tally | Timing | Levels) -> list[str]:
    return sorted("".join(family.text()).splitlines())


def text(theirs: Collector) -> list[str]:
    registry = CollectorRegistry()
    registry.register(theirs)
    lines = generate_latest(registry).decode().splitlines()
    return sorted(line for line in lines if "_created" not in line)


@given(st.lists(LABELS))
def test_a_tally_is_told_as_the_librarys_counter_is(events: list[tuple[str, str]]) -> None:
    ours = Tally("answers_total", "Answers.", ("route", "tier"))
    theirs = Counter("answers_total", "Answers.", ("route", "tier"), registry=None)
    for labels in events:
        ours.add(labels)
        theirs.labels(*labels).inc()
    assert told(ours) == text(theirs)


@given(st.dictionaries(LABELS, st.integers(0, 9) | st.floats(0, 1)))
def test_levels_are_told_as_the_librarys_gauge_is(levels: dict[tuple[str, ...], float]) -> None:
    ours = Levels("waiting", "Who waits.", ("tier", "route"))
    theirs = Gauge("waiting", "Who waits.", ("tier", "route"), registry=None)
    ours.set({("gone", "gone"): 1})
    ours.set(dict(levels))
    for labels, level in levels.items():
        theirs.labels(*labels).set(level)
    assert told(ours) == text(theirs)


@given(st.lists(st.tuples(LABELS, st.integers(0, 12) | st.sampled_from(BOUNDS))))
def test_a_timing_is_told_as_the_librarys_histogram_is(events: list[tuple[tuple[str, str], float]]) -> None:
    ours = Timing("seconds", "Times.", ("route", "tier"), BOUNDS)
    theirs = Histogram("seconds", "Times.", ("route", "tier"), buckets=BOUNDS, registry=None)
    for labels, seconds in events:
        ours.add(labels, seconds)
        theirs.labels(*labels).observe(seconds)
    assert told(ours) == text(theirs)


def test_a_family_is_told_a_child_at_a_time() -> None:
    ours = Tally("answers_total", "Answers.", ("route",))
    for route in ("shop", "zoo"):
        ours.add((route,))
    pieces = ours.text()
    assert next(pieces).startswith("# HELP answers_total Answers.\n")
    assert next(pieces) == 'answers_total{route="shop"} 1.0\n'
    ours.add(("new",))  # counted while it is told
    assert list(pieces) == ['answers_total{route="zoo"} 1.0\n']
