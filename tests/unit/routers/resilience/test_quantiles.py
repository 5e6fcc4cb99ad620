"""A quantile of recent durations is near the true one, and follows when they change."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routers.resilience.quantiles import ERROR, FADE_AFTER, FRESH, Quantile

SECONDS = st.lists(st.floats(0.001, 100), min_size=FRESH, max_size=300)


@given(durations=SECONDS, share=st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_it_is_within_its_error_of_the_true_one(durations: list[float], share: float) -> None:
    quantile = Quantile(share)
    for seconds in durations:
        quantile.add(seconds)
    true = sorted(durations)[min(math.floor(share * len(durations)), len(durations) - 1)]
    assert quantile.seconds == pytest.approx(true, rel=1.2 * ERROR)


def test_it_follows_when_the_durations_change() -> None:
    quantile = Quantile(0.5)
    for seconds in (1.0, 0.1):
        for _ in range(3 * FADE_AFTER):
            quantile.add(seconds)
        assert quantile.seconds == pytest.approx(seconds, rel=1.2 * ERROR)


@pytest.mark.parametrize("seconds", [0.0, 1e-9, 1e9, 1e4, 1e-4])
def test_what_is_out_of_its_range_counts_as_the_nearest(seconds: float) -> None:
    quantile = Quantile(0.5)
    quantile.add(seconds)
    assert quantile.seconds == pytest.approx(min(max(seconds, 1e-4), 1e4), rel=2 * ERROR)


def test_nothing_is_known_before_the_first() -> None:
    assert Quantile(0.5).seconds == 0
