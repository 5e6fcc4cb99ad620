"""The guard keeps its promise for the next requests, and no stricter rule than it needs."""

import math

import numpy as np
import pytest

from routers.cache.guard import Promise, threshold

SEEN, FRESH, DEALS = 400, 400, 4000


def broken(promise: Promise, mistakes: int, tolerated: int) -> float:
    """The share of random deals of one population in which fresh mistakes are above the bound. The surest are wrong."""
    chance = np.random.default_rng(7)
    scores = np.arange(SEEN + FRESH, 0, -1, dtype=np.float64)
    wrong = np.arange(SEEN + FRESH) < mistakes
    count = 0
    for _ in range(DEALS):
        dealt = chance.permutation(SEEN + FRESH)
        seen, fresh = dealt[:SEEN], dealt[SEEN:]
        limit = threshold(scores[seen], wrong[seen], tolerated)
        count += (wrong[fresh] & (scores[fresh] > limit)).sum() > promise.max_error_rate * FRESH
    return count / DEALS


@pytest.mark.parametrize(("rate", "confidence"), [(0.05, 0.95), (0.03, 0.9), (0.02, 0.99)])
def test_a_promise_is_broken_as_seldom_as_it_says_however_bad_the_scores_are(rate: float, confidence: float) -> None:
    promise = Promise(rate, confidence)
    tolerated = promise.tolerated(SEEN, FRESH)
    noise = 3 * math.sqrt((1 - confidence) / DEALS)
    assert broken(promise, 300, tolerated) <= 1 - confidence + noise
    assert broken(promise, 300, tolerated + 2) > 1 - confidence + noise


def test_outcomes_too_few_to_know_anything_let_nothing_through() -> None:
    promise = Promise(0.01, 0.95)
    assert promise.tolerated(100, 100) == -1
    assert threshold(np.array([1.0]), np.array([False]), -1) == math.inf


def test_a_bound_that_cannot_be_broken_lets_everything_through() -> None:
    assert Promise(1.0, 0.95).tolerated(10, 10) == 10


def test_more_outcomes_let_more_through() -> None:
    promise = Promise(0.01, 0.95)
    shares = [promise.tolerated(count, 5000) / count for count in (1000, 5000, 25000)]
    assert shares == sorted(shares) and shares[-1] < 0.01


def test_the_threshold_lets_through_as_many_mistakes_as_tolerated_and_ties_with_none_more() -> None:
    scores = np.array([5.0, 4.0, 3.0, 3.0, 2.0])
    wrong = np.array([False, True, True, False, True])
    assert threshold(scores, wrong, 0) == 4.0
    assert threshold(scores, wrong, 1) == 3.0
    assert threshold(scores, wrong, 3) == -math.inf
