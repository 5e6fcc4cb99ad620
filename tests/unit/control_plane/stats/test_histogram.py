import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from control_plane.stats.histogram import GROWTH, LEAST, MOST, Histogram, bin_of, edge

VALUES = some.lists(some.floats(1e-5, 5e4), max_size=30)


@given(VALUES, VALUES)
def test_merging_is_the_same_as_having_all_values_at_once(values: list[float], others: list[float]) -> None:
    assert Histogram.of(values) + Histogram.of(others) == Histogram.of(values + others)


@given(some.lists(some.floats(0, 1e6), min_size=1, max_size=30))
def test_values_at_once_and_one_by_one_fall_into_the_same_bins(values: list[float]) -> None:
    one_by_one = Histogram()
    for value in values:
        one_by_one = one_by_one.add(value)
    assert one_by_one == Histogram.of(values) == Histogram.from_array(values)


@given(VALUES, some.floats(1e-5, 5e4))
def test_ranks_are_bounded_by_what_the_bins_know(values: list[float], asked: float) -> None:
    fewest, most = Histogram.of(values).ranks(asked)
    assert fewest <= sum(value <= asked for value in values) <= most


@given(some.lists(some.floats(1e-5, 5e4), min_size=1, max_size=30), some.floats(0.01, 1))
def test_a_samples_quantile_lies_within_its_bounds_which_are_one_percent_apart(values: list[float], p: float) -> None:
    exact = sorted(values)[max(math.ceil(p * len(values) - 1e-9) - 1, 0)]
    low, high = Histogram.of(values).quantile_bounds(p)
    assert low * (1 - 1e-9) <= exact <= high * (1 + 1e-9)
    assert high / low == pytest.approx(GROWTH)
    assert low <= Histogram.of(values).quantile(p) <= high


@given(some.integers(LEAST, MOST))
def test_a_bin_ends_at_its_edge(index: int) -> None:
    assert bin_of(edge(index)) == index
    assert bin_of(edge(index) * 1.001) == min(index + 1, MOST)


@pytest.mark.parametrize(("value", "index"), [(0, LEAST), (-3, LEAST), (1e-9, LEAST), (1e9, MOST), (math.nan, LEAST)])
def test_what_is_beyond_the_bins_falls_into_the_outermost(value: float, index: int) -> None:
    assert bin_of(value) == index


def test_the_quantiles_of_many_values_are_theirs_within_a_percent() -> None:
    values = np.random.default_rng(1).lognormal(0, 0.5, 50_000)
    found = Histogram.from_array(values)
    for p in (0.05, 0.5, 0.95, 0.99):
        assert found.quantile(p) == pytest.approx(np.quantile(values, p), rel=0.01)
    assert found.total == 50_000
    assert found.cumulative(LEAST, MOST)[-1] == 50_000


def test_counts_up_to_a_bin_have_all_that_came_before_the_first_one_asked_for() -> None:
    found = Histogram({-2: 3, 0: 4, 2: 5, 3: 7})
    assert found.cumulative(-1, 2).tolist() == [3, 7, 7, 12]


def test_nothing_has_no_quantile() -> None:
    assert math.isnan(Histogram().quantile(0.5))
