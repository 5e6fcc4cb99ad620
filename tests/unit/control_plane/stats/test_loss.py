"""What is lost in service is known of each request, and a promise that is broken stays so."""

from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from control_plane.stats.loss import LossWatch
from tests.unit.control_plane.stats.losses import World, watched


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
