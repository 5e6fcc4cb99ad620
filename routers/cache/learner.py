"""The learner of a partition: what explored requests have shown, and the policy that follows from it. No I/O, no clock,
no chance."""

from collections import deque
from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

import numpy as np

from routers.cache.evidence import Neighbours
from routers.cache.guard import Promise
from routers.cache.policy import RESERVED, Outcomes, Policy
from routers.cache.watch import Watch

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


class State(StrEnum):
    """What a partition does at present."""

    LEARNING = "learning"
    """Nothing is known yet: all requests explore."""
    ANSWERING = "answering"
    OFF = "off"
    """What is known does not let the promise be kept, or is too old: all requests explore."""


class Outcome(NamedTuple):
    """What a request that explored has shown."""

    neighbours: Neighbours
    """One row."""
    truth: int
    """The number of the answer that a model gave."""
    examines: bool
    """An exam, or else a lesson."""
    judged: bool
    """Whether there was a policy that could err."""
    wrong: bool
    """Whether it would have answered, with another answer."""


class Learner:
    """Learns from outcomes of a fair sample of all requests."""

    def __init__(self, promise: Promise) -> None:
        self.promise = promise
        self._lessons: deque[Outcome] = deque(maxlen=WINDOW)
        self._exams: deque[Outcome] = deque(maxlen=WINDOW)
        self.policy: Policy | None = None
        self._due = FIRST
        self._left = 0
        self._mistaken = False
        self.watch = self._fresh_watch()

    @property
    def lessons(self) -> int:
        """How many are learned from."""
        return len(self._lessons)

    @property
    def exams(self) -> int:
        """How many examine."""
        return len(self._exams)

    @property
    def answers(self) -> bool:
        """Whether anything may be answered at present."""
        return self.policy is not None and self.policy.threshold < np.inf and self._left > 0

    @property
    def state(self) -> State:
        """What the partition does."""
        if self.policy is None:
            return State.LEARNING
        return State.ANSWERING if self.answers else State.OFF

    @property
    def explored(self) -> float:
        """The share of requests that explore."""
        return max(EXPLORED, 1 - self.exams / ENOUGH) if self.answers else 1.0

    def decided(self) -> None:
        """One of the requests for which the threshold is promised to hold has come."""
        self._left -= 1

    def told(self, outcome: Outcome) -> None:
        """Take an outcome in; `catch_up` learns from it."""
        (self._exams if outcome.examines else self._lessons).append(outcome)
        if outcome.judged:
            self.watch = self.watch.told(outcome.wrong)
        if self.watch.broken:  # requests are not what they were: what was learned from them is worth nothing
            self._lessons.clear()
            self._exams.clear()
            self.policy, self._due, self.watch, self._mistaken = None, FIRST, self._fresh_watch(), False
        elif self.policy is not None and outcome.wrong:
            self._mistaken = True

    def catch_up(self) -> None:
        """Learn anew, where it is time to."""
        run_out = self.policy is not None and self._left <= 0
        if not self._lessons or (self.exams < self._due and not run_out and not self._mistaken):
            return
        fresh = int(FRESH_PER_EXAM * self.exams)
        self.policy = Policy.learn(_together(self._lessons), _together(self._exams), fresh, self.promise)
        self._left, self._mistaken = fresh, False
        self._due = min(int(GROWTH * self.exams) + 1, WINDOW + 1)

    def _fresh_watch(self) -> Watch:
        return Watch(self.promise.max_error_rate, RESERVED * (1 - self.promise.confidence))


def _together(outcomes: Sequence[Outcome]) -> Outcomes:
    rows = [outcome.neighbours for outcome in outcomes]
    return Outcomes(
        Neighbours(
            np.concatenate([row.similarity for row in rows]),
            np.concatenate([row.answer for row in rows]),
            np.concatenate([row.compatible for row in rows]),
        ),
        np.array([outcome.truth for outcome in outcomes]),
    )
