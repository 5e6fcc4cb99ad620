import math

import numpy as np
import pytest

from control_plane.stats import means
from control_plane.stats.estimate import Estimate
from control_plane.stats.means import LEAST_UNITS, Means


def two(control: float, treated: float, units: float = 1000.0, one: float = 1.0) -> Means:
    return Means(Estimate(control, one / units, units), Estimate(treated, one / units, units))


def test_an_interval_excludes_zero_exactly_where_the_p_value_is_small() -> None:
    for treated in np.linspace(10, 10.4, 21):
        found = two(10, float(treated))
        low, _ = found.interval(0.05)
        assert (low > 0) == (found.p() < 0.05)
        assert (found.lower(0.05) > 0) == (found.log_e_above() > -math.log(0.05))


def test_what_is_not_shown_below_a_margin_is_not_below_the_bound() -> None:
    found = two(10, 10.1)
    bound = found.upper(0.05)
    assert found.log_e_below(bound) == pytest.approx(-math.log(0.05))
    assert found.log_e_below(bound * 1.01) > -math.log(0.05) > found.log_e_below(bound * 0.99)


def test_a_factor_is_a_margin_that_grows_with_the_control() -> None:
    found = two(10, 10.1)
    assert found.log_e_below(0.0, 1.05) == pytest.approx(found.log_e_below(0.5), rel=0.1)
    thrice = Means(Estimate(30.0, 9e-7, 1e7), Estimate(30.01, 1e-7, 1e7))
    assert Means(Estimate(10.0, 1e-7, 1e7), Estimate(30.01, 1e-7, 1e7)).log_e_above(0.0, 3.0) == pytest.approx(
        thrice.log_e_above(), rel=0.01
    )
    assert thrice.log_e_above() > 10
    low, high = found.relative(0.05)
    assert low == pytest.approx(found.interval(0.05)[0] / 10, abs=0.01)
    assert high == pytest.approx(found.interval(0.05)[1] / 10, abs=0.01)


def test_few_units_say_nothing() -> None:
    found = two(1, 100, units=LEAST_UNITS - 1)
    assert (found.p(), found.log_e_above(), found.interval(0.05)) == (1, 0, (-math.inf, math.inf))
    assert found.lower(0.05) == -math.inf and found.upper(0.05) == math.inf
    assert two(1, 100, units=LEAST_UNITS).p() < 0.05


def test_what_does_not_vary_says_nothing() -> None:
    assert two(1, 2, one=0).p() == 1
    assert two(1, 2, one=0).interval(0.05) == (-math.inf, math.inf)


def test_an_arm_that_hardly_varies_yet_is_lent_what_both_do_until_it_has_units_enough() -> None:
    control = Estimate(1.0, 1 / 9000, 9000.0)
    few, many = (means.steadied(control, Estimate(1.0, 1e-9 / n, n))[1] for n in (100.0, 1e6))
    assert few.variance == pytest.approx(0.99 / 100 * 1000 / 1100, rel=0.01)
    assert many.variance * 1e6 < 0.001
    same = means.steadied(control, Estimate(1.0, 1 / 100, 100.0))
    assert [each.variance for each in same] == pytest.approx([1 / 9000, 1 / 100])


def test_intervals_shrink_as_units_come_and_the_other_way_round_is_the_other_sign() -> None:
    widths = [two(1, 1, units).upper(0.05) for units in (100.0, 1e3, 1e4, 1e6)]
    assert widths == sorted(widths, reverse=True)
    assert two(10, 10.2).interval(0.05) == pytest.approx([-bound for bound in reversed(two(10.2, 10).interval(0.05))])


def test_arrays_are_taken_one_by_one() -> None:
    values = np.array([10.0, 10.1, 10.3])
    units = np.full(3, 1000.0)
    found = means.log_e(Estimate(10.0, 1e-3, 1000.0), Estimate(values, np.full(3, 1e-3), units), 5000.0)
    assert np.exp(-np.maximum(found, 0)).tolist() == pytest.approx([two(10, float(each)).p() for each in values])
