import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from control_plane.stats.moments import FIELDS, Moments, Unit

WHOLE = some.integers(-1000, 1000).map(float)
UNITS = some.lists(some.builds(Unit, WHOLE, WHOLE, WHOLE), max_size=20)


def moments(units: list[Unit]) -> Moments:
    columns = [[unit[index] for unit in units] for index in range(3)]
    return Moments.from_arrays(*columns)


@given(UNITS, UNITS)
def test_merging_is_the_same_as_having_all_units_at_once(some_units: list[Unit], others: list[Unit]) -> None:
    assert moments(some_units) + moments(others) == moments(some_units + others)
    assert moments(some_units + others) - moments(others) == moments(some_units)


@given(UNITS)
def test_units_one_by_one_are_the_same_as_all_at_once(units: list[Unit]) -> None:
    found = Moments()
    for unit in units:
        found = found.add(unit)
    assert found == moments(units)
    assert Moments(*found.row()) == found and len(found.row()) == len(FIELDS)


@given(some.builds(Unit, WHOLE, WHOLE, WHOLE), some.builds(Unit, WHOLE, WHOLE, WHOLE), UNITS)
def test_a_unit_that_goes_on_leaves_nothing_of_what_it_was(old: Unit, new: Unit, others: list[Unit]) -> None:
    assert moments([old, *others]).replace(old, new) == moments([new, *others])


def test_each_sum_is_what_its_name_says() -> None:
    found = Moments.from_arrays([1, 2], [3, 5], [7, 11])
    assert found == Moments(units=2, y=3, d=8, x=18, yy=5, dd=34, xx=170, yd=13, yx=29, dx=76)


def test_a_base_of_one_and_no_covariate_are_what_is_not_said() -> None:
    assert Moments.from_arrays([2, 3]) == Moments.from_arrays([2, 3], [1, 1], [0, 0])


def test_arrays_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="broadcast"):
        Moments.from_arrays(np.ones(3), np.ones(2))
