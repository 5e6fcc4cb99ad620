"""What is counted in plain numbers is exposed as the library's own metrics are."""

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.registry import Collector

from observability.tallies import Tally, Timing

BOUNDS = (0.1, 1, 10)
LABELS = st.tuples(st.sampled_from(["shop", 'say "hi"\n']), st.sampled_from(["light", "heavy"]))


def text(collector: Collector) -> list[str]:
    registry = CollectorRegistry()
    registry.register(collector)
    lines = generate_latest(registry).decode().splitlines()
    return sorted(line for line in lines if "_created" not in line)


@given(st.lists(LABELS))
def test_a_tally_is_exposed_as_the_librarys_counter_is(events: list[tuple[str, str]]) -> None:
    ours = Tally("answers_total", "Answers.", ("route", "tier"))
    theirs = Counter("answers_total", "Answers.", ("route", "tier"), registry=None)
    for labels in events:
        ours.add(labels)
        theirs.labels(*labels).inc()
    assert text(ours) == text(theirs)


@given(st.lists(st.tuples(LABELS, st.integers(0, 12) | st.sampled_from(BOUNDS))))
def test_a_timing_is_exposed_as_the_librarys_histogram_is(events: list[tuple[tuple[str, str], float]]) -> None:
    ours = Timing("seconds", "Times.", ("route", "tier"), BOUNDS)
    theirs = Histogram("seconds", "Times.", ("route", "tier"), buckets=BOUNDS, registry=None)
    for labels, seconds in events:
        ours.add(labels, seconds)
        theirs.labels(*labels).observe(seconds)
    assert text(ours) == text(theirs)
