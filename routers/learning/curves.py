"""Cost against quality: what share of the heavy tier's gain a router keeps for a share of heavy calls. Pure.

Measures by RouteLLM's definitions (Ong et al. 2024, arXiv 2406.18665, section 4.1): PGR(c), the performance gap
recovered when the share c of requests goes to the heavy tier; APGR, its mean over c; CPT(x), the share of heavy calls
that recovers x of the gap.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from control_plane.spec.errors import Code, TiermeshError
from routers.learning.pairs import Vector

SHARES: Vector = np.linspace(0, 1, 1001)
"""Shares of heavy calls at which a curve is known."""
RESAMPLES = 400
CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Block:
    """Questions that one router ranked: its score and what the heavy tier gains, each of shape (n,)."""

    scores: Vector
    gains: Vector


@dataclass(frozen=True, slots=True)
class Quality:
    """How good a ranking is. `curve` is PGR at `SHARES`, `low` and `high` its pointwise interval."""

    apgr: float
    apgr_ci: tuple[float, float]
    cpt50: float
    cpt80: float
    curve: Vector
    low: Vector
    high: Vector

    def as_object(self) -> dict[str, float | list[float]]:
        """What is printed of it."""
        return {"apgr": self.apgr, "apgr_ci": list(self.apgr_ci), "cpt50": self.cpt50, "cpt80": self.cpt80}


def quality(blocks: Sequence[Block], seed: int, resamples: int = RESAMPLES) -> Quality:
    """The quality of rankings on questions of which each block was ranked by a router of its own, as in
    cross-validation: all routers send the same share to the heavy tier. Equal scores are in random order, of which this
    is the mean. Intervals are the bootstrap's percentiles (Efron 1979), resampled within blocks.

    Raises TiermeshError(INVALID_REQUEST) where the heavy tier gains nothing.
    """
    if sum(float(block.gains.sum()) for block in blocks) <= 0:
        cure = "Check that the columns weak and strong are not exchanged."
        raise TiermeshError(Code.INVALID_REQUEST, "The heavy tier's answers are no better than the light tier's.", cure)
    ranked = [_Ranked.of(block) for block in blocks]
    seen = _curve([rank.lifts() for rank in ranked])
    generator = np.random.default_rng(seed)
    drawn = np.array([_curve([rank.lifts(generator) for rank in ranked]) for _ in range(resamples)])
    edges = (1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2
    low, high = np.quantile(drawn, edges, axis=0)
    ends = np.quantile([area(each) for each in drawn], edges)
    return Quality(area(seen), (float(ends[0]), float(ends[1])), cpt(seen, 0.5), cpt(seen, 0.8), seen, low, high)


def area(recovered: Vector) -> float:
    """APGR of a curve at `SHARES`."""
    return float(np.trapezoid(recovered, SHARES))


def cpt(curve: Vector, recovered: float) -> float:
    """The smallest share of heavy calls that recovers so much of the gap."""
    place = int(np.argmax(curve >= recovered))
    if place == 0:
        return 0.0
    before, after = curve[place - 1], curve[place]
    return float(SHARES[place - 1] + (recovered - before) / (after - before) * (SHARES[1] - SHARES[0]))


def _curve(lifts: Sequence[Vector]) -> Vector:
    total: Vector = np.sum(lifts, axis=0)
    return total / total[-1] if total[-1] > 0 else SHARES


@dataclass(frozen=True, slots=True)
class _Ranked:
    """A block from the highest score to the lowest; `starts` are the places where a new score begins."""

    gains: Vector
    starts: NDArray[np.intp]

    @classmethod
    def of(cls, block: Block) -> "_Ranked":
        order = np.argsort(-block.scores, kind="stable")
        scores = block.scores[order]
        return cls(block.gains[order], np.flatnonzero(np.r_[True, scores[1:] != scores[:-1]]))

    def lifts(self, generator: np.random.Generator | None = None) -> Vector:
        """The sum of what the heavy tier gains at each share; of a resample where there is a generator."""
        count = len(self.gains)
        times = (
            np.ones(count) if generator is None else np.bincount(generator.integers(0, count, count), minlength=count)
        )
        shares = np.cumsum(np.add.reduceat(times, self.starts)) / count
        lifts = np.cumsum(np.add.reduceat(times * self.gains, self.starts))
        return np.interp(SHARES, np.r_[0.0, shares], np.r_[0.0, lifts])
