"""Off-policy estimates on simulated requests whose truth is known."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from routers.learning.off_policy import Logged, Mask, judge

EXPLORATION = 0.2


class World(NamedTuple):
    """Requests, the policy that is judged, and what it truly loses on average."""

    logged: Logged
    light: Mask
    loss: float


def simulated(count: int, seed: int) -> World:
    """The light tier is as good as the heavy one where the gain is low. It was logged with another threshold."""
    draw = np.random.default_rng(seed)
    gains = draw.uniform(-0.2, 0.4, count)
    light_right = np.clip(0.85 - gains, 0, 1)
    behaves_light = gains < 0.1
    propensity_of_light = np.where(behaves_light, 1 - EXPLORATION / 2, EXPLORATION / 2)
    heavy = draw.random(count) >= propensity_of_light
    rewards = (draw.random(count) < np.where(heavy, 0.85, light_right)).astype(float)
    propensities = np.where(heavy, 1 - propensity_of_light, propensity_of_light)
    light = gains < 0.2
    # The mean of max(gain, -0.15 cut at 1) over the uniform part below 0.2, whose share is 2/3.
    grid = np.linspace(-0.2, 0.2, 100_001)
    loss = float((0.85 - np.clip(0.85 - grid, 0, 1)).mean() * 2 / 3)
    return World(Logged(gains, heavy, propensities, rewards), light, loss)


def test_both_estimates_are_unbiased_and_the_doubly_robust_one_is_sharper() -> None:
    worlds = [simulated(1000, seed) for seed in range(200)]
    judged = [judge(one.logged, one.light) for one in worlds]
    for found in ([one.loss.value for one in judged], [one.loss_by_propensity.value for one in judged]):
        assert abs(np.mean(found) - worlds[0].loss) < 4 * np.std(found) / len(found) ** 0.5
    widths = [
        [one.loss.high - one.loss.low, one.loss_by_propensity.high - one.loss_by_propensity.low] for one in judged
    ]
    robust, weighted = np.mean(widths, axis=0)
    assert robust < 0.6 * weighted


def test_the_intervals_hold_the_truth_as_often_as_is_stated() -> None:
    held = np.zeros(2)
    for seed in range(300):
        world = simulated(1000, seed)
        found = judge(world.logged, world.light)
        held += [one.low <= world.loss <= one.high for one in (found.loss, found.loss_by_propensity)]
    assert (held >= 0.92 * 300).all()


def test_asking_the_heavy_tier_always_loses_nothing() -> None:
    world = simulated(500, 1)
    found = judge(world.logged, np.zeros(500, dtype=bool))
    assert (found.loss.value, found.loss_by_propensity.value, found.heavy_share) == (0, 0, 1)
    assert "saves nothing" in found.warnings[0]


def test_what_was_always_given_one_tier_cannot_be_judged_and_that_is_said() -> None:
    logged = simulated(500, 1).logged
    always = replace(logged, heavy=np.ones(500, dtype=bool), propensities=np.ones(500))
    found = judge(always, np.ones(500, dtype=bool))
    assert any("nothing was logged of the light tier" in said for said in found.warnings)
    assert found.effective_size == 0


def test_requests_that_hardly_ever_get_their_tier_are_warned_of() -> None:
    world = simulated(500, 1)
    rare = replace(world.logged, propensities=np.where(np.arange(500) < 3, 0.001, world.logged.propensities))
    assert any(said.startswith("3 requests had a propensity below 0.01") for said in judge(rare, world.light).warnings)


def test_the_effective_size_is_the_number_of_requests_where_all_weigh_the_same() -> None:
    world = simulated(800, 2)
    even = replace(world.logged, heavy=~world.light, propensities=np.full(800, 0.5))
    assert judge(even, world.light).effective_size == 800


def test_overlap_is_not_warned_of_where_it_is_good() -> None:
    world = simulated(1000, 3)
    assert judge(world.logged, world.light).warnings == ()
