"""Numbers that others have published, to the printed digits.

growthbook/growthbook @8f1db44, packages/stats/tests (MIT); gostevehoward/confseq @70b1ef3, test/uniform_boundaries
_unittest.cpp (MIT: "all target values are from a reference implementation in R"); spotify/confidence @e1f8a49,
tests/samplesize (Apache-2.0: totals of G*Power, whose tolerances are those of its tests).
"""

import math

import pytest

from control_plane.stats import boundaries, plan, proportions
from control_plane.stats.estimate import Estimate, Kind
from control_plane.stats.fixed import Fixed
from control_plane.stats.means import Means
from control_plane.stats.mixtures import (
    BetaBinomialMixture,
    GammaPoissonMixture,
    NormalMixture,
    OneSidedNormalMixture,
    rho,
)
from control_plane.stats.moments import Moments

ALPHA = 0.05


def mean(total: float, squares: float, units: int) -> Estimate:
    return Estimate.of(Moments(units=float(units), y=total, yy=squares), Kind.MEAN)


def proportion(successes: int, units: int) -> Estimate:
    return Estimate.of(Moments(units=float(units), y=float(successes)), Kind.PROPORTION)


A = mean(1396.87, 52377.9767, 3407)
FEWER = mean(1396.87, 52377.9767, 3000)
B = mean(2422.7, 134698.29, 3461)
HALF, MORE = proportion(14, 28), proportion(16, 30)


@pytest.mark.parametrize(
    ("found", "value", "error", "interval", "p"),
    [
        (Fixed.relative(A, B), 0.70732, 0.37879, (-0.03526, 1.44989), 0.06191),
        (Fixed.absolute(A, B), 0.29, 0.12478, (0.04538, 0.53462), 0.02016),
        (Fixed.relative(HALF, MORE), 0.06667, 0.2717, (-0.47767, 0.61101), 0.80707),
    ],
)
def test_two_sided_t_tests_are_growthbooks(
    found: Fixed, value: float, error: float, interval: tuple[float, float], p: float
) -> None:
    assert (round(found.value, 5), round(found.error, 5), round(found.p(), 5)) == (value, error, p)
    assert tuple(round(bound, 5) for bound in found.interval(ALPHA)) == interval


def test_one_sided_t_tests_are_growthbooks() -> None:
    relative, absolute = Fixed.relative(FEWER, B), Fixed.absolute(FEWER, B)
    assert (round(relative.value, 5), round(relative.error, 5)) == (0.50336, 0.33341)
    assert (round(relative.lower(ALPHA), 5), round(relative.p_above(), 5)) == (-0.04514, 0.06558)
    assert (round(absolute.value, 5), round(absolute.error, 5)) == (0.23438, 0.12983)
    assert (round(absolute.lower(ALPHA), 5), round(absolute.p_above(), 5)) == (0.02079, 0.03554)
    assert (round(relative.upper(ALPHA), 5), round(1 - relative.p_above(), 5)) == (1.05186, 0.93442)


@pytest.mark.parametrize(
    ("control", "treated", "tuned", "value", "error", "interval", "p"),
    [
        (FEWER, B, 1000, 0.50336, 0.33341, (-0.55844, 1.56516), 1.0),
        (proportion(1396, 3000), proportion(2422, 3461), 5000, 0.50386, 0.03386, (0.40098, 0.60675), 0.0),
    ],
)
def test_sequential_intervals_are_growthbooks(
    control: Estimate,
    treated: Estimate,
    tuned: float,
    value: float,
    error: float,
    interval: tuple[float, float],
    p: float,
) -> None:
    ratio, units = Fixed.relative(control, treated), float(control.units + treated.units)
    mixture = NormalMixture(rho(tuned, ALPHA))
    reach = float(mixture.bound(units, ALPHA)) / math.sqrt(units) * ratio.error
    assert (round(ratio.value, 5), round(ratio.error, 5)) == (value, error)
    assert (round(ratio.value - reach, 5), round(ratio.value + reach, 5)) == interval
    z = ratio.value / ratio.error * math.sqrt(units)
    assert round(math.exp(-max(float(mixture.log_e(z, units)), 0.0)), 5) == p


def test_a_means_own_interval_is_growthbooks_but_for_the_variance_that_it_is_lent() -> None:
    """Lending widens the interval by a twentieth at this size, where one arm varies by so much less than the other."""
    low, high = Means(FEWER, B, 1000.0).relative(ALPHA)
    assert -0.55844 * 1.1 <= low <= -0.55844
    assert 1.56516 <= high <= 1.56516 * 1.1


def test_one_sided_sequential_bounds_are_growthbooks() -> None:
    mixture, units = OneSidedNormalMixture(rho(5000, 2 * ALPHA)), float(FEWER.units + B.units)
    reach = float(mixture.simple_bound(units, ALPHA)) / math.sqrt(units)
    relative, absolute = Fixed.relative(FEWER, B), Fixed.absolute(FEWER, B)
    assert round(relative.value - reach * relative.error, 5) == -0.42356
    assert round(absolute.value + reach * absolute.error, 5) == 0.59532
    # Theirs is looked for below 0.5 only: 0.4999 says "no less than that".
    for z in (relative.value / relative.error, -absolute.value / absolute.error):
        assert float(mixture.simple_p(z * math.sqrt(units), units)) >= 0.4999


def test_intervals_are_tightest_where_they_are_tuned_for() -> None:
    widths = [float(NormalMixture(rho(tuned, ALPHA)).bound(6461.0, ALPHA)) for tuned in (10, 10_000, 6461)]
    assert widths[0] > widths[1] > widths[2]


@pytest.mark.parametrize(
    ("found", "value", "error", "interval", "chance", "risk"),
    [
        (Fixed.relative(proportion(49, 100), proportion(51, 100)), 0.04082, 0.14725, (-0.24779, 0.32943), 0.60918,
         (0.0814, 0.04058)),
        (Fixed.relative(mean(100, 1002.25, 10), mean(105, 1111.5, 10)), 0.05, 0.03572, (-0.02, 0.12), 0.91923,
         (0.05131, 0.00131)),
    ],
)  # fmt: skip
def test_posteriors_from_a_flat_prior_are_growthbooks(
    found: Fixed, value: float, error: float, interval: tuple[float, float], chance: float, risk: tuple[float, float]
) -> None:
    assert (round(found.value, 5), round(found.error, 5), round(found.chance(), 5)) == (value, error, chance)
    normal = Fixed(found.value, found.error)
    assert tuple(round(bound, 5) for bound in normal.interval(ALPHA)) == pytest.approx(interval, abs=1.1e-5)
    assert tuple(round(loss, 5) for loss in found.risk()) == risk


def test_the_intervals_of_growthbooks_adjusted_ratio_follow_from_its_error() -> None:
    """Its sums are not published with it: only what follows from estimate and error, as far as these are printed."""
    found = Fixed(-0.0007, 0.00391, 198.0)
    assert found.interval(ALPHA) == pytest.approx((-0.00841, 0.00700), abs=2e-5)
    assert found.p() == pytest.approx(0.85771, abs=2e-3)
    reach = float(NormalMixture(rho(5000, ALPHA)).bound(200.0, ALPHA)) / math.sqrt(200) * found.error
    assert (found.value - reach, found.value + reach) == pytest.approx((-0.02063, 0.01923), abs=4e-5)


def test_normal_mixtures_are_confseqs() -> None:
    both = NormalMixture(rho(100, ALPHA))
    assert both.rho == pytest.approx(12.60056, abs=1e-5)
    assert float(both.bound(100.0, ALPHA)) == pytest.approx(30.35209, abs=1e-5)
    assert float(both.log_e(10.0, 100.0)) == pytest.approx(-0.6510052, abs=1e-7)
    one = OneSidedNormalMixture(rho(100, 2 * ALPHA))
    assert one.bound(100.0, ALPHA) == pytest.approx(27.66071, abs=1e-5)
    assert float(one.log_e(10.0, 100.0)) == pytest.approx(-0.06502391, abs=1e-7)


def test_count_mixtures_are_confseqs() -> None:
    poisson = GammaPoissonMixture(rho(100, 2 * ALPHA), 2.0)
    assert poisson.bound(100.0, ALPHA) == pytest.approx(30.1949, abs=1e-5)
    assert poisson.log_e(10.0, 100.0) == pytest.approx(-0.06991219, abs=1e-7)
    trials = 100 / (0.2 * 0.8)
    for one_sided, bound, log_e in ((False, 31.4308, -0.6941012), (True, 28.41238, -0.07134019)):
        binomial = BetaBinomialMixture.tuned(0.2, trials, ALPHA, one_sided)
        assert binomial.bound(trials, ALPHA) == pytest.approx(bound, abs=1e-5)
        assert float(binomial.log_e(0.2 * trials + 10, trials)) == pytest.approx(log_e, abs=1e-7)


def test_closed_boundaries_are_confseqs() -> None:
    assert boundaries.stitched(100, ALPHA, v_min=10, c=3) == pytest.approx(64.48755, abs=1e-5)
    assert boundaries.stitched(100, ALPHA, v_min=10, c=-1) == pytest.approx(28.99389, abs=1e-5)
    # Printed with eight digits and tested to five: their minimum is found to 24 bits.
    assert boundaries.distribution(1000, ALPHA, n_min=100) == pytest.approx(0.08204769, abs=2e-7)


@pytest.mark.parametrize(
    ("successes", "trials", "tuned", "interval"),
    [
        (700, 1000, 100, (0.651629, 0.745949)),
        (15, 50, 50, (0.129556, 0.511896)),
        (1, 50, 50, (0.0, 0.13489)),
        (0, 1, 50, (0.0, 1.0)),
    ],
)
def test_a_rates_interval_is_confseqs(successes: int, trials: int, tuned: float, interval: tuple[float, float]) -> None:
    assert proportions.interval(successes, trials, ALPHA, tuned) == pytest.approx(interval, abs=2e-6)


def test_sizes_are_g_powers() -> None:
    """Their calculator's default power is 0.85."""
    z, third, p = plan.normal_quantiles(ALPHA, 0.85), (1 / 3, 1 / 3), 0.34

    def binomial(effect: float, shares: tuple[float, float] = (0.5, 0.5), z: float = z) -> float:
        return plan.fixed_units(effect, p * (1 - p), (p + effect) * (1 - p - effect), shares, z)

    assert plan.fixed_units(0.3, 100, 100, (0.5, 0.5), z) == pytest.approx(39906, rel=1e-4)
    assert plan.fixed_units(0.3, 100, 100, third, z) == pytest.approx(59859, rel=1e-4)
    assert binomial(0.003) == pytest.approx(897348, rel=1e-4)
    assert binomial(0.003, z=plan.normal_quantiles(0.14, 0.85)) == pytest.approx(630710, rel=2e-4)
    assert binomial(0.003, third) == pytest.approx(1346022, rel=1e-4)
    assert binomial(0.003, (0.5, 0.25)) == pytest.approx(1346313, rel=1e-3)
    # Of both directions, as theirs is.
    assert (binomial(0.1) + binomial(-0.1)) / 2 == pytest.approx(795, rel=0.015)
