"""A partition of the semantic cache: its entries, what was learned about them, and what may be answered.

All that share a partition may have each other's answers: one tenant, one revision of a Route, one arm, one prompt and
way of sampling. No I/O, no clock, no global chance. Not for several threads at once.

A share of the requests, drawn by chance before anything is looked up, *explores*: it is answered afresh whatever the
cache would say, and the answer compared. Only these teach and examine the policy, for they are a fair sample of all. At
first all requests explore; the more exams there are, the fewer, down to `learner.EXPLORED`.
"""

import math
import random
from collections import OrderedDict
from collections.abc import Sequence
from typing import Generic, NamedTuple, TypeVar

import numpy as np

from routers.cache import slots
from routers.cache.answers import Kind
from routers.cache.evidence import NEIGHBOURS, Neighbours
from routers.cache.guard import Promise
from routers.cache.index import VectorIndex
from routers.cache.learner import Learner, Outcome
from routers.cache.policy import Verdict
from routers.cache.slots import Slots
from routers.encoder import Vectors

T = TypeVar("T")


class Entry(NamedTuple, Generic[T]):
    """A question and what was answered. `expires_at` is of the clock that callers go by."""

    slots: Slots
    kind: Kind
    """Of its answer: equal numbers are the same answer."""
    expires_at: float
    size_bytes: int
    payload: T


class Look(NamedTuple, Generic[T]):
    """What the cache makes of a question. `hit` is None where a model has to answer."""

    hit: Entry[T] | None
    would_be: Entry[T] | None
    """What would be answered if the question did not explore."""
    explores: bool
    neighbours: Neighbours
    score: float
    known: tuple[Kind, ...] = ()
    """Of the answers near it."""

    @property
    def candidates(self) -> tuple[Kind, ...]:
        """The kinds of those near answers that it may get: of what it would be answered first, then the nearest."""
        may = self.neighbours.compatible[0, : len(self.known)]
        first = [] if self.would_be is None else [self.would_be.kind]
        near = [kind for kind, able in zip(self.known, may, strict=True) if able]
        return tuple({kind.number: kind for kind in [*first, *near]}.values())


class Near(NamedTuple):
    """An entry near a question, without what it says."""

    similarity: float
    differs: str | None
    """The first kind of slot in which it differs from the question; it may not answer then."""
    answer: int
    """Counted from 1, the nearest entry's; equal ones are the same answer."""


class View(NamedTuple):
    """What a partition would make of a question, if it came now."""

    near: tuple[Near, ...]
    """Nearest first."""
    chosen: int | None
    """Which of them would answer."""
    score: float
    """Log odds that its answer is right; -inf where nothing is known."""
    would_answer: bool
    """Unless the question explores."""


class Partition(Generic[T]):
    """Learns from what it is told. Bounded in entries and bytes; the oldest go first."""

    def __init__(self, promise: Promise, width: int, seed: int, max_bytes: int, max_entries: int = 100_000) -> None:
        self._bounds = (max_bytes, max_entries)
        self._chance = random.Random(seed)
        self._index = VectorIndex(width)
        self._entries: OrderedDict[int, Entry[T]] = OrderedDict()
        self._next = 0
        self.size_bytes = 0
        self.looked = self.hits = 0
        self.shared = False
        """Whether other routers have had a part in it."""
        self.learner = Learner(promise)

    def __len__(self) -> int:
        return len(self._entries)

    def look(self, vector: Vectors, asked: Slots, now: float, teaches: bool = True) -> Look[T]:
        """What a question gets. `vector` is a unit vector of shape (width,). One that does not teach never explores:
        it is no part of the sample that all else is learned from."""
        learner = self.learner
        explores = teaches and (not learner.answers or self._chance.random() < learner.explored)
        self.looked += 1
        self._expire(now)
        numbers, similarities = self._near(vector, now)
        neighbours = self._around(numbers, similarities, asked)
        known = tuple(self._entries[number].kind for number in numbers)
        verdict = self._decide(numbers, neighbours)
        if verdict is None:
            return Look(None, None, explores, neighbours, -np.inf, known)
        learner.decided()
        would_be = self._entries[numbers[int(verdict.chosen[0])]] if verdict.hit[0] else None
        hit = None if explores or not learner.answers else would_be
        self.hits += hit is not None
        return Look(hit, would_be, explores, neighbours, float(verdict.score[0]), known)

    def view(self, vector: Vectors, asked: Slots, now: float) -> View:
        """What a question would get; leaves everything as it is."""
        numbers, similarities = self._near(vector, now)
        neighbours = self._around(numbers, similarities, asked)
        entries = [self._entries[number] for number in numbers]
        known = {answer: place for place, answer in enumerate(dict.fromkeys(entry.kind.number for entry in entries), 1)}
        near = tuple(
            Near(similarity, slots.differing(asked, entry.slots), known[entry.kind.number])
            for similarity, entry in zip(similarities, entries, strict=True)
        )
        verdict = self._decide(numbers, neighbours)
        if verdict is None or verdict.chosen[0] < 0:
            return View(near, None, -math.inf, False)
        would_answer = bool(verdict.hit[0]) and self.learner.answers
        return View(near, int(verdict.chosen[0]), float(verdict.score[0]), would_answer)

    def learn(self, look: Look[T], answer: int) -> Outcome | None:
        """What a model answered to a question that was looked up, by the answer's number; teaches where it explored.
        Returns what was taught."""
        if not look.explores:
            return None
        wrong = look.would_be is not None and look.would_be.kind.number != answer
        examines = self._chance.random() < 0.5
        outcome = Outcome(look.neighbours, answer, examines, self.learner.policy is not None, wrong)
        self.learner.told(outcome)
        self.learner.catch_up()
        return outcome

    def known(self, vector: Vectors, now: float) -> tuple[Kind, ...]:
        """The kinds of the answers near a question."""
        return tuple(self._entries[number].kind for number in self._near(vector, now)[0])

    def keep(self, vector: Vectors, asked: Slots, kind: Kind, payload: T, expires_at: float, size_bytes: int) -> None:
        """Remember a question and its answer, by its kind. One larger than the whole partition is not kept."""
        max_bytes, max_entries = self._bounds
        if size_bytes > max_bytes:
            return
        self._index.add(self._next, vector)
        self._entries[self._next] = Entry(asked, kind, expires_at, size_bytes, payload)
        self._next += 1
        self.size_bytes += size_bytes
        while self.size_bytes > max_bytes or len(self._entries) > max_entries:
            self._drop(next(iter(self._entries)))

    def _expire(self, now: float) -> None:
        """Drop what is too old. Entries of a partition live equally long: the oldest come first."""
        while self._entries:
            number, oldest = next(iter(self._entries.items()))
            if oldest.expires_at > now:
                return
            self._drop(number)

    def _decide(self, numbers: Sequence[int], neighbours: Neighbours) -> Verdict | None:
        policy = self.learner.policy
        return None if policy is None or not numbers else policy.decide(neighbours)

    def _near(self, vector: Vectors, now: float) -> tuple[list[int], list[float]]:
        """The numbers and similarities of the nearest entries that are not too old."""
        found = zip(*self._index.search(vector), strict=True)
        living = [(number, similarity) for number, similarity in found if self._entries[number].expires_at > now]
        return [number for number, _ in living], [similarity for _, similarity in living]

    def _around(self, numbers: Sequence[int], similarities: Sequence[float], asked: Slots) -> Neighbours:
        """One row, filled up to NEIGHBOURS, so that rows can be put together."""
        count = len(numbers)
        similarity, answer = np.zeros((1, NEIGHBOURS)), np.full((1, NEIGHBOURS), -1, dtype=np.int64)
        compatible = np.zeros((1, NEIGHBOURS), dtype=np.bool_)
        entries = [self._entries[number] for number in numbers]
        similarity[0, :count] = similarities
        answer[0, :count] = [entry.kind.number for entry in entries]
        compatible[0, :count] = [slots.differing(asked, entry.slots) is None for entry in entries]
        return Neighbours(similarity, answer, compatible)

    def _drop(self, number: int) -> None:
        self._index.remove(number)
        self.size_bytes -= self._entries.pop(number).size_bytes
