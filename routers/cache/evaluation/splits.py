"""How a policy does on questions that it was not learned from: seeded random splits.

Each split deals the questions out anew. Half are the cache's entries, and the lessons (each judged by the others); a
quarter are the exams that set the threshold; the last quarter arrives afresh. Of these a share is answered afresh all
the same, as in service, and counts as no hit. Rates are of all requests that arrive: an error is a wrong hit. The bound
is broken in a split whose fresh quarter has a greater share of wrong hits than was promised.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np

from routers.cache import guard
from routers.cache.evaluation.requests import Requests
from routers.cache.evidence import Booleans, Floats
from routers.cache.guard import Promise
from routers.cache.policy import Outcomes, Policy

VERIFIED = 0.02
"""Share of would-be hits that is answered afresh and compared."""
FEWEST = 40
"""Questions of which ten arrive afresh; fewer say nothing."""


@dataclass(frozen=True, slots=True)
class Rates:
    """What came of one split."""

    hits: float
    errors: float
    threshold: float

    @classmethod
    def of(cls, hit: Booleans, wrong: Booleans, threshold: float) -> Self:
        """Shares of all requests."""
        return cls(float(hit.mean()), float((hit & wrong).mean()), threshold)


@dataclass(frozen=True, slots=True)
class Split:
    """The policy beside the static threshold that looks best: the one that answers most of the exams without breaking
    the bound on them."""

    learned: Rates
    static: Rates


def run(requests: Requests, promise: Promise, seed: int, verified: float = VERIFIED) -> Split:
    """One split, drawn from the seed."""
    chance = np.random.default_rng(seed)
    order = chance.permutation(len(requests))
    half, three = len(order) // 2, len(order) * 3 // 4
    cached = np.zeros(len(order), dtype=np.bool_)
    cached[order[:half]] = True
    lessons, exams, fresh = (requests.outcomes(rows, cached) for rows in np.split(order, [half, three]))
    policy = Policy.learn(lessons, exams, len(fresh.truth), promise)
    verdict = policy.decide(fresh.neighbours)
    given = verdict.hit & (chance.random(len(fresh.truth)) >= verified)
    learned = Rates.of(given, ~fresh.right(verdict.chosen), policy.threshold)
    return Split(learned, _static(exams, fresh, promise))


def _static(exams: Outcomes, fresh: Outcomes, promise: Promise) -> Rates:
    """Similarity to the nearest entry alone: no guard, no slots, no verification."""
    similarity, wrong = _of_nearest(exams)
    limit = guard.threshold(similarity, wrong, int(promise.max_error_rate * len(wrong)))
    similarity, wrong = _of_nearest(fresh)
    return Rates.of(similarity > limit, wrong, limit)


def _of_nearest(outcomes: Outcomes) -> tuple[Floats, Booleans]:
    nearest = np.zeros(len(outcomes.truth), dtype=np.int64)
    there = outcomes.neighbours.answer[:, 0] >= 0
    similarity = np.where(there, outcomes.neighbours.similarity[:, 0], -np.inf)
    return similarity, ~outcomes.right(nearest)


@dataclass(frozen=True, slots=True)
class Summary:
    """Means over splits, and the share of splits whose errors were above the bound."""

    hit_rate: float
    error_rate: float
    violation_share: float
    threshold: float
    """The median."""

    @classmethod
    def of(cls, rates: list[Rates], promise: Promise) -> Self:
        """Of one rule on all splits."""
        return cls(
            hit_rate=float(np.mean([each.hits for each in rates])),
            error_rate=float(np.mean([each.errors for each in rates])),
            violation_share=float(np.mean([each.errors > promise.max_error_rate for each in rates])),
            threshold=float(np.median([each.threshold for each in rates])),
        )


def evaluate(
    requests: Requests, promise: Promise, splits: int, seed: int, advance: Callable[[int], None]
) -> tuple[Summary, Summary]:
    """The policy and the best-looking static threshold. `advance` is told of each split."""
    found = []
    for number in range(splits):
        found.append(run(requests, promise, seed + number))
        advance(1)
    return Summary.of([each.learned for each in found], promise), Summary.of([each.static for each in found], promise)
