"""Retries stay a small share of the requests, come at different times, and never after the deadline."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_plane.spec import resilience
from control_plane.spec.errors import Code, TiermeshError
from routers.resilience.retries import MOVED_ON, RETRIED, RetryBudget, backoff, may_repeat


def policy(**fields: Any) -> resilience.Retries:
    """In a document's words."""
    return resilience.Retries.model_validate(fields)


def failure(code: Code) -> TiermeshError:
    return TiermeshError(code, "scripted")


@given(
    ratio=st.floats(0, 1),
    per_second=st.floats(0, 20),
    burst=st.integers(0, 30),
    steps=st.lists(st.tuples(st.floats(0, 1), st.booleans()), max_size=150),
)
def test_in_no_window_are_there_more_retries_than_the_policy_says(
    ratio: float, per_second: float, burst: int, steps: list[tuple[float, bool]]
) -> None:
    budget = RetryBudget(policy(ratio=ratio, perSecond=per_second, burst=burst))
    now, events = 0.0, list[tuple[float, bool, bool]]()
    for pause, is_request in steps:
        now += pause
        if is_request:
            budget.deposit()
            events.append((now, True, False))
        else:
            events.append((now, False, budget.withdraw(now)))
    for first in range(len(events)):
        requests = retries = 0
        for at, is_request, is_retry in events[first:]:
            requests, retries = requests + is_request, retries + is_retry
            assert retries <= burst + ratio * requests + per_second * (at - events[first][0]) + 1e-6


def test_a_tenth_of_the_requests_may_be_retried_for_ever() -> None:
    budget = RetryBudget(policy(ratio=0.1, perSecond=0, burst=5))
    while budget.withdraw(0):
        pass
    granted = 0
    for _ in range(1000):
        budget.deposit()
        granted += budget.withdraw(0)
    assert granted in (99, 100)


def test_a_route_with_few_requests_may_retry_by_time() -> None:
    budget = RetryBudget(policy(ratio=0, perSecond=2, burst=2))
    assert [budget.withdraw(0) for _ in range(3)] == [True, True, False]
    assert [budget.withdraw(0.5), budget.withdraw(0.5)] == [True, False]


@given(tries=st.integers(1, 50), chance=st.floats(0, 1, exclude_max=True), left=st.floats(0, 10))
def test_the_backoff_is_bounded_and_ends_before_the_deadline(tries: int, chance: float, left: float) -> None:
    seconds = backoff(policy(backoffSeconds=0.1, maxBackoffSeconds=2), tries, left, lambda: chance)
    most = min(0.1 * 2 ** (tries - 1), 2)
    if chance * most < left:
        assert seconds is not None and 0 <= seconds < most
    else:
        assert seconds is None


def test_no_failure_is_both_a_plan_and_a_fault() -> None:
    assert not MOVED_ON & RETRIED


@pytest.mark.parametrize(
    ("code", "elsewhere", "in_place"),
    [
        (Code.UPSTREAM_FAILED, True, True),
        (Code.MODEL_STARTING, True, False),
        (Code.QUEUE_FULL, True, False),
        (Code.ABSTAINED, False, False),
        (Code.INVALID_REQUEST, False, False),
        (Code.STREAM_CUT, False, False),
        (Code.DEADLINE_EXCEEDED, False, False),
    ],
)
def test_the_same_model_is_asked_again_only_where_that_may_help(code: Code, elsewhere: bool, in_place: bool) -> None:
    assert may_repeat(failure(code), 1, policy(attempts=2), other_endpoint=True) is elsewhere
    assert may_repeat(failure(code), 1, policy(attempts=2), other_endpoint=False) is in_place
    assert not may_repeat(failure(code), 2, policy(attempts=2), other_endpoint=True)
