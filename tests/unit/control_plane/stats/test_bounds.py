import pytest
from hypothesis import given
from hypothesis import strategies as some

from control_plane.stats.bounds import _at_least, lower_bound
from model_repo.faq import calibration


@pytest.mark.parametrize(
    ("successes", "trials", "bound"),
    [(0, 10, 0.0), (10, 10, 0.7411), (59, 59, 0.9505), (8, 10, 0.4931), (95, 100, 0.8977), (9_900, 10_000, 0.9882)],
)
def test_it_is_the_bound_of_the_tables(successes: int, trials: int, bound: float) -> None:
    assert lower_bound(successes, trials) == pytest.approx(bound, abs=5e-5)


@given(some.integers(1, 200).flatmap(lambda trials: some.tuples(some.integers(0, trials), some.just(trials))))
def test_it_agrees_with_exact_fractions_and_solves_what_defines_it(counts: tuple[int, int]) -> None:
    successes, trials = counts
    bound = lower_bound(successes, trials)
    assert bound == pytest.approx(calibration.lower_bound(successes, trials), abs=1e-9)
    assert 0 <= bound <= successes / trials
    if successes:
        assert _at_least(successes, trials, bound) == pytest.approx(0.05, abs=1e-6)


def test_nothing_tried_shows_nothing() -> None:
    assert lower_bound(0, 0) == 0
    with pytest.raises(ValueError, match="3 successes of 2 trials"):
        lower_bound(3, 2)
