"""What is lost in service, over many simulated Routes: estimates that are right on average, and promises that are found
out and not slandered."""

import numpy as np

from control_plane.stats.loss import LossWatch
from tests.unit.control_plane.stats.losses import World, watched

AT_THE_BOUND = World(below=0.4, light=0.75, heavy=0.8)
"""Loses 0.02."""


def test_both_estimates_are_unbiased_and_the_doubly_robust_one_varies_less() -> None:
    world = World(below=0.5, light=0.6, heavy=0.9)
    ended = [watched(world, 400, seed) for seed in range(200)]
    robust, weighted = (
        np.array([[one.doubly_robust.value, one.by_propensity.value][which] for one in ended]) for which in (0, 1)
    )
    for found in (robust, weighted):
        assert abs(found.mean() - world.loss) < 4 * found.std() / len(found) ** 0.5
    assert robust.std() < 0.7 * weighted.std()


def test_a_promise_at_its_bound_is_called_broken_and_called_shown_at_most_as_often_as_is_stated() -> None:
    ended = [watched(AT_THE_BOUND, 1200, seed) for seed in range(80)]
    assert sum(one.broken for one in ended) <= 4
    assert sum(one.shown for one in ended) <= 4


def test_a_promise_that_is_well_kept_is_never_called_broken_and_shown_in_the_end() -> None:
    ended = [watched(World(below=0.4, light=0.85, heavy=0.8), 4000, seed) for seed in range(20)]
    assert sum(one.broken for one in ended) == 0
    assert sum(one.shown for one in ended) >= 17


def test_a_promise_that_is_broken_by_far_is_found_out() -> None:
    ended = [watched(World(below=0.5, light=0.5, heavy=0.8), 1000, seed) for seed in range(40)]
    assert sum(one.broken for one in ended) >= 38
    assert sum(one.shown for one in ended) == 0


def test_the_intervals_hold_the_truth_at_all_times_as_often_as_is_stated() -> None:
    world, missed = World(below=0.5, light=0.7, heavy=0.8), 0
    for seed in range(40):
        watch, out = LossWatch(0.02, 0.95), False
        for one in world.rounds(1000, seed):
            watch = watch.told(*one)
            found = watch.doubly_robust
            out = out or not found.low <= world.loss <= found.high
        missed += out
    assert missed <= 4
