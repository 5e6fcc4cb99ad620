"""A contract is broken no more often than it says, whatever the scores."""

import math

import numpy as np
import pytest

from routers.learning.contract import LADDER, Contract, keep, shows
from routers.learning.pairs import Vector

PROMISE = Contract(0.02, 0.95)


def _losses(mean: float, count: int, generator: np.random.Generator) -> Vector:
    return generator.choice([1.0, -1.0, 0.0], count, p=[0.06 + mean, 0.06, 0.88 - mean])


def test_a_loss_at_the_bound_is_seldom_taken_for_less() -> None:
    generator = np.random.default_rng(0)
    wrong = sum(shows(_losses(0.02, 1000, generator), PROMISE) for _ in range(600))
    assert wrong <= 0.05 * 600 + 2 * math.sqrt(600 * 0.05 * 0.95)


def test_a_loss_well_below_the_bound_is_shown() -> None:
    generator = np.random.default_rng(0)
    assert sum(shows(_losses(-0.01, 3000, generator), PROMISE) for _ in range(100)) >= 95


def test_nothing_is_shown_by_nothing() -> None:
    assert not shows(np.zeros(0), PROMISE)
    assert not shows(np.zeros(20), PROMISE)


def test_the_threshold_that_is_kept_breaks_the_bound_in_one_of_twenty_draws_at_most() -> None:
    generator = np.random.default_rng(1)

    def gain(scores: Vector) -> Vector:
        return (generator.random(len(scores)) < scores).astype(float)

    broken = 0
    for seed in range(200):
        scores = generator.random(800) * 0.4
        kept = keep(PROMISE, LADDER * 0.4, scores, gain(scores), seed)
        true_loss = (kept.threshold / 0.4) * kept.threshold / 2 if math.isfinite(kept.threshold) else 0.0
        broken += true_loss > PROMISE.max_loss
    assert broken <= 10 + 2 * math.sqrt(200 * 0.05 * 0.95)


def test_where_nothing_can_be_shown_everything_goes_to_the_heavy_tier() -> None:
    kept = keep(PROMISE, LADDER, np.full(500, 0.0), np.ones(500), seed=0)
    assert kept.threshold == -math.inf and kept.saved == 0


@pytest.mark.parametrize("seed", range(3))
def test_a_router_that_knows_saves_what_gains_nothing(seed: int) -> None:
    gains = (np.random.default_rng(seed).random(2000) < 0.3).astype(float)
    assert keep(PROMISE, LADDER, gains, gains, seed).saved == pytest.approx(1 - gains.mean())
