import numpy as np
import pytest

from control_plane.stats import bandit
from control_plane.stats.design import Goal
from control_plane.stats.estimate import Estimate


def estimate(value: float, error: float = 1.0, units: float = 1000.0) -> Estimate:
    return Estimate(value, error**2, units)


def test_shares_follow_the_chance_to_be_best() -> None:
    arms = {"a": estimate(0), "b": estimate(1), "c": estimate(0, error=3)}
    draws = np.random.default_rng(1).normal([0, 1, 0], [1, 1, 3], (400_000, 3)).argmax(axis=1)
    expected = np.bincount(draws) / draws.size
    assert list(bandit.chances(arms, Goal.INCREASE).values()) == pytest.approx(expected.tolist(), abs=0.004)
    found = bandit.shares(arms, Goal.INCREASE, 0.1)
    assert sum(found.values()) == pytest.approx(1)
    assert found["b"] == pytest.approx(0.1 + 0.7 * expected[1], abs=0.004)


def test_less_is_better_where_the_goal_is_less() -> None:
    arms = {"a": estimate(0), "b": estimate(1)}
    more, less = (bandit.chances(arms, goal) for goal in (Goal.INCREASE, Goal.DECREASE))
    assert more["a"] == pytest.approx(less["b"]) and more["b"] > 0.7


def test_no_arm_is_starved_and_none_is_preferred_before_it_is_known() -> None:
    found = bandit.shares({"a": estimate(0, 0.01), "b": estimate(1, 0.01)}, Goal.INCREASE, 0.05)
    assert found == pytest.approx({"a": 0.05, "b": 0.95})
    new = bandit.shares({"a": estimate(0), "b": estimate(9, units=99)}, Goal.INCREASE, 0.05)
    assert new == pytest.approx({"a": 0.5, "b": 0.5})


@pytest.mark.parametrize("floor", [0.0, 0.5, -0.1])
def test_a_floor_has_to_leave_something(floor: float) -> None:
    with pytest.raises(ValueError, match="A floor of"):
        bandit.shares({"a": estimate(0), "b": estimate(1)}, Goal.INCREASE, floor)
