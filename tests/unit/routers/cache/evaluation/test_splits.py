"""Splits: seeded, of all requests, and without a look at what is to be answered."""

import zlib
from collections.abc import Sequence

import numpy as np

from routers.cache.evaluation import splits
from routers.cache.evaluation.files import Intents, Pairs
from routers.cache.evaluation.requests import Couples, Stream
from routers.cache.guard import Promise
from routers.encoder import Vectors

PROMISE = Promise(0.05, 0.95)
TOPICS = "abcdefghij"


class Topics:
    """Vectors by a question's first letter, with some noise of its own. It knows no Chinese."""

    def embed(self, texts: Sequence[str]) -> Vectors:
        vectors = np.stack([self._one(text) for text in texts])
        unit: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return unit

    def knows(self, text: str) -> bool:
        return text.isascii()

    def _one(self, text: str) -> Vectors:
        noise = np.random.default_rng(zlib.crc32(text.encode())).normal(0, 0.1, len(TOPICS) + 5)
        noise[TOPICS.find(text[0])] += 1
        return noise.astype(np.float32)


def stream(count: int = 1200, start: str = "") -> Stream:
    """Questions of ten topics."""
    texts = [f"{start}{TOPICS[row % 10]} {'x' * (row // 10)}" for row in range(count)]
    return Stream(Intents(texts, [str(row % 10) for row in range(count)]), Topics(), lambda steps: None)


def test_questions_in_clear_regions_are_answered_and_the_bound_holds() -> None:
    learned, static = splits.evaluate(stream(), PROMISE, 5, 0, lambda steps: None)
    assert learned.hit_rate > 0.9
    assert learned.error_rate == 0 == learned.violation_share
    assert static.hit_rate > 0.9


def test_the_same_seed_gives_the_same_figures_and_another_gives_others() -> None:
    requests = stream()
    assert splits.run(requests, PROMISE, 3) == splits.run(requests, PROMISE, 3)
    assert splits.run(requests, PROMISE, 3) != splits.run(requests, PROMISE, 4)


def test_what_is_verified_is_no_hit() -> None:
    requests = stream()
    assert splits.run(requests, PROMISE, 0, verified=1.0).learned.hits == 0
    assert splits.run(requests, PROMISE, 0, verified=0.0).learned.hits > 0.9


def test_labels_drawn_by_chance_are_never_answered() -> None:
    texts = [f"{TOPICS[row % 10]} {'x' * (row // 10)}" for row in range(1200)]
    intents = np.random.default_rng(0).integers(0, 10, 1200).astype(str).tolist()
    learned, _ = splits.evaluate(
        Stream(Intents(texts, intents), Topics(), lambda steps: None), PROMISE, 5, 0, lambda steps: None
    )
    assert learned.error_rate <= PROMISE.max_error_rate
    assert learned.hit_rate < 0.1


def test_a_question_that_the_encoder_cannot_read_is_neither_answered_nor_believed() -> None:
    learned, static = splits.evaluate(stream(start="问"), PROMISE, 3, 0, lambda steps: None)
    assert learned.hit_rate == 0
    assert static.hit_rate == 0


def test_no_question_is_its_own_neighbour() -> None:
    requests = stream(100)
    everything = np.ones(100, dtype=np.bool_)
    found = requests.outcomes(np.arange(100), everything).neighbours
    assert found.similarity.max() < 1 - 1e-6


def test_pairs_meet_their_own_entry_alone() -> None:
    count = 1200
    cached = [f"{TOPICS[row % 10]} {'x' * (row // 10)}" for row in range(count)]
    asked = [f"{TOPICS[(row + (row % 2)) % 10]} {'y' * (row // 10)}" for row in range(count)]
    requests = Couples(Pairs(cached, asked, [row % 2 == 0 for row in range(count)]), Topics(), lambda steps: None)
    learned, _ = splits.evaluate(requests, PROMISE, 3, 0, lambda steps: None)
    assert 0.4 < learned.hit_rate < 0.55
    assert learned.error_rate <= PROMISE.max_error_rate


def test_progress_counts_each_question_twice() -> None:
    steps: list[int] = []
    Stream(Intents(["a x", "b x", "a x"] * 20, ["1"] * 60), Topics(), steps.append)
    assert sum(steps) == 120
