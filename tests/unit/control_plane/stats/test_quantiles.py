import numpy as np
import pytest
from numpy.typing import NDArray

from control_plane.stats import quantiles
from control_plane.stats.histogram import GROWTH, Histogram
from control_plane.stats.quantiles import Evidence, Quantiles

Values = NDArray[np.float64]
P, TUNED = 0.95, 1000.0


def latencies(seed: int, n: int, times: float = 1.0) -> Values:
    return np.asarray(times * np.random.default_rng(seed).lognormal(0, 0.5, n))


def contrast(control: Values, treated: Values, effect: float = 1.0) -> Quantiles:
    histograms = [Histogram.from_array(values) for values in (control, treated)]
    before, after = (Evidence.of(histogram, P, TUNED, effect) for histogram in histograms)
    estimates = [quantiles.estimate(histogram, P, effect) for histogram in histograms]
    return Quantiles(estimates[0], estimates[1], before=before, after=after)


def exact_above(control: Values, treated: Values, margin: float = 0.0, factor: float = 1.0) -> float:
    """The same evidence from the values themselves: the least of all points where the quantiles may meet."""
    points = np.sort(np.concatenate([control, (treated - margin) / factor]))
    points = np.concatenate([[points[0] - 1], points, (points[1:] + points[:-1]) / 2, [points[-1] + 1]])
    below_control = (control[None, :] <= points[:, None]).sum(axis=1)
    below_treated = (treated[None, :] <= factor * points[:, None] + margin).sum(axis=1)
    under, _ = quantiles.one_sided(below_control, control.size, P, TUNED)
    _, over = quantiles.one_sided(below_treated, treated.size, P, TUNED)
    return float((under + over).min())


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("margin", "factor"), [(0.0, 1.0), (0.2, 1.0), (0.0, 1.1), (-0.1, 1.05)])
def test_bins_never_show_more_than_the_values_do_and_little_less(seed: int, margin: float, factor: float) -> None:
    control, treated = latencies(seed, 400), latencies(seed + 100, 300, times=1.5)
    found = contrast(control, treated)
    exact = exact_above(control, treated, margin, factor)
    assert found.log_e_above(margin, factor) <= exact + 1e-9
    assert found.log_e_above(margin, factor) >= exact - 3.0
    # "treated >= factor * control + margin" is "control <= (treated - margin) / factor".
    back = exact_above(treated, control, -margin / factor, 1 / factor)
    assert (
        contrast(treated, control).log_e_below(margin, factor)
        <= exact_above(control, treated, -margin / factor, 1 / factor) + 1e-9
    )
    assert found.log_e_below(margin, factor) <= back + 1e-9


def test_a_slower_arm_is_shown_to_be_and_by_how_much() -> None:
    found = contrast(latencies(1, 5000), latencies(2, 5000, times=1.3))
    low, high = found.relative(0.05)
    assert found.p() < 0.001
    assert 0.1 < low < 0.3 < high < 0.5
    low, high = found.interval(0.05)
    assert 0 < low < 0.3 * 2.276 < high
    assert found.value == pytest.approx(0.3 * 2.276, rel=0.25)


def test_the_other_way_round_it_is_faster() -> None:
    slower = contrast(latencies(1, 5000), latencies(2, 5000, times=1.3))
    faster = contrast(latencies(2, 5000, times=1.3), latencies(1, 5000))
    assert faster.log_e_below() == pytest.approx(slower.log_e_above())
    assert faster.relative(0.05)[1] < 0


def test_seconds_and_milliseconds_say_the_same() -> None:
    control, treated = latencies(1, 2000), latencies(2, 2000, times=1.2)
    scale = GROWTH**694  # a thousand, in whole bins
    seconds, milliseconds = contrast(control, treated), contrast(control * scale, treated * scale)
    assert milliseconds.log_e_above() == pytest.approx(seconds.log_e_above())
    assert milliseconds.relative(0.05) == pytest.approx(seconds.relative(0.05), abs=1e-6)
    assert np.array(milliseconds.interval(0.05)) / scale == pytest.approx(np.array(seconds.interval(0.05)), rel=0.02)


def test_the_same_values_differ_by_nothing() -> None:
    found = contrast(latencies(1, 3000), latencies(1, 3000))
    assert found.p() == 1 and found.value == 0
    low, high = found.interval(0.05)
    assert low < 0 < high


def test_few_values_show_nothing() -> None:
    found = contrast(latencies(1, 3), latencies(2, 3, times=100))
    assert found.p() == 1
    assert found.interval(0.05) == (-np.inf, np.inf)
    assert found.relative(0.05) == (-1, np.inf)


def test_values_that_come_by_the_dozen_count_as_one() -> None:
    control, treated = (np.repeat(latencies(seed, 400, times), 12) for seed, times in ((1, 1.0), (2, 1.15)))
    once = contrast(control[::12], treated[::12])
    assert contrast(control, treated, effect=12.0).log_e_above() == pytest.approx(once.log_e_above())
    assert contrast(control, treated).log_e_above() > once.log_e_above() + 5


def test_an_estimates_variance_is_that_of_many_samples() -> None:
    found = [quantiles.estimate(Histogram.from_array(latencies(seed, 2000)), P) for seed in range(300)]
    assert np.mean([float(each.variance) for each in found]) == pytest.approx(
        np.var([float(each.value) for each in found]), rel=0.25
    )


def test_periods_weigh_what_they_are_told_to() -> None:
    quick, slow = Histogram.from_array(latencies(1, 9000)), Histogram.from_array(latencies(2, 1000, times=2.0))
    found = quantiles.pooled([quick, slow], [1.0, 1.0])
    shares = [sum(found.counts.get(index, 0) for index in each.counts) for each in (quick, slow)]
    assert found.total == pytest.approx(4 / (1 / 9000 + 1 / 1000))
    assert found.quantile(0.5) == pytest.approx((quick.times(1 / 9) + slow).quantile(0.5))
    assert shares[1] > found.total / 2
    assert quantiles.pooled([quick], [0.3]).total == pytest.approx(quick.total)
