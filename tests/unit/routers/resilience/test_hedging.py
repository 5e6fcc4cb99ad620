"""Hedges wait for the tail and stay within their share, whatever is late."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_plane.spec import resilience
from routers.resilience.hedging import SAVED_HEDGES, Hedger


def hedger(samples: int = 100, seconds: float = 0.1, **policy: Any) -> Hedger:
    """One that has heard `samples` answers."""
    tried = Hedger(resilience.Hedging.model_validate(policy))
    for _ in range(samples):
        tried.heard(seconds)
    return tried


def test_a_call_is_late_after_the_quantile_of_the_others() -> None:
    tried = hedger(90, 0.1, quantile=0.8)
    for _ in range(10):
        tried.heard(5)
    assert tried.delay() == pytest.approx(0.1, rel=0.1)


@pytest.mark.parametrize("longest", [0.027, 0.028, 0.029, 0.03, 0.031])
def test_of_times_that_lie_close_together_no_more_are_late_than_the_quantile_says(longest: float) -> None:
    times = [0.01 + (longest - 0.01) * number / 1000 for number in range(1000)]
    tried = hedger(0)
    for seconds in times:
        tried.heard(seconds)
    delay = tried.delay()
    assert delay is not None
    assert sum(seconds > delay for seconds in times) <= 0.055 * len(times)


def test_nothing_is_late_while_little_is_known_or_where_it_is_switched_off() -> None:
    assert hedger(49, minimumSamples=50).delay() is None
    assert hedger(50, minimumSamples=50).delay() is not None
    assert hedger(enabled=False).delay() is None


def test_a_call_that_lost_to_its_hedge_keeps_the_tail_known() -> None:
    tried = hedger(95, 0.1, quantile=0.95)
    for _ in range(5):
        tried.heard(0.3)
    before = tried.delay()
    assert before is not None and before > 0.25


@given(
    share=st.floats(0, 1),
    steps=st.lists(st.booleans(), max_size=300),
)
def test_hedges_never_exceed_their_share_of_the_calls_so_far_nor_of_any_window(share: float, steps: list[bool]) -> None:
    tried = hedger(0, maxExtraLoad=share)
    events = list[tuple[bool, bool]]()
    for begins in steps:
        if begins:
            tried.delay()
            events.append((True, False))
        else:
            events.append((False, tried.spend()))
    for first in range(len(events)):
        calls = hedges = 0
        for call, hedge in events[first:]:
            calls, hedges = calls + call, hedges + hedge
            assert hedges <= share * calls + (SAVED_HEDGES if first else 0) + 1e-6


def test_a_long_calm_saves_no_more_than_a_few_hedges_up() -> None:
    tried = hedger(maxExtraLoad=0.05)
    for _ in range(10_000):
        tried.delay()
    assert sum(tried.spend() for _ in range(100)) == SAVED_HEDGES


def test_the_whole_share_can_be_used() -> None:
    tried, sent = hedger(maxExtraLoad=0.05), 0
    for _ in range(10_000):
        tried.delay()
        sent += tried.spend()
    assert 499 <= sent <= 500
