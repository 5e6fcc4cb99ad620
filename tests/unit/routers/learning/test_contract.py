"""A contract is broken no more often than it says, whatever the scores."""

import math

import numpy as np
import pytest

from routers.learning.contract import LADDER, Contract, furthest, rungs, shows
from routers.learning.pairs import Vector

PROMISE = Contract(0.02, 0.95)
SCORES = np.linspace(0, 0.4, 1001)
"""Estimates that a model may have of what it was fitted to: rung i sends scores below 0.4 * LADDER[i] to the light
tier."""


def _losses(mean: float, count: int, generator: np.random.Generator) -> Vector:
    return generator.choice([1.0, -1.0, 0.0], count, p=[0.06 + mean, 0.06, 0.88 - mean])


def _shown(losses: Vector) -> bool:
    return bool(shows(losses[:, None], np.ones(len(losses)), PROMISE)[0])


def _at_most(share: float, count: int) -> float:
    """As often as chance alone lets such a share be seen."""
    return share * count + 2 * math.sqrt(count * share * (1 - share))


def test_a_loss_at_the_bound_is_seldom_taken_for_less() -> None:
    generator = np.random.default_rng(0)
    rows = [_losses(0.02, 600, generator) for _ in range(1000)]
    assert shows(np.array(rows).T, np.ones(1000), PROMISE).sum() <= _at_most(0.05, 600)


def test_a_loss_well_below_the_bound_is_shown() -> None:
    generator = np.random.default_rng(0)
    assert shows(np.array([_losses(-0.01, 100, generator) for _ in range(3000)]), np.ones(3000), PROMISE).sum() >= 95


def test_nothing_is_shown_by_nothing() -> None:
    assert not _shown(np.zeros(0))
    assert not _shown(np.zeros(20))


def test_more_is_never_lost_by_one_bet_than_was_at_hand() -> None:
    assert not _shown(np.ones(500))
    assert _shown(-np.ones(500))


LOOSE = Contract(0.1, 0.9)
"""What few questions can show."""


def test_the_rung_that_is_chosen_breaks_the_bound_as_seldom_as_is_said() -> None:
    generator = np.random.default_rng(1)
    lost = []
    for _ in range(80):
        scores = generator.random(300) * 0.4
        gains = (generator.random(300) < scores).astype(float)
        rung = furthest(LOOSE, rungs(SCORES, scores), gains, np.ones(300))
        share = LADDER[rung] if rung >= 0 else 0.0
        lost.append(0.2 * share**2)
    assert sum(one > LOOSE.max_loss for one in lost) <= _at_most(0.1, 80)
    assert np.mean(lost) > 0.5 * LOOSE.max_loss


@pytest.mark.parametrize("weight", [0.3, 1.0])
def test_where_each_part_is_judged_by_another_model_at_least_one_of_them_keeps_the_bound(weight: float) -> None:
    weights = np.r_[np.full(150, weight), np.ones(150)]
    generator = np.random.default_rng(2)
    lost = []
    for _ in range(80):
        bad, good = generator.random(150), generator.random(150) * 0.4  # the bad one's scores tell nothing
        gains = np.r_[generator.random(150) < 0.2, generator.random(150) < good].astype(float)
        rung = furthest(LOOSE, np.r_[rungs(SCORES, 0.4 * bad), rungs(SCORES, good)], gains, weights)
        share = LADDER[rung] if rung >= 0 else 0.0
        lost.append(min(0.2 * share, 0.2 * share**2))
    assert sum(one > LOOSE.max_loss for one in lost) <= _at_most(0.1, 80)
    assert np.mean(lost) > 0.25 * LOOSE.max_loss


def test_where_nothing_can_be_shown_everything_goes_to_the_heavy_tier() -> None:
    assert furthest(PROMISE, np.zeros(500, int), np.ones(500), np.ones(500)) == -1


@pytest.mark.parametrize("seed", range(3))
def test_a_router_that_knows_saves_what_gains_nothing(seed: int) -> None:
    gains = (np.random.default_rng(seed).random(2000) < 0.3).astype(float)
    found = rungs(gains, gains)
    assert (found <= furthest(PROMISE, found, gains, np.ones(2000))).mean() == pytest.approx(1 - gains.mean())
