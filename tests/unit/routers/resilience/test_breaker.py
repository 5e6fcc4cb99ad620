"""A breaker leaves a Model alone while it fails, and finds out with one request at a time whether it is back."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_plane.spec import resilience
from routers.resilience.breaker import Breaker, Permit, State, Verdict


def breaker(**policy: Any) -> Breaker:
    """With a policy in a document's words."""
    return Breaker(resilience.Breaker.model_validate(policy))


def call(tried: Breaker, now: float, verdict: Verdict, seconds: float = 0.1) -> None:
    """One whole call."""
    permit = tried.allow(now)
    assert permit is not None
    tried.record(permit, now, verdict, seconds)


def state_of(tried: Breaker) -> State:
    """Asked anew each time."""
    return tried.state


def opened(**policy: Any) -> Breaker:
    """Open since 0; the first probe may go at 1."""
    tried = breaker(consecutiveFailures=1, **policy)
    call(tried, 0, Verdict.BAD)
    assert state_of(tried) is State.OPEN
    return tried


def test_half_of_the_recent_calls_failing_opens_it_but_not_before_there_are_enough() -> None:
    tried = breaker(minimumCalls=20, failureRatio=0.5)
    for number in range(19):
        call(tried, 0, Verdict.BAD if number % 2 else Verdict.GOOD)
    assert state_of(tried) is State.CLOSED
    call(tried, 0, Verdict.BAD)
    assert state_of(tried) is State.OPEN


def test_failures_that_are_old_do_not_count() -> None:
    tried = breaker(windowSeconds=10, minimumCalls=10, consecutiveFailures=100)
    for _ in range(9):
        call(tried, 0, Verdict.BAD)
    call(tried, 10.5, Verdict.BAD)
    assert state_of(tried) is State.CLOSED


def test_a_model_that_is_dead_is_noticed_at_once_however_long_it_was_well() -> None:
    tried = breaker(consecutiveFailures=10)
    for _ in range(1000):
        call(tried, 0, Verdict.GOOD)
    for _ in range(10):
        assert state_of(tried) is State.CLOSED
        call(tried, 0, Verdict.BAD)
    assert state_of(tried) is State.OPEN


def test_slow_calls_open_it_where_the_owner_says_what_slow_is() -> None:
    for slow_seconds, state in ((None, State.CLOSED), (1, State.OPEN)):
        tried = breaker(slowSeconds=slow_seconds, minimumCalls=20)
        for _ in range(20):
            call(tried, 0, Verdict.GOOD, seconds=2)
        assert state_of(tried) is state


def test_what_nobody_knows_is_not_held_against_the_model() -> None:
    tried = breaker(minimumCalls=1, consecutiveFailures=1)
    for _ in range(100):
        call(tried, 0, Verdict.NONE)
    assert state_of(tried) is State.CLOSED


def test_one_that_is_switched_off_never_opens() -> None:
    tried = breaker(enabled=False, consecutiveFailures=1)
    for _ in range(100):
        call(tried, 0, Verdict.BAD)
    assert state_of(tried) is State.CLOSED


def test_while_open_nothing_passes_and_it_says_from_when_on_something_may() -> None:
    tried = opened(openSeconds=1)
    assert tried.allow(0.99) is None
    assert tried.retry_at(0.5) == 1
    assert tried.allow(1) is not None


def test_a_good_call_between_them_makes_failures_no_longer_in_a_row() -> None:
    tried = breaker(consecutiveFailures=2, minimumCalls=100)
    for _ in range(20):
        call(tried, 0, Verdict.BAD)
        call(tried, 0, Verdict.GOOD)
    assert state_of(tried) is State.CLOSED


def test_a_good_probe_closes_it_and_nothing_of_before_counts_any_more() -> None:
    tried = breaker(consecutiveFailures=2, minimumCalls=4)
    for _ in range(2):
        call(tried, 0, Verdict.BAD)
    call(tried, 1, Verdict.GOOD)
    assert state_of(tried) is State.CLOSED
    for verdict in (Verdict.GOOD, Verdict.BAD):
        call(tried, 1, verdict)
    assert state_of(tried) is State.CLOSED


def test_each_bad_probe_doubles_the_wait_up_to_the_longest_and_a_good_one_makes_it_short_again() -> None:
    tried, now, waits = opened(openSeconds=1, maxOpenSeconds=5), 0.0, []
    for _ in range(5):
        waits.append(tried.retry_at(now) - now)
        now = tried.retry_at(now)
        call(tried, now, Verdict.BAD)
    assert waits == [1, 2, 4, 5, 5]
    now = tried.retry_at(now)
    call(tried, now, Verdict.GOOD)
    call(tried, now, Verdict.BAD)
    assert tried.retry_at(now) == now + 1


def test_a_slow_probe_is_a_bad_one() -> None:
    tried = opened(slowSeconds=1)
    call(tried, 1, Verdict.GOOD, seconds=2)
    assert state_of(tried) is State.OPEN


def test_a_probe_that_found_nothing_out_makes_room_for_the_next() -> None:
    tried = opened()
    call(tried, 1, Verdict.NONE)
    assert tried.allow(1) is not None


def test_a_probe_that_never_reports_is_given_up_and_its_late_report_changes_nothing() -> None:
    tried = opened(probeSeconds=30)
    lost = tried.allow(1)
    assert tried.allow(30.9) is None
    probe = tried.allow(31)
    assert lost is not None and probe is not None
    tried.record(lost, 32, Verdict.GOOD, 0.1)
    assert state_of(tried) is State.HALF_OPEN
    tried.record(probe, 33, Verdict.GOOD, 0.1)
    assert state_of(tried) is State.CLOSED


@pytest.mark.parametrize("verdict", [Verdict.GOOD, Verdict.BAD])
def test_what_was_begun_before_it_opened_says_nothing_about_what_comes_after(verdict: Verdict) -> None:
    tried = breaker(consecutiveFailures=1)
    early, first = tried.allow(0), tried.allow(0)
    assert early is not None and first is not None
    tried.record(first, 0, Verdict.BAD, 0.1)
    tried.record(early, 0.5, verdict, 0.1)
    assert tried.retry_at(0.5) == 1
    call(tried, 1, Verdict.GOOD)
    tried.record(early, 1, Verdict.BAD, 0.1)
    assert state_of(tried) is State.CLOSED


@dataclass
class Traffic:
    """Requests that come, and report in any order or never."""

    tried: Breaker = field(default_factory=lambda: breaker(consecutiveFailures=2, probeSeconds=7, maxOpenSeconds=4))
    under_way: list[tuple[Permit, float, bool]] = field(default_factory=list)

    def come(self, now: float) -> None:
        was_open = self.tried.state is not State.CLOSED
        permit = self.tried.allow(now)
        if permit is not None:
            self.under_way.append((permit, now, was_open))

    def report(self, now: float, which: int, verdict: Verdict) -> None:
        if self.under_way:
            permit, begun, _ = self.under_way.pop(which % len(self.under_way))
            self.tried.record(permit, now, verdict, now - begun)

    def probes(self, now: float) -> int:
        """How many are out that have not been given up, while it is not closed."""
        return sum(probe and now - begun < 7 for _, begun, probe in self.under_way)


STEPS = st.lists(
    st.tuples(st.floats(0, 3), st.booleans(), st.integers(0, 50), st.sampled_from(Verdict)), min_size=1, max_size=200
)


@given(steps=STEPS)
def test_exactly_one_probe_is_out_at_a_time_whatever_comes_when(
    steps: list[tuple[float, bool, int, Verdict]],
) -> None:
    traffic, now = Traffic(), 0.0
    for pause, comes, which, verdict in steps:
        now += pause
        if comes:
            traffic.come(now)
        else:
            traffic.report(now, which, verdict)
        if traffic.tried.state is State.HALF_OPEN:
            assert traffic.probes(now) <= 1
        if traffic.tried.state is State.CLOSED:
            traffic.under_way = [(permit, begun, False) for permit, begun, _ in traffic.under_way]


@given(steps=STEPS)
def test_it_never_stays_shut_for_longer_than_its_longest_wait_or_a_silent_probe(
    steps: list[tuple[float, bool, int, Verdict]],
) -> None:
    traffic, now = Traffic(), 0.0
    for pause, comes, which, verdict in steps:
        now += pause
        traffic.come(now) if comes else traffic.report(now, which, verdict)
        assert traffic.tried.retry_at(now) <= now + 7
    assert traffic.tried.allow(now + 7) is not None
