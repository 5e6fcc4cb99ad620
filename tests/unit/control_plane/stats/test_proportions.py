import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from scipy import stats

from control_plane.stats import proportions
from control_plane.stats.estimate import Estimate, Kind
from control_plane.stats.moments import Moments
from control_plane.stats.proportions import Counts, Proportions

RATES = some.floats(0.01, 0.99)


def expected_win(
    p: float, q: float, share: float, sign: int, margin: float, factor: float, rate: float | None, units: int = 6
) -> float:
    """Over all that so many units may do, where the treated succeed with p and the control with q."""
    total = 0.0
    for treated in range(units + 1):
        control = units - treated
        y, x = np.meshgrid(np.arange(treated + 1.0), np.arange(control + 1.0))
        chance = stats.binom.pmf(treated, units, share)
        chance = chance * stats.binom.pmf(y, treated, p) * stats.binom.pmf(x, control, q)
        counts = Counts(x, np.full_like(x, control), y, np.full_like(y, treated), share)
        total += float((chance * np.exp(proportions.log_e([counts], sign, margin, factor, rate, 50.0))).sum())
    return total


@given(RATES, some.sampled_from([0.05, 0.5, 0.8]), some.sampled_from([None, 0.01, 0.4]), some.sampled_from([1, -1]))
def test_bets_win_nothing_on_average_where_arms_do_not_differ(
    p: float, share: float, rate: float | None, sign: int
) -> None:
    assert expected_win(p, p, share, sign, 0.0, 1.0, rate) == pytest.approx(1)


@given(RATES, some.floats(0.5, 1.5), some.floats(-0.2, 0.2), some.sampled_from([1, -1]))
def test_bets_win_nothing_on_average_at_any_margin_and_factor(
    q: float, factor: float, margin: float, sign: int
) -> None:
    p = factor * q + margin
    if 0 <= p <= 1:
        assert expected_win(p, q, 0.3, sign, margin, factor, None) == pytest.approx(1)
    beyond = min(max(p - sign * 0.1, 0.0), 1.0)
    if (beyond - factor * q - margin) * sign < 0:
        assert expected_win(beyond, q, 0.3, sign, margin, factor, None) < 1


def two(x: float, n: float, y: float, m: float, share: float = 0.5, rate: float | None = None) -> Proportions:
    control, treated = (Estimate.of(Moments(units=units, y=each), Kind.PROPORTION) for each, units in ((x, n), (y, m)))
    return Proportions(control, treated, [Counts(x, n, y, m, share)], rate)


def test_the_interval_holds_the_difference_and_what_it_excludes_is_refuted() -> None:
    found = two(600, 1000, 700, 1000)
    low, high = found.interval(0.05)
    assert low < 0.1 < high
    assert found.p() <= 0.05 and low > 0
    assert found.log_e_above(low) == pytest.approx(math.log(40), abs=1e-3)
    assert found.log_e_below(high) == pytest.approx(math.log(40), abs=1e-3)
    assert found.lower(0.05) > low, "one side alone may spend all of alpha"


def test_the_other_way_round_it_is_the_other_way_round() -> None:
    found, other = two(600, 1000, 700, 1000), two(700, 1000, 600, 1000)
    low, high = found.interval(0.05)
    assert other.interval(0.05) == pytest.approx((-high, -low))
    assert other.p() == pytest.approx(found.p())
    failures = two(400, 1000, 300, 1000)
    assert failures.interval(0.05) == pytest.approx((-high, -low))


@given(some.integers(0, 200), some.integers(0, 200))
def test_more_successes_are_never_less_evidence(x: int, y: int) -> None:
    found = [two(x, 300, each, 300).log_e_above() for each in (y, y + 1, y + 50)]
    assert found == sorted(found)


def test_intervals_shrink_as_units_come() -> None:
    widths = [high - low for low, high in (two(0.1 * n, n, 0.1 * n, n).interval(0.05) for n in (100, 1e3, 1e4, 1e6))]
    assert all(later < earlier for earlier, later in pairwise(widths))
    assert widths[-1] < 0.005


def test_nothing_at_all_shows_nothing() -> None:
    found = two(0, 1, 0, 1)
    assert found.p() == 1
    assert found.interval(0.05)[0] < -0.9 and found.interval(0.05)[1] > 0.9


def test_a_rate_that_was_expected_decides_sooner() -> None:
    assert two(100, 10_000, 140, 10_000, rate=0.01).p() < two(100, 10_000, 140, 10_000).p() < 1


def test_periods_with_other_shares_add_up_though_their_rates_drift() -> None:
    """Pooled, a candidate that got more traffic in a bad hour would look worse; arms do not differ in either."""
    quiet, bad = Counts(90, 9000, 10, 1000, 0.1), Counts(500, 5000, 500, 5000, 0.5)
    assert proportions.log_e([quiet, bad], 1) < 0
    pooled = Counts(590, 14_000, 510, 6000, 0.3)
    assert proportions.log_e([pooled], 1) > math.log(1000)


def test_its_ratio_is_shown_where_its_difference_is() -> None:
    low, high = two(100, 10_000, 200, 10_000).relative(0.05)
    assert 0 < low < 1 < high
    found = two(100, 10_000, 110, 10_000)
    assert found.relative(0.05)[0] < 0 < found.relative(0.05)[1]


def test_one_arms_interval_holds_its_rate() -> None:
    low, high = proportions.interval(30, 100, 0.05, 1000)
    assert low < 0.3 < high
    assert proportions.interval(3000, 10_000, 0.05, 1000)[1] - 0.3 < high - 0.3
