"""The ladder: under overload answers get cheaper step by step, and who loses least by it goes first.

Pressure, the share of all places that is taken, decides how far down the ladder a Route is; the rank of a request's
score among the recent ones decides whether it is this request that goes there: easy questions lose little by a
smaller Model or a kept answer, hard ones much.
"""

import math
from enum import IntEnum

from control_plane.spec import resilience
from routers.resilience.outliers import Random

BINS = 64
"""Scores are in [0, 1]; requests in one bin are told apart by chance."""
FADE_AFTER = 1000
"""At twice as many scores all counts are halved, so that ranks follow the traffic."""


class Step(IntEnum):
    """What a request gets, from best to worst."""

    FULL = 0
    LIGHT = 1
    CACHE_ONLY = 2
    CANNED = 3
    REFUSE = 4


_LARGEST_RANK = math.nextafter(1, 0)


class Ranks:
    """Where a score stands among the recent ones."""

    __slots__ = ("_counts", "_in_all")

    def __init__(self) -> None:
        self._counts = [0] * BINS
        self._in_all = 0

    def add(self, score: float) -> None:
        """One more request."""
        self._counts[min(int(score * BINS), BINS - 1)] += 1
        self._in_all += 1
        if self._in_all >= 2 * FADE_AFTER:
            self._counts = [count // 2 for count in self._counts]
            self._in_all = sum(self._counts)

    def of(self, score: float, random: Random) -> float:
        """The share of recent requests with a lower score, in [0, 1); equal ones are put in order by chance.

        So the ranks of requests are spread evenly, whatever their scores are.
        """
        if not self._in_all:
            return random()
        bin_ = min(int(score * BINS), BINS - 1)
        # Rounding makes 1 of a chance just below it.
        return min((sum(self._counts[:bin_]) + random() * self._counts[bin_]) / self._in_all, _LARGEST_RANK)


class Ladder:
    """One Route's place on the ladder. Up at once, down one rung at a time and only after `dwellSeconds` on it."""

    __slots__ = ("__weakref__", "_calm_below", "_dwell", "_ranks", "_rungs", "_since", "step")

    def __init__(self, policy: resilience.Ladder) -> None:
        rungs = (
            (Step.LIGHT, policy.light),
            (Step.CACHE_ONLY, policy.cache_only),
            (Step.CANNED, policy.canned),
            (Step.REFUSE, policy.refuse),
        )
        self._rungs = [(step, rung) for step, rung in rungs if rung and policy.enabled]
        self._calm_below = self._rungs[0][1].enter if self._rungs else float("inf")
        self._dwell = policy.dwell_seconds
        self._ranks = Ranks()
        self._since = 0.0
        self.step = Step.FULL
        """The lowest step that any request gets, as of the last look."""

    def place(self, now: float, pressure: float, score: float, random: Random) -> Step:
        """What a request with this score gets, at a pressure in [0, 1]."""
        self._ranks.add(score)
        if pressure < self._calm_below and not self.step:
            return self.step
        self._move(now, pressure)
        rank = self._ranks.of(score, random)
        placed = Step.FULL
        for step, rung in self._rungs:
            # A rung of the ladder is never left higher than the next: who is taken by it was taken by all before it.
            if step <= self.step and rank < (pressure - rung.leave) / (1 - rung.leave):
                placed = step
        return placed

    def lowest(self, now: float, pressure: float) -> Step:
        """The lowest step that any request gets; where all places are taken, every request gets it."""
        self._move(now, pressure)
        return self.step

    def _move(self, now: float, pressure: float) -> None:
        entered = max((step for step, rung in self._rungs if pressure >= rung.enter), default=Step.FULL)
        if entered > self.step:
            self.step, self._since = entered, now
            return
        if now - self._since < self._dwell:
            return
        below = Step.FULL
        for step, rung in self._rungs:
            if step is self.step and pressure <= rung.leave:
                self.step, self._since = below, now
                return
            below = step
