"""A partition learns from what it is told, answers where it may, and stops where answers change."""

import random

import numpy as np
import pytest

from routers.cache import slots
from routers.cache.answers import Kind, answer_number
from routers.cache.guard import Promise
from routers.cache.learner import EXPLORED
from routers.cache.partition import Look, Partition
from routers.cache.slots import Slots
from routers.encoder import Vectors

WIDTH, TOPICS = 16, 8
TOPIC_VECTORS = np.eye(WIDTH, dtype=np.float32)[:TOPICS]


def read(text: str) -> Slots:
    """Its slots."""
    found = slots.read(text)
    assert found is not None
    return found


def vector(topic: int, chance: np.random.Generator) -> Vectors:
    """Some wording of a topic."""
    noisy = TOPIC_VECTORS[topic] + chance.normal(0, 0.08, WIDTH)
    return np.asarray(noisy / np.linalg.norm(noisy), dtype=np.float32)


class Shop:
    """Asks a partition about its topics; a model's answer is the topic's, until `answers` says otherwise."""

    def __init__(self, max_bytes: int = 2**20, max_entries: int = 10_000, error_rate: float = 0.05) -> None:
        self.partition: Partition[str] = Partition(Promise(error_rate, 0.95), WIDTH, 0, max_bytes, max_entries)
        self.answers = [f"answer {topic}" for topic in range(TOPICS)]
        self.chance, self.topics = np.random.default_rng(1), random.Random(1)
        self.hits = self.wrong = 0

    def ask(self, text: str = "what now", now: float = 0.0, answer: str | None = None) -> Look[str]:
        topic = self.topics.randrange(TOPICS)
        asked, near, right = read(text), vector(topic, self.chance), answer or self.answers[topic]
        look = self.partition.look(near, asked, now)
        if look.hit is None:
            self.partition.learn(look, answer_number(right))
            self.partition.keep(near, asked, Kind(answer_number(right), None), right, now + 100, 10)
        else:
            self.hits += 1
            self.wrong += look.hit.payload != right
        return look

    def many(self, count: int) -> None:
        self.hits = self.wrong = 0
        for _ in range(count):
            self.ask()


@pytest.fixture(scope="module")
def grown() -> Shop:
    """One that has learned; tests leave it as it is, but for more of the same traffic."""
    shop = Shop()
    shop.many(1500)
    return shop


def test_nothing_is_answered_before_enough_is_known() -> None:
    shop = Shop()
    shop.many(200)
    assert shop.hits == 0
    assert not shop.partition.learner.answers


def test_most_is_answered_afterwards_and_rightly(grown: Shop) -> None:
    grown.many(300)
    assert grown.hits > 150
    assert grown.wrong == 0


def test_a_share_goes_on_exploring_and_is_answered_afresh(grown: Shop) -> None:
    looks = [grown.ask() for _ in range(300)]
    explored = [look for look in looks if look.explores]
    assert EXPLORED < len(explored) / 300 < 0.6
    assert all(look.hit is None for look in explored)
    assert any(look.would_be is not None for look in explored)


def test_a_question_about_another_order_is_never_a_hit(grown: Shop) -> None:
    for number in range(100):
        assert grown.ask(f"where is order {number}?", answer=f"order {number}").hit is None


@pytest.mark.parametrize(
    ("known", "same", "other"),
    [
        ("a flight to paris", "flights to Paris please", "a flight to london"),
        ("给张伟打电话", "打电话给张伟", "给李娜打电话"),
    ],
)
def test_a_question_about_another_name_is_never_a_hit(known: str, same: str, other: str) -> None:
    shop = Shop()
    for _ in range(800):
        shop.ask(known)
    assert any(shop.ask(same).hit for _ in range(20))
    assert not any(shop.ask(other, answer=f"answer {number}").hit for number in range(20))


def test_answers_that_are_all_different_are_never_given_to_another() -> None:
    shop = Shop()
    for number in range(1000):
        assert shop.ask(answer=f"answer {number}").hit is None


def test_when_answers_change_it_stops_and_learns_anew() -> None:
    shop = Shop()
    shop.many(1500)
    shop.answers = [f"another answer {topic}" for topic in range(TOPICS)]
    shop.many(300)
    assert shop.wrong < 150
    shop.many(700)
    assert shop.wrong / 700 < 0.05


def test_an_entry_that_is_too_old_answers_nobody() -> None:
    shop = Shop()
    shop.many(300)
    assert shop.ask(now=99.0).neighbours.answer.max() >= 0
    near = shop.ask(now=101.0).neighbours.answer
    assert (near >= 0).sum() == 1  # what was asked at 99
    assert len(shop.partition) == 2


def test_entries_and_bytes_are_bounded_and_the_oldest_go_first() -> None:
    shop = Shop(max_entries=50)
    shop.many(100)
    assert len(shop.partition) == 50
    narrow = Shop(max_bytes=205)
    narrow.many(100)
    assert len(narrow.partition) == 20
    assert narrow.partition.size_bytes == 200


def test_the_same_traffic_is_treated_the_same() -> None:
    one, other = Shop(), Shop()
    one.many(700)
    other.many(700)
    assert (one.hits, one.wrong) == (other.hits, other.wrong)
