import math

import numpy as np
import pytest
from scipy import stats

from control_plane.stats.mixtures import BetaBinomialMixture, NormalMixture, OneSidedNormalMixture, rho


@pytest.mark.parametrize("one_sided", [False, True])
@pytest.mark.parametrize("p", [0.05, 0.5, 0.95])
def test_a_bet_on_counts_wins_nothing_on_average_while_nothing_is_wrong(p: float, one_sided: bool) -> None:
    mixture = BetaBinomialMixture.tuned(p, 500, 0.05, one_sided)
    events = np.arange(41)
    expected = (stats.binom.pmf(events, 40, p) * np.exp(mixture.log_e(events, 40))).sum()
    assert expected == pytest.approx(1)


def test_a_one_sided_bet_loses_where_events_are_too_few() -> None:
    mixture = BetaBinomialMixture.tuned(0.05, 500, 0.05, one_sided=True)
    events = np.arange(41)
    assert (stats.binom.pmf(events, 40, 0.03) * np.exp(mixture.log_e(events, 40))).sum() < 1


def test_what_cannot_be_computed_any_more_has_lost() -> None:
    mixture = BetaBinomialMixture.tuned(0.05, 500, 0.05, one_sided=True)
    lost = [float(mixture.log_e(0, trials)) for trials in (10, 1000, 10_000, 100_000, 10_000_000)]
    assert all(log_e < 0 for log_e in lost) and lost[-1] == -50
    assert lost[:3] == sorted(lost[:3], reverse=True)


@pytest.mark.parametrize("mixture", [NormalMixture(rho(100, 0.05)), OneSidedNormalMixture(rho(100, 0.1))])
def test_a_bound_is_where_one_over_alpha_has_been_won(mixture: NormalMixture | OneSidedNormalMixture) -> None:
    for v in (1.0, 100.0, 10_000.0):
        assert float(mixture.log_e(float(mixture.bound(v, 0.05)), v)) == pytest.approx(math.log(20))


def test_the_simple_bound_is_a_little_wider_and_its_p_value_fits() -> None:
    mixture = OneSidedNormalMixture(rho(5000, 0.1))
    for v in (100.0, 5000.0, 1e6):
        simple = float(mixture.simple_bound(v, 0.05))
        assert mixture.bound(v, 0.05) <= simple <= 1.02 * mixture.bound(v, 0.05)
        assert float(mixture.simple_p(simple, v)) == pytest.approx(0.05)
    assert float(mixture.simple_p(-1.0, 100.0)) == 1


def test_a_normal_bet_wins_nothing_on_average_while_nothing_is_wrong() -> None:
    at = np.linspace(-12, 12, 100_001)
    for mixture in (NormalMixture(3.0), OneSidedNormalMixture(3.0)):
        density = np.exp(mixture.log_e(at, 1.0)) * stats.norm.pdf(at)
        assert float(np.trapezoid(density, at)) == pytest.approx(1, abs=1e-6)
