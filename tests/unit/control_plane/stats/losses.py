"""Simulated requests of a learned router, and what a watch makes of them."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

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
