"""Regressions: how many units meet a worse candidate before it is rolled back, by evidence and by a threshold."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

from benchmarks.trials.peeking import P95, TUNED_UNITS, Flags, Floats, evidence
from control_plane.stats import proportions
from control_plane.stats.histogram import GROWTH

SHARE = 0.1
"""Of the traffic, that the candidate gets."""
CHECK_UNITS, CHECKS = 100, 200
"""Units of the candidate between two looks, and how often either rule looks before a rollout is over."""
FAILED_CHECKS = 5
"""After so many a threshold rule rolls back: the example of Flagger's documentation."""
WINDOWS = (100, 200, 500, 1000, 2000)
"""Units of the candidate in one check of a threshold rule: the best of these is compared with."""
ALPHA = 0.05
"""False rollbacks: of the evidence at most so many ever, of the threshold exactly so many until a rollout is over."""
SPREAD, SLOWER = 0.5, math.log(1.08)
"""Of a latency's logarithm; and how much slower the worse candidate is."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """Checks a window of the candidate alone against a constant, and forgives some failed checks.

    The constant is set with the fine candidate's exact distribution at hand, which nobody has: the best case.
    """

    window: int
    fails_fine: float
    """Probability that a check fails."""
    fails_worse: float

    @property
    def median_exposed(self) -> float:
        """Units of a worse candidate until the rollback."""
        return float(stats.nbinom.ppf(0.5, FAILED_CHECKS, self.fails_worse) + FAILED_CHECKS) * self.window

    def false_rollbacks(self, times: float = 1.0) -> float:
        """Of a fine candidate, over so many rollouts' time."""
        checks = int(CHECKS * CHECK_UNITS / self.window * times)
        return float(stats.binom.sf(FAILED_CHECKS - 1, checks, self.fails_fine))


@dataclass(frozen=True, slots=True)
class Regression:
    """A way to be worse."""

    name: str
    decides: Callable[[np.random.Generator, int, bool], Flags]
    """Whether the evidence rolls back at each check, (runs, checks); the candidate is worse, or is not."""
    threshold: Callable[[int, float], Threshold]
    """For a window, and the probability with which its check may fail by chance."""


@dataclass(frozen=True, slots=True)
class Found:
    """Median units exposed (infinite where most candidates are never caught), and false rollbacks."""

    exposed: float
    false: float
    threshold: Threshold
    """The best one with `ALPHA` false rollbacks."""
    equal: Threshold
    """The best one with as many false rollbacks as the evidence has."""


def measure(regression: Regression, runs: int, seed: int) -> Found:
    """So many rollouts of a worse, and as many of a fine candidate."""
    rng = np.random.default_rng(seed)
    worse, fine = (regression.decides(rng, runs, bad) for bad in (True, False))
    exposed = np.where(worse.any(axis=1), (worse.argmax(axis=1) + 1) * CHECK_UNITS, np.inf)
    false = float(fine.any(axis=1).mean())
    best, equal = (
        min(_thresholds(regression, allowed), key=lambda each: each.median_exposed)
        for allowed in (ALPHA, max(false, 1 / runs))
    )
    return Found(float(np.median(exposed)), false, best, equal)


def regressions() -> list[Regression]:
    """Errors, resolved and latency."""
    return [
        Regression("errors 1% → 1.5%", _proportion(0.01, 0.015, 1), _of_counts(0.01, 0.015)),
        Regression("resolved 60% → 58%", _proportion(0.6, 0.58, -1), _of_counts(0.4, 0.42)),
        Regression("p95 latency +8%", _slower, _of_latency),
    ]


def _thresholds(regression: Regression, false: float) -> Iterator[Threshold]:
    for window in WINDOWS:
        checks = CHECKS * CHECK_UNITS // window
        allowed = optimize.brentq(
            lambda p, checks=checks: stats.binom.sf(FAILED_CHECKS - 1, checks, p) - false, 1e-9, 0.999
        )
        yield regression.threshold(window, float(allowed))


def _of_counts(fine: float, worse: float) -> Callable[[int, float], Threshold]:
    """So many bad units fail a check; between two whole numbers, at random."""

    def threshold(window: int, allowed: float) -> Threshold:
        count = int(stats.binom.isf(allowed, window, fine)) + 1
        low, high = (stats.binom.sf(each, window, fine) for each in (count - 1, count - 2))
        part = (allowed - low) / (high - low)
        both = [stats.binom.sf(each, window, worse) for each in (count - 1, count - 2)]
        return Threshold(window, allowed, float(both[0] + part * (both[1] - both[0])))

    return threshold


def _of_latency(window: int, allowed: float) -> Threshold:
    """A window's p95 is above the constant where more than a twentieth of its units are."""
    most = int((1 - P95) * window)
    beyond = optimize.brentq(lambda p: stats.binom.sf(most, window, p) - allowed, 1e-6, 0.5)
    worse = float(stats.norm.sf(stats.norm.isf(beyond) - SLOWER / SPREAD))
    return Threshold(window, allowed, float(stats.binom.sf(most, window, worse)))


def _proportion(fine: float, worse: float, sign: int) -> Callable[[np.random.Generator, int, bool], Flags]:
    def decides(rng: np.random.Generator, runs: int, bad: bool) -> Flags:
        units = np.arange(1, CHECKS + 1, dtype=np.float64) * CHECK_UNITS
        others = np.asarray(units * (1 - SHARE) / SHARE, dtype=np.float64)
        seen = rng.binomial(CHECK_UNITS, worse if bad else fine, (runs, CHECKS)).cumsum(axis=1)
        before = rng.binomial(round(others[0]), fine, (runs, CHECKS)).cumsum(axis=1)
        counts = proportions.Counts(before.astype(np.float64), others, seen.astype(np.float64), units, SHARE)
        won = proportions.log_e([counts], sign, tuned_units=TUNED_UNITS)
        return np.asarray(won >= -math.log(ALPHA))

    return decides


def _slower(rng: np.random.Generator, runs: int, bad: bool) -> Flags:
    """Latencies in bins; what is far from the p95 is counted as one."""
    middle = SPREAD * float(stats.norm.ppf(P95))
    ends = np.arange(*(round((middle + each) / math.log(GROWTH)) for each in (-0.25, 0.3))) * math.log(GROWTH)
    others = round(CHECK_UNITS * (1 - SHARE) / SHARE)
    seen, before = (_masses(ends, shift) for shift in (SLOWER if bad else 0.0, 0.0))
    treated, control = (np.zeros((runs, ends.size + 1)) for _ in range(2))
    decided = np.zeros((runs, CHECKS), dtype=bool)
    for check in range(CHECKS):
        treated += rng.multinomial(CHECK_UNITS, seen, runs).cumsum(axis=1)
        control += rng.multinomial(others, before, runs).cumsum(axis=1)
        open_runs = np.flatnonzero(~decided.any(axis=1))
        at = int((control.sum(axis=0) < P95 * control[:, -1].sum()).sum())
        for bins in (np.array([at]), np.arange(ends.size + 1)):  # what one bin lacks, the least of all lacks
            won = evidence(control[open_runs], treated[open_runs], bins, P95, TUNED_UNITS, SHARE)[0]
            open_runs = open_runs[won >= -math.log(ALPHA)]
        decided[open_runs, check] = True
    return decided


def _masses(ends: NDArray[np.floating], shift: float) -> Floats:
    return np.diff(np.concatenate([[0.0], stats.norm.cdf((ends - shift) / SPREAD), [1.0]]))
