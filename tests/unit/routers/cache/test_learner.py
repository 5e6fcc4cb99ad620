"""A learner knows nothing, then answers, and stops where it errs; whatever it is told, and in whatever order."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from routers.cache.evidence import NEIGHBOURS, Neighbours
from routers.cache.guard import Promise
from routers.cache.learner import FIRST, Learner, Outcome, State


def outcome(near: float, right: bool = True, examines: bool = True, judged: bool = False) -> Outcome:
    """Of a request with three neighbours of one answer."""
    similarity, answer = np.zeros((1, NEIGHBOURS)), np.full((1, NEIGHBOURS), -1, dtype=np.int64)
    similarity[0, :3], answer[0, :3] = (near, near / 2, near / 4), 1
    row = Neighbours(similarity, answer, answer >= 0)
    return Outcome(row, 1 if right else 2, examines, judged, judged and not right)


def taught(count: int) -> Learner:
    """By so many outcomes of requests, the near ones right."""
    learner = Learner(Promise(0.2, 0.9))
    for number in range(count):
        near = number % 10 / 10
        learner.told(outcome(near, right=near > 0.3, examines=number % 2 == 0))
    learner.catch_up()
    return learner


def test_it_learns_once_there_are_enough_exams() -> None:
    assert taught(2 * FIRST - 2).state is State.LEARNING
    learner = taught(2 * FIRST)
    assert (learner.state, learner.exams, learner.lessons) == (State.ANSWERING, FIRST, FIRST)
    assert 0 < learner.explored < 1


def test_exams_without_a_lesson_teach_nothing() -> None:
    learner = Learner(Promise(0.2, 0.9))
    for _ in range(2 * FIRST):
        learner.told(outcome(0.5))
    learner.catch_up()
    assert learner.state is State.LEARNING


def test_what_was_promised_for_so_many_requests_ends_with_them() -> None:
    learner = taught(2 * FIRST)
    for _ in range(2 * FIRST):
        learner.decided()
    assert (learner.state, learner.explored) == (State.OFF, 1.0)
    learner.told(outcome(0.9))
    learner.catch_up()
    assert learner.state is State.ANSWERING


def test_many_errors_have_it_start_anew() -> None:
    learner = taught(2 * FIRST)
    for _ in range(100):
        learner.told(outcome(0.9, right=False, judged=True))
        if learner.state is State.LEARNING:
            break
    assert (learner.state, learner.exams, learner.lessons) == (State.LEARNING, 0, 0)


_OUTCOMES = st.builds(outcome, st.floats(-1, 1), st.booleans(), st.booleans(), st.booleans())


@settings(max_examples=25, deadline=None)
@given(st.lists(_OUTCOMES, min_size=1, max_size=5), st.integers(1, 600))
def test_nothing_that_it_is_told_breaks_it(some: list[Outcome], count: int) -> None:
    learner = Learner(Promise(0.2, 0.9))
    for number in range(count):
        learner.told(some[number % len(some)])
        if number % 64 == 0:
            learner.catch_up()
    learner.catch_up()
    assert 0 <= learner.explored <= 1
