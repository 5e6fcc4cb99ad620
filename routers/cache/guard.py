"""The guard: from which score on the cache may answer, so that a promise about errors is kept.

The promise: of the next `fresh` requests, at most the share `max_error_rate` gets a wrong answer from the cache, with
probability `confidence`. Of all requests, not of the hits; of each stretch of `fresh` requests, not on average over
many.

Why it holds. Let `seen` requests, whose outcomes are known, and `fresh` ones to come be exchangeable (as random parts
of one stream are), and scored by a rule that was learned from neither. Order all of them by score, the surest first.
The promise breaks where the threshold lets through the c-th wrong fresh one, c = floor(max_error_rate · fresh) + 1. By
then k wrong seen ones have come; but which of the wrong ones are seen and which are fresh is a draw without
replacement, whatever the scores. So P(at most k seen ones before the c-th fresh one) is a hypergeometric tail, and if
the threshold lets through no more than the largest k at which this tail is at most 1 - confidence, the promise breaks
with no more than this probability. It holds for the loosest such threshold at once: nothing has to be added for having
looked at many, since the argument is about the one draw at which the promise would break.

This is the exact prediction limit of Thatcher (Journal of the Royal Statistical Society B 26, 1964) for a count in a
second sample, with the nested sets of risk-controlling prediction (Bates, Angelopoulos, Lei, Malik and Jordan, Journal
of the ACM 68, 2021). It is stricter than a Clopper-Pearson bound of the rate, which forgets that the next requests have
luck of their own.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from routers.cache.evidence import Booleans, Floats


@dataclass(frozen=True, slots=True)
class Promise:
    """Wrong hits among all requests: at most `max_error_rate` of them, with probability `confidence`."""

    max_error_rate: float
    confidence: float

    def tolerated(self, seen: int, fresh: int) -> int:
        """How many of `seen` requests a threshold may have answered wrongly, for the promise to hold for the next
        `fresh`. -1: none is known well enough, nothing may be answered."""
        return _tolerated(math.floor(self.max_error_rate * fresh + 1e-9) + 1, seen, fresh, 1 - self.confidence)


def threshold(scores: Floats, wrong: Booleans, tolerated: int) -> float:
    """The score above which at most `tolerated` are wrong; infinite where nothing may be answered. Ties count as wrong
    together: what has the score itself is not answered."""
    if tolerated < 0:
        return math.inf
    mistakes = np.sort(scores[wrong])[::-1]
    return float(mistakes[tolerated]) if len(mistakes) > tolerated else -math.inf


@lru_cache(maxsize=1024)
def _tolerated(broken_at: int, seen: int, fresh: int, risk: float) -> int:
    if broken_at > fresh:
        return seen  # cannot be broken
    count = -1
    while count < seen and _at_most(count + 1, broken_at, seen, fresh) <= risk:
        count += 1
    return count


def _at_most(k: int, c: int, seen: int, fresh: int) -> float:
    """P(no more than k of the first k + c wrong requests are seen ones)."""
    drawn = k + c
    every = _log_choose(seen + fresh, drawn)
    ways = range(max(0, drawn - fresh), min(k, seen) + 1)
    return sum(math.exp(_log_choose(seen, i) + _log_choose(fresh, drawn - i) - every) for i in ways)


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
