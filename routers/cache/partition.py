"""A partition of the semantic cache: its entries, what was learned about them, and what may be answered.

All that share a partition may have each other's answers: one tenant, one revision of a Route, one arm, one prompt and
way of sampling. No I/O, no clock, no global chance. Not for several threads at once.

A share of the requests, drawn by chance before anything is looked up, *explores*: it is answered afresh whatever the
cache would say, and the answer compared. Only these teach and examine the policy, for they are a fair sample of all. At
first all requests explore; the more exams there are, the fewer, down to EXPLORED.
"""

import hashlib
import random
from collections import OrderedDict, deque
from collections.abc import Sequence
from typing import Generic, NamedTuple, TypeVar

import numpy as np

from routers.cache import slots
from routers.cache.evidence import NEIGHBOURS, Neighbours
from routers.cache.guard import Promise
from routers.cache.index import VectorIndex
from routers.cache.policy import RESERVED, Outcomes, Policy
from routers.cache.slots import Slots
from routers.cache.watch import Watch
from routers.encoder import Vectors

EXPLORED = 0.05
"""Share of requests that goes on exploring."""
FIRST = 200
"""Exams before the policy is learned for the first time."""
GROWTH = 1.25
"""So many times as many exams, and it is learned again; each mistake has it learned again at once."""
ENOUGH = 1000
"""Exams with which no more than EXPLORED go on."""
WINDOW = 2000
"""Latest lessons, and exams, that are learned from."""
FRESH_PER_EXAM = 2.0
"""For how many requests more a threshold is promised to hold, in exams. Then it has to be learned again."""

T = TypeVar("T")


class Entry(NamedTuple, Generic[T]):
    """A question and what was answered. `expires_at` is of the clock that callers go by."""

    slots: Slots
    answer: int
    expires_at: float
    size_bytes: int
    payload: T

    def gives(self, answer: str) -> bool:
        """Whether it has this answer."""
        return self.answer == answer_number(answer)


class Look(NamedTuple, Generic[T]):
    """What the cache makes of a question. `hit` is None where a model has to answer."""

    hit: Entry[T] | None
    would_be: Entry[T] | None
    """What would be answered if the question did not explore."""
    explores: bool
    neighbours: Neighbours
    score: float


class Partition(Generic[T]):
    """Learns from what it is told. Bounded in entries and bytes; the oldest go first."""

    def __init__(self, promise: Promise, width: int, seed: int, max_bytes: int, max_entries: int = 100_000) -> None:
        self._promise = promise
        self._bounds = (max_bytes, max_entries)
        self._chance = random.Random(seed)
        self._index = VectorIndex(width)
        self._entries: OrderedDict[int, Entry[T]] = OrderedDict()
        self._next = 0
        self.size_bytes = 0
        self._lessons: deque[Outcomes] = deque(maxlen=WINDOW)
        self._exams: deque[Outcomes] = deque(maxlen=WINDOW)
        self._policy: Policy | None = None
        self._due = FIRST
        self._left = 0
        self.watch = self._fresh_watch()

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def answers(self) -> bool:
        """Whether anything may be answered at present."""
        return self._policy is not None and self._policy.threshold < np.inf and self._left > 0

    def look(self, vector: Vectors, asked: Slots, now: float) -> Look[T]:
        """What a question gets. `vector` is a unit vector of shape (width,)."""
        explores = not self.answers or self._chance.random() < max(EXPLORED, 1 - len(self._exams) / ENOUGH)
        numbers, similarities = self._living(vector, now)
        neighbours = self._around(numbers, similarities, asked)
        if self._policy is None or not numbers:
            return Look(None, None, explores, neighbours, -np.inf)
        verdict = self._policy.decide(neighbours)
        self._left -= 1
        would_be = self._entries[numbers[int(verdict.chosen[0])]] if verdict.hit[0] else None
        hit = None if explores or not self.answers else would_be
        return Look(hit, would_be, explores, neighbours, float(verdict.score[0]))

    def learn(self, look: Look[T], answer: str) -> None:
        """What a model answered to a question that was looked up; teaches where it explored."""
        if not look.explores:
            return
        outcome = Outcomes(look.neighbours, np.array([answer_number(answer)]))
        (self._exams if self._chance.random() < 0.5 else self._lessons).append(outcome)
        wrong = look.would_be is not None and not look.would_be.gives(answer)
        if self._policy is not None:
            self.watch = self.watch.told(wrong)
        if self.watch.broken:  # requests are not what they were: what was learned from them is worth nothing
            self._lessons.clear()
            self._exams.clear()
            self._policy, self._due, self.watch = None, FIRST, self._fresh_watch()
        enough = len(self._exams) >= self._due
        if enough or (self._policy is not None and (wrong or self._left <= 0)):
            self._relearn()

    def _relearn(self) -> None:
        fresh = int(FRESH_PER_EXAM * len(self._exams))
        self._policy = Policy.learn(_together(self._lessons), _together(self._exams), fresh, self._promise)
        self._left = fresh
        self._due = min(int(GROWTH * len(self._exams)) + 1, WINDOW + 1)

    def _living(self, vector: Vectors, now: float) -> tuple[list[int], list[float]]:
        found = list(zip(*self._index.search(vector), strict=True))
        for number, _ in found:
            if self._entries[number].expires_at <= now:
                self._drop(number)
        living = [(number, similarity) for number, similarity in found if number in self._entries]
        return [number for number, _ in living], [similarity for _, similarity in living]

    def _around(self, numbers: Sequence[int], similarities: Sequence[float], asked: Slots) -> Neighbours:
        """One row, filled up to NEIGHBOURS, so that rows can be put together."""
        count = len(numbers)
        similarity, answer = np.zeros((1, NEIGHBOURS)), np.full((1, NEIGHBOURS), -1, dtype=np.int64)
        compatible = np.zeros((1, NEIGHBOURS), dtype=np.bool_)
        entries = [self._entries[number] for number in numbers]
        similarity[0, :count] = similarities
        answer[0, :count] = [entry.answer for entry in entries]
        compatible[0, :count] = [slots.differing(asked, entry.slots) is None for entry in entries]
        return Neighbours(similarity, answer, compatible)

    def keep(self, vector: Vectors, asked: Slots, answer: str, payload: T, expires_at: float, size_bytes: int) -> None:
        """Remember a question and its answer. One larger than the whole partition is not kept."""
        entry = Entry(asked, answer_number(answer), expires_at, size_bytes, payload)
        max_bytes, max_entries = self._bounds
        if entry.size_bytes > max_bytes:
            return
        self._index.add(self._next, vector)
        self._entries[self._next] = entry
        self._next += 1
        self.size_bytes += entry.size_bytes
        while self.size_bytes > max_bytes or len(self._entries) > max_entries:
            self._drop(next(iter(self._entries)))

    def _drop(self, number: int) -> None:
        self._index.remove(number)
        self.size_bytes -= self._entries.pop(number).size_bytes

    def _fresh_watch(self) -> Watch:
        return Watch(self._promise.max_error_rate, RESERVED * (1 - self._promise.confidence))


def answer_number(answer: str) -> int:
    """The same for answers that are equal but for space: what "the same answer" means here."""
    return int.from_bytes(hashlib.sha256(" ".join(answer.split()).encode()).digest()[:8]) >> 1


def _together(outcomes: Sequence[Outcomes]) -> Outcomes:
    rows = [outcome.neighbours for outcome in outcomes]
    return Outcomes(
        Neighbours(
            np.concatenate([row.similarity for row in rows]),
            np.concatenate([row.answer for row in rows]),
            np.concatenate([row.compatible for row in rows]),
        ),
        np.concatenate([outcome.truth for outcome in outcomes]),
    )
