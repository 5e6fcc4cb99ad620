"""The policy: whether a question is answered from the cache, as learned from verified outcomes.

Requests whose outcome is known (the cached answer was compared with a fresh one) are of two kinds. *Lessons* fit how
evidence becomes a score. *Exams*, from which nothing is learned, set the score's threshold: the guard's promise needs
outcomes that the score has not been fitted to.
"""

import math
from dataclasses import dataclass
from typing import Self

import numpy as np

from routers.cache import guard
from routers.cache.evidence import Booleans, Evidence, Floats, Integers, Neighbours
from routers.cache.guard import Promise
from routers.cache.regression import Regression

LEAST_LOG_ODDS = 0.0
"""What is rather wrong than right is never answered, even where the budget would bear it."""
RESERVED = 0.5
"""Share of the risk (1 - confidence) that is spent when the threshold is set. The rest is left to the watch over what
is answered in service (`routers.cache.watch`)."""


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Requests of which the right answer is known: what was around them, and the number of their own answer."""

    neighbours: Neighbours
    truth: Integers

    def right(self, chosen: Integers) -> Booleans:
        """Whether the answer of each chosen neighbour is the right one; where none is chosen (-1), it is not."""
        answers = self.neighbours.answer[np.arange(len(chosen)), chosen]
        return np.asarray((chosen >= 0) & (answers == self.truth))


@dataclass(frozen=True, slots=True)
class Verdict:
    """For each question whether the cache answers, which neighbour, and the score that decided."""

    hit: Booleans
    chosen: Integers
    score: Floats
    """Log odds that the answer is right; -inf where nobody may answer."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What was learned. `threshold` is infinite where nothing may be answered."""

    regression: Regression
    spread: float
    threshold: float

    @classmethod
    def learn(cls, lessons: Outcomes, exams: Outcomes, fresh: int, promise: Promise) -> Self:
        """The policy that answers most and keeps the promise for the next `fresh` requests.

        `promise.confidence` is the whole one; see RESERVED.
        """
        spread = lessons.neighbours.spread()
        evidence = Evidence.of(lessons.neighbours, spread)
        able = evidence.chosen >= 0
        right = lessons.right(evidence.chosen)
        learned = cls(Regression.fit(evidence.features[able], right[able]), spread, -math.inf) if able.any() else None
        if learned is None:
            return cls(Regression(np.zeros(1), np.ones(1), np.zeros(2)), spread, math.inf)
        judged = learned.decide(exams.neighbours)
        spent = Promise(promise.max_error_rate, 1 - RESERVED * (1 - promise.confidence))
        tolerated = spent.tolerated(len(judged.hit), fresh)
        wrong = judged.hit & ~exams.right(judged.chosen)
        limit = guard.threshold(judged.score, wrong, tolerated)
        return cls(learned.regression, spread, max(limit, LEAST_LOG_ODDS))

    def decide(self, neighbours: Neighbours) -> Verdict:
        """Whether each question is answered, and by whom."""
        evidence = Evidence.of(neighbours, self.spread)
        if self.threshold == math.inf:
            score = np.full(len(evidence.chosen), -math.inf)
        else:
            score = np.where(evidence.chosen >= 0, self.regression.log_odds(evidence.features), -math.inf)
        return Verdict((evidence.chosen >= 0) & (score > self.threshold), evidence.chosen, score)
