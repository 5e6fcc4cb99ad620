"""APGR and CPT are what RouteLLM says they are."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_plane.spec.errors import TiermeshError
from routers.learning.curves import SHARES, Block, quality

_GAINS = st.lists(st.sampled_from([-1.0, 0.0, 1.0]), min_size=2, max_size=60).filter(lambda gains: sum(gains) > 0)


def _block(scores: list[float], gains: list[float]) -> Block:
    return Block(np.array(scores), np.array(gains))


def test_a_ranking_by_hand() -> None:
    found = quality([_block([4, 3, 2, 1], [1, 0, 1, 0])], seed=0, resamples=10)
    assert found.apgr == pytest.approx(0.0625 + 0.125 + 0.1875 + 0.25)
    assert found.curve[[0, 250, 500, 750, 1000]].tolist() == [0, 0.5, 0.5, 1, 1]
    assert [found.cpt50, found.cpt80] == pytest.approx([0.25, 0.65])


@given(_GAINS)
def test_equal_scores_are_chance(gains: list[float]) -> None:
    found = quality([_block([0.0] * len(gains), gains)], seed=0, resamples=2)
    assert found.apgr == pytest.approx(0.5)
    assert [found.cpt50, found.cpt80] == pytest.approx([0.5, 0.8])


@given(_GAINS, st.integers(0, 9))
def test_no_ranking_is_better_than_that_by_the_gain_itself(gains: list[float], seed: int) -> None:
    scores = np.random.default_rng(seed).random(len(gains)).tolist()
    best = quality([_block(gains, gains)], seed=0, resamples=2)
    assert quality([_block(scores, gains)], seed=0, resamples=2).apgr <= best.apgr + 1e-9


def test_each_block_sends_the_same_share_whatever_its_scale() -> None:
    low, high = _block([0.1, 0.2], [0, 1]), _block([10, 20], [0, 1])
    assert quality([low, high], seed=0, resamples=2).curve[500] == pytest.approx(1)


def test_the_interval_holds_the_estimate_and_is_the_same_for_the_same_seed() -> None:
    generator = np.random.default_rng(1)
    block = Block(generator.random(200), (generator.random(200) < 0.3).astype(float))
    one, other = quality([block], seed=3), quality([block], seed=3)
    assert one.apgr_ci == other.apgr_ci
    assert one.apgr_ci[0] < one.apgr < one.apgr_ci[1]
    assert np.all(one.low <= one.high) and len(one.curve) == len(SHARES)


def test_a_heavy_tier_that_gains_nothing_is_an_error() -> None:
    with pytest.raises(TiermeshError, match="no better than the light"):
        quality([_block([1, 2], [1, -1])], seed=0)
