"""What is lost in service: estimates that are right on average, and promises that are found out and not slandered."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from control_plane.stats.loss import LossWatch


class World(NamedTuple):
    """Requests of which a share goes to the light tier, and how often each tier is right on those."""

    below: float
    light: float
    heavy: float

    @property
    def loss(self) -> float:
        return self.below * (self.heavy - self.light)

    def rounds(self, count: int, seed: int) -> Iterator[tuple[bool, bool, float]]:
        draw = np.random.default_rng(seed)
        below, heavy = draw.random(count) < self.below, draw.random(count) < 0.5
        rewards = (draw.random(count) < np.where(heavy, self.heavy, self.light)).astype(float)
        yield from zip(below.tolist(), heavy.tolist(), rewards.tolist(), strict=True)


def watched(world: World, count: int, seed: int, max_loss: float = 0.02) -> LossWatch:
    watch = LossWatch(max_loss, 0.95)
    for one in world.rounds(count, seed):
        watch = watch.told(*one)
    return watch


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


def test_what_is_broken_once_stays_broken() -> None:
    watch = watched(World(below=1, light=0, heavy=1), 100, 0)
    assert watch.broken
    for one in World(below=1, light=1, heavy=1).rounds(500, 1):
        watch = watch.told(*one)
    assert watch.broken


def test_few_requests_say_nothing() -> None:
    watch = watched(World(below=1, light=0, heavy=1), 5, 0)
    assert (watch.broken, watch.shown) == (False, False)
    assert (watch.doubly_robust.low, watch.doubly_robust.high) == (-1, 1)


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.floats(0, 1)), max_size=60), st.floats(0.001, 0.5))
@settings(max_examples=50)
def test_nobody_ever_owes_and_it_can_be_written_down(rounds: list[tuple[bool, bool, float]], max_loss: float) -> None:
    watch = LossWatch(max_loss, 0.95)
    for one in rounds:
        watch = watch.told(*one)
    assert np.isfinite([*watch.against, *watch.in_favour]).all()
    assert LossWatch(**asdict(watch)) == watch


@pytest.mark.parametrize("heavy", [True, False])
def test_what_the_policy_sends_to_the_heavy_tier_loses_nothing(heavy: bool) -> None:
    watch = LossWatch(0.02, 0.95).told(below=False, heavy=heavy, reward=0.0)
    assert (watch.seen, watch.below, watch.robust) == (1, 0, (0.0, 0.0))
