"""When two answers are the same: where texts are equal, or where a Route says so, where they mean the same."""

import asyncio

import numpy as np
import pytest

from control_plane.spec.models import Tier
from control_plane.spec.routes import SemanticCache as Policy
from routers.cache import slots
from routers.cache.answers import Kind, Meaning, answer_number, kind_of
from routers.cache.exact import Answer
from routers.cache.questions import Owner, Question
from routers.cache.semantic import SemanticCache
from tests.unit.routers.test_serving_semantic import TOPICS, Words


def meaning(text: str, degrees: float) -> Meaning:
    """Of a text, in a direction of a plane."""
    read, angle = slots.read(text), np.radians(degrees)
    assert read is not None
    return Meaning(np.array([np.cos(angle), np.sin(angle)], dtype=np.float32), read)


FIRST = meaning("It comes in 3 days.", 0)
KNOWN = Kind(answer_number("It comes in 3 days."), FIRST)


def test_equal_texts_are_the_same_but_for_space() -> None:
    assert answer_number(" It  comes.\n") == answer_number("It comes.") != answer_number("It came.")
    assert kind_of("It comes in  3 days.", None, [KNOWN], None) == KNOWN


def test_other_words_are_another_answer_where_texts_are_compared() -> None:
    said = "You have it in 3 days."
    assert kind_of(said, None, [KNOWN], None) == Kind(answer_number(said), None)


def test_other_words_are_the_same_answer_where_they_are_near() -> None:
    said = "you have it in 3 days"
    assert kind_of(said, meaning(said, 10), [KNOWN], 0.95) == KNOWN
    assert kind_of(said, meaning(said, 40), [KNOWN], 0.95).number == answer_number(said)


@pytest.mark.parametrize("said", ["It comes in 5 days.", "It never comes in 3 days.", "It comes in 3 days by Hermes."])
def test_another_number_name_or_negation_is_another_answer_however_near(said: str) -> None:
    assert kind_of(said, meaning(said, 0), [KNOWN], 0.5).number != KNOWN.number


def test_small_steps_do_not_lead_to_quite_another_answer() -> None:
    """Each is near the one before it, and compared with the first of its kind."""
    kinds = [KNOWN]
    for step in range(1, 10):
        said = f"{'so ' * step}it comes in 3 days"
        kinds.append(kind_of(said, meaning(said, 10.0 * step), kinds, 0.95))
    assert kinds[1] == KNOWN
    assert kinds[9].number != KNOWN.number
    for step, kind in enumerate(kinds):
        assert kind.first is not None
        assert float(kind.first.vector @ meaning("", 10.0 * step).vector) >= 0.95


def test_of_several_near_ones_the_nearest_is_the_same() -> None:
    other = Kind(7, meaning("in 3 days", 20))
    said = "it is 3 days"
    assert kind_of(said, meaning(said, 15), [KNOWN, other], 0.9) == other


async def hits(policy: Policy) -> tuple[int, int]:
    """Of a thousand questions whose answers are in other words each time: hits, and those with another topic's."""
    cache, found_hits, wrong = SemanticCache(2**22, Words), 0, 0
    for number in range(1000):
        topic = TOPICS[number % len(TOPICS)]
        question = Question(f"about my {topic}", b"p" * 32, Owner("t", "r", "v", "a"))
        found = await cache.look(question, policy)
        assert found is not None
        if found.look.hit is not None:
            found_hits += 1
            wrong += topic.encode() not in found.look.hit.payload.body
        else:
            said = f"{'well, ' * (number % 200)}it is {topic}"[-1900:] + "!" * (number // 200)
            cache.tell(found, said, Answer(b"", said.encode(), False, "m", Tier.LIGHT, None))
    await cache.close()
    return found_hits, wrong


def test_a_model_that_words_its_answers_anew_gets_hits_where_meanings_are_compared() -> None:
    lenient = {"maxErrorRate": 0.2, "confidence": 0.9}
    assert asyncio.run(hits(Policy.model_validate(lenient))) == (0, 0)
    found, wrong = asyncio.run(hits(Policy.model_validate({**lenient, "compare": "embedding"})))
    assert found > 100
    assert wrong == 0
