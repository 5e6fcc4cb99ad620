"""The policy answers where the entries around a question agree, and nowhere else."""

import math

import numpy as np
import pytest

from routers.cache.evidence import Evidence, Neighbours
from routers.cache.guard import Promise
from routers.cache.policy import Outcomes, Policy

PROMISE = Promise(0.05, 0.95)


def around(similarity: list[float], answer: list[int], compatible: list[bool] | None = None) -> Neighbours:
    """One question's neighbours."""
    able = [True] * len(answer) if compatible is None else compatible
    return Neighbours(np.array([similarity]), np.array([answer]), np.array([able]))


def world(count: int, seed: int) -> Outcomes:
    """Questions of two regions: in one the five neighbours agree and are right, in the other they are at odds and right
    by chance. Similarities tell nothing."""
    chance = np.random.default_rng(seed)
    similarity = -np.sort(-chance.uniform(0.9, 1.0, (count, 5)), axis=1)
    calm = chance.random(count) < 0.5
    answer = np.where(calm[:, None], 1, chance.integers(1, 4, (count, 5)))
    truth = np.where(calm, 1, chance.integers(1, 4, count))
    return Outcomes(Neighbours(similarity, answer, np.ones((count, 5), dtype=np.bool_)), truth)


def learned() -> Policy:
    """From 2,000 of them."""
    return Policy.learn(world(1000, 1), world(1000, 2), 1000, PROMISE)


def test_the_same_similarity_is_a_hit_among_agreement_and_none_among_strife() -> None:
    policy = learned()
    similarity = [0.99, 0.97, 0.95, 0.93, 0.92]
    assert policy.decide(around(similarity, [1, 1, 1, 1, 1])).hit.all()
    assert not policy.decide(around(similarity, [1, 2, 3, 2, 3])).hit.any()


def test_what_it_answers_afresh_keeps_the_promise_and_is_most_of_what_can_be_known() -> None:
    fresh = world(1000, 3)
    verdict = learned().decide(fresh.neighbours)
    assert (verdict.hit & ~fresh.right(verdict.chosen)).mean() <= PROMISE.max_error_rate
    assert verdict.hit.mean() > 0.45


def test_an_entry_whose_slots_differ_votes_but_never_answers() -> None:
    found = Evidence.of(around([0.99, 0.98, 0.97], [1, 1, 2], [False, True, True]), spread=0.05)
    assert found.chosen.tolist() == [1]
    nobody = around([0.99] * 5, [1] * 5, [False] * 5)
    assert Evidence.of(nobody, spread=0.05).chosen.tolist() == [-1]
    assert not learned().decide(nobody).hit.any()


def test_a_question_alone_in_the_cache_is_not_answered() -> None:
    alone = around([0.0, 0.0], [-1, -1])
    verdict = learned().decide(alone)
    assert verdict.chosen.tolist() == [-1] and not verdict.hit.any()
    assert verdict.score.tolist() == [-math.inf]


@pytest.mark.parametrize("factor", [0.1, 3.0])
def test_evidence_is_the_same_on_another_encoders_scale(factor: float) -> None:
    near = world(50, 4).neighbours
    far = Neighbours(1 - factor * (1 - near.similarity), near.answer, near.compatible)
    one, other = (Evidence.of(each, each.spread()).features for each in (near, far))
    np.testing.assert_allclose(one, other, rtol=1e-6)


def test_without_enough_exams_nothing_is_answered() -> None:
    policy = Policy.learn(world(1000, 1), world(30, 2), 1000, PROMISE)
    assert policy.threshold == math.inf
    assert not policy.decide(world(100, 3).neighbours).hit.any()


def test_without_any_lesson_nothing_is_answered() -> None:
    nobody = world(1000, 1)
    barred = Neighbours(nobody.neighbours.similarity, nobody.neighbours.answer, nobody.neighbours.compatible & False)
    policy = Policy.learn(Outcomes(barred, nobody.truth), world(1000, 2), 1000, PROMISE)
    assert not policy.decide(world(100, 3).neighbours).hit.any()
