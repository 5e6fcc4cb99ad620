import numpy as np
import pytest

from control_plane.stats.estimate import Adjustment, Estimate, Kind
from control_plane.stats.moments import Moments


def numbers(estimate: Estimate) -> list[float]:
    return [float(each) for each in (estimate.value, estimate.variance, estimate.units)]


def test_a_mean_and_a_proportion_are_those_of_textbooks() -> None:
    found = Estimate.of(Moments.from_arrays([1.0, 2.0, 6.0]), Kind.MEAN)
    assert numbers(found) == pytest.approx([3, 7 / 3, 3])
    found = Estimate.of(Moments.from_arrays([1, 0, 0, 0]), Kind.PROPORTION)
    assert numbers(found) == pytest.approx([0.25, 0.25 * 0.75 / 4, 4])


def test_a_ratios_variance_knows_that_requests_of_one_unit_resemble_each_other() -> None:
    """Simulated 2,000 times; counting requests as if each were alone would say a third of it."""
    rng = np.random.default_rng(2)
    found = []
    for _ in range(2000):
        requests = rng.geometric(0.2, 300)
        errors = rng.binomial(requests, rng.beta(0.3, 2.7, 300))
        found.append(Estimate.of(Moments.from_arrays(errors, requests), Kind.RATIO))
    spread = np.var([float(each.value) for each in found])
    assert np.mean([float(each.variance) for each in found]) == pytest.approx(spread, rel=0.1)
    assert spread > 2 * 0.1 * 0.9 / (300 * 5)


def test_a_ratio_of_one_request_each_is_a_mean() -> None:
    values = np.random.default_rng(3).random(100)
    ratio, mean = (Estimate.of(Moments.from_arrays(values), kind) for kind in (Kind.RATIO, Kind.MEAN))
    assert numbers(ratio) == pytest.approx(numbers(mean))


@pytest.mark.parametrize("kind", [Kind.MEAN, Kind.RATIO])
def test_an_adjusted_estimate_is_the_regressions(kind: Kind) -> None:
    rng = np.random.default_rng(4)
    x = rng.normal(10, 3, 500)
    d = rng.geometric(0.3, 500) if kind is Kind.RATIO else np.ones(500)
    y = d * (2 + 0.5 * x) + rng.normal(0, 1, 500)
    moments = Moments.from_arrays(y, d, x)
    adjustment = Adjustment.across([moments], kind)
    linear = (y - y.sum() / d.sum() * d) / d.mean() if kind is Kind.RATIO else y
    slope = np.cov(linear, x)[0, 1] / x.var(ddof=1)
    assert adjustment.theta == pytest.approx(slope)
    found = Estimate.of(moments, kind, adjustment)
    assert found.value == pytest.approx(y.sum() / d.sum())
    assert found.variance == pytest.approx((linear - slope * x).var(ddof=1) / 500)


def test_what_was_known_before_takes_its_share_of_the_variance_away_and_adds_no_bias() -> None:
    rng = np.random.default_rng(5)
    plain: list[float] = []
    adjusted: list[float] = []
    held = 0
    for _ in range(500):
        x = rng.normal(0, 1, 400)
        treated = np.arange(400) % 2 == 0
        y = 3 * x + rng.normal(0, 1, 400) + 0.5 * treated
        arms = [Moments.from_arrays(y[chosen], before=x[chosen]) for chosen in (~treated, treated)]
        adjustment = Adjustment.across(arms, Kind.MEAN)
        before, after = (Estimate.of(arm, Kind.MEAN, adjustment) for arm in arms)
        adjusted.append(float(after.value - before.value))
        held += bool(abs(adjusted[-1] - 0.5) < 1.96 * np.sqrt(before.variance + after.variance))
        plain.append(float(arms[1].y - arms[0].y) / 200)
    assert np.mean(adjusted) == pytest.approx(0.5, abs=0.02)
    assert np.var(adjusted) < 0.2 * np.var(plain)
    assert 0.92 < held / 500 < 0.98


def test_a_covariate_that_nobody_has_changes_nothing() -> None:
    moments = Moments.from_arrays([1.0, 2.0, 6.0])
    assert Estimate.of(moments, Kind.MEAN, Adjustment.across([moments], Kind.MEAN)) == Estimate.of(moments, Kind.MEAN)


def test_arrays_are_taken_one_by_one() -> None:
    rows = [Moments.from_arrays(np.random.default_rng(seed).random(9), np.arange(1, 10)) for seed in range(3)]
    together = Moments(*(np.array(column) for column in zip(*(row.row() for row in rows), strict=True)))
    for kind in (Kind.PROPORTION, Kind.MEAN, Kind.RATIO):
        found = Estimate.of(together, kind)
        assert np.asarray(found.variance).tolist() == pytest.approx([Estimate.of(row, kind).variance for row in rows])
