from itertools import product

import numpy as np
import pytest
from scipy import stats

from control_plane.stats import mismatch
from control_plane.stats.mismatch import Mismatch
from control_plane.stats.period import Period


def period(shares: dict[str, float], units: dict[str, float]) -> Period:
    return Period(shares, units, {})


def test_evidence_is_one_on_average_while_nothing_is_wrong() -> None:
    shares = np.array([0.2, 0.3, 0.5])
    total = 0.0
    for counts in product(range(8), repeat=2):
        whole = np.array([*counts, 7 - sum(counts)])
        if whole[-1] >= 0:
            total += stats.multinomial.pmf(whole, 7, shares) * float(np.exp(mismatch.log_e(whole, shares)))
    assert total == pytest.approx(1)


@pytest.mark.parametrize(
    ("units", "wrong"),
    [
        ((5000, 5000), False),
        ((5050, 4950), False),
        ((5400, 4600), True),
        ((501_500, 498_500), False),
        ((505_000, 495_000), True),
    ],
)
def test_a_mismatch_is_seen_where_there_is_one(units: tuple[int, int], wrong: bool) -> None:
    found = Mismatch.of(("a", "b"), [period({"a": 50, "b": 50}, dict(zip("ab", units, strict=True)))])
    assert (found.p < 0.01) is wrong
    assert found.expected == {"a": sum(units) / 2, "b": sum(units) / 2}


def test_each_period_is_judged_by_its_own_shares() -> None:
    ramp = [period({"a": 95, "b": 5}, {"a": 9500, "b": 500}), period({"a": 1, "b": 1}, {"a": 5000, "b": 5000})]
    found = Mismatch.of(("a", "b"), ramp)
    assert found.p > 0.5 and found.fixed_p == pytest.approx(1)
    assert found.expected == {"a": 14_500, "b": 5500}
    swapped = [ramp[0], period({"a": 1, "b": 1}, {"a": 6000, "b": 4000})]
    assert Mismatch.of(("a", "b"), swapped).p < 1e-6


def test_units_in_an_arm_without_a_share_are_a_mismatch() -> None:
    assert Mismatch.of(("a", "b"), [period({"a": 1, "b": 0}, {"a": 100, "b": 1})]).p == 0
    assert Mismatch.of(("a", "b"), [period({"a": 1, "b": 0}, {"a": 100, "b": 0})]).p == 1


def test_nobody_is_no_mismatch() -> None:
    found = Mismatch.of(("a", "b"), [period({"a": 1, "b": 1}, {})])
    assert (found.p, found.fixed_p) == (1, 1)
    assert Mismatch.of(("a", "b"), []).p == 1


def test_the_single_look_is_the_chi_square_test() -> None:
    found = Mismatch.of(("a", "b"), [period({"a": 1, "b": 1}, {"a": 520, "b": 480})])
    assert found.fixed_p == pytest.approx(stats.chisquare([520, 480]).pvalue)
