"""Peeking: arms that do not differ, looked at after every 100 of 20,000 units. Each difference seen is false."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from control_plane.stats import means, mismatch, proportions, quantiles
from control_plane.stats.estimate import Estimate, Kind
from control_plane.stats.histogram import GROWTH
from control_plane.stats.moments import Moments

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

UNITS, EVERY = 20_000, 100
PEEKS = UNITS // EVERY
TUNED_UNITS = 5000.0
"""As a design has it by default."""
P95 = 0.95
_TOGETHER = 25
"""Runs simulated at once: some megabytes."""


@dataclass(frozen=True, slots=True)
class Found:
    """Shares of runs with a false verdict."""

    anytime: tuple[float, ...]
    """At any look so far; look by look."""
    fixed: tuple[float, ...]
    """The same, by the fixed-horizon test."""
    once: float
    """At the last look alone, by the fixed-horizon test: what it is made for."""


@dataclass(frozen=True, slots=True)
class World:
    """What units do. `judge` gets which units are treated, (runs, units), and says for each look which run has a false
    verdict: anytime-valid and fixed-horizon, each (runs, looks)."""

    name: str
    alpha: float
    judge: Callable[[np.random.Generator, Flags, float], tuple[Flags, Flags]]
    share: float = 0.5
    """Of the treated arm."""


def peek(world: World, runs: int, seed: int) -> Found:
    """So many runs."""
    rng = np.random.default_rng(seed)
    anytime, fixed, once = np.zeros(PEEKS), np.zeros(PEEKS), 0
    for start in range(0, runs, _TOGETHER):
        treated = rng.random((min(_TOGETHER, runs - start), UNITS)) < world.share
        false, fixed_false = world.judge(rng, treated, world.share)
        anytime += np.logical_or.accumulate(false, axis=1).sum(axis=0)
        fixed += np.logical_or.accumulate(fixed_false, axis=1).sum(axis=0)
        once += int(fixed_false[:, -1].sum())
    return Found(tuple((anytime / runs).tolist()), tuple((fixed / runs).tolist()), once / runs)


def limit(alpha: float, runs: int) -> float:
    """Alpha and two standard errors of the simulation."""
    return alpha + 2 * float(np.sqrt(alpha * (1 - alpha) / runs))


def worlds(alpha: float = 0.05) -> list[World]:
    """Rare and common proportions, even and uneven; skewed means; requests clustered by unit; latencies; assignment."""
    z = float(stats.norm.isf(alpha / 2))
    return [
        World("proportion of 60%", alpha, _proportion(0.6, alpha, z)),
        World("proportion of 1%", alpha, _proportion(0.01, alpha, z)),
        World("proportion of 0.5%", alpha, _proportion(0.005, alpha, z)),
        World("proportion of 1%, a tenth treated", alpha, _proportion(0.01, alpha, z), share=0.1),
        World("mean of a skewed cost", alpha, _mean(alpha, z)),
        World("mean of a skewed cost, a tenth treated", alpha, _mean(alpha, z), share=0.1),
        World("ratio: errors a request, by unit", alpha, _ratio(alpha, z)),
        World("p95 latency", alpha, _p95(alpha, z)),
        World("sample-ratio mismatch", 0.01, _shares(0.01)),
    ]


def _looks(values: Floats) -> Floats:
    """Sums up to each look."""
    return np.asarray(values.reshape(len(values), PEEKS, EVERY).sum(axis=2).cumsum(axis=1))


def _moments(chosen: Flags, y: Floats, d: Floats) -> Moments:
    sums = [_looks(np.where(chosen, each, 0.0)) for each in (np.ones_like(y), y, d, y * y, d * d, y * d)]
    units, ys, ds, yy, dd, yd = sums
    return Moments(units=units, y=ys, d=ds, yy=yy, dd=dd, yd=yd)


def _exceeds(control: Estimate, treated: Estimate, z: float) -> Flags:
    """The fixed-horizon test: normal, as good as Student's from 30 units on."""
    variance = np.asarray(control.variance + treated.variance)
    enough = (np.minimum(control.units, treated.units) >= 30) & (variance > 0)
    return np.asarray(enough & (np.abs(treated.value - control.value) > z * np.sqrt(variance)))


def _proportion(rate: float, alpha: float, z: float) -> Callable[..., tuple[Flags, Flags]]:
    def judge(rng: np.random.Generator, treated: Flags, share: float) -> tuple[Flags, Flags]:
        y = (rng.random(treated.shape) < rate).astype(np.float64)
        before, after = (_moments(chosen, y, np.ones_like(y)) for chosen in (~treated, treated))
        counts = [proportions.Counts(before.y, before.units, after.y, after.units, share)]
        most = np.maximum(*(proportions.log_e(counts, sign) for sign in (1, -1)))
        fixed = _exceeds(Estimate.of(before, Kind.PROPORTION), Estimate.of(after, Kind.PROPORTION), z)
        return most >= -np.log(alpha / 2), fixed

    return judge


def _mean(alpha: float, z: float) -> Callable[..., tuple[Flags, Flags]]:
    def judge(rng: np.random.Generator, treated: Flags, _: float) -> tuple[Flags, Flags]:
        y = rng.lognormal(0.0, 1.0, treated.shape)
        return _by_moments(y, np.ones_like(y), treated, Kind.MEAN, alpha, z)

    return judge


def _ratio(alpha: float, z: float) -> Callable[..., tuple[Flags, Flags]]:
    """Each unit makes some requests, and some units have more trouble with theirs than others."""

    def judge(rng: np.random.Generator, treated: Flags, _: float) -> tuple[Flags, Flags]:
        d = rng.geometric(0.25, treated.shape).astype(np.float64)
        y = rng.binomial(d.astype(np.int64), rng.beta(0.5, 9.5, treated.shape)).astype(np.float64)
        return _by_moments(y, d, treated, Kind.RATIO, alpha, z)

    return judge


def _by_moments(y: Floats, d: Floats, treated: Flags, kind: Kind, alpha: float, z: float) -> tuple[Flags, Flags]:
    control, after = (Estimate.of(_moments(chosen, y, d), kind) for chosen in (~treated, treated))
    return means.log_e(control, after, TUNED_UNITS) >= -np.log(alpha), _exceeds(control, after, z)


def _p95(alpha: float, z: float) -> Callable[..., tuple[Flags, Flags]]:
    """Latencies are lognormal. Bins far from the p95 never decide and are counted as one."""
    true = float(np.exp(0.5 * stats.norm.ppf(P95)))
    first, last = (round(float(np.log(true * times) / np.log(GROWTH))) for times in (0.6, 1.7))

    def judge(rng: np.random.Generator, treated: Flags, share: float) -> tuple[Flags, Flags]:
        logs = rng.normal(0.0, 0.5, treated.shape) / np.log(GROWTH)
        bins = np.clip(np.ceil(logs), first, last).astype(np.int64) - first
        control, after = (below(bins, chosen, last - first + 1) for chosen in (~treated, treated))
        decided = differ(control, after, P95, TUNED_UNITS, share, -float(np.log(alpha / 2)))
        return decided, _fixed_p95(control, after, z)

    return judge


def below(bins: NDArray[np.int64], chosen: Flags, size: int) -> Floats:
    """How many values are up to each bin at each look: (runs, looks, bins)."""
    runs, units = bins.shape
    place = (np.arange(runs)[:, None] * PEEKS + np.arange(units)[None, :] // EVERY) * size + bins
    counts = np.bincount(place[chosen], minlength=runs * PEEKS * size).reshape(runs, PEEKS, size)
    return counts.cumsum(axis=1).cumsum(axis=2).astype(np.float64)


def differ(control: Floats, treated: Floats, p: float, tuned: float, share: float, log_needed: float) -> Flags:
    """Whether `Quantiles` shows a difference in either direction; from counts up to bins, (..., bins).

    Its evidence is that of the bin that has the least. What the bin in the middle lacks already is not looked at again.
    """
    both = control + treated
    middle = (both < p * both[..., -1:]).sum(axis=-1)
    found = evidence(control, treated, middle[..., None], p, tuned, share).max(axis=0) >= log_needed
    every = np.arange(control.shape[-1])
    found[found] = evidence(control[found], treated[found], every, p, tuned, share).max(axis=0) >= log_needed
    return np.asarray(found)


def evidence(control: Floats, treated: Floats, bins: NDArray[np.int64], p: float, tuned: float, share: float) -> Floats:
    """That the treated quantile is above, and that it is below the control's: the least over these bins."""
    sides = []
    for counts, part in ((control, 1 - share), (treated, share)):
        bins_of = np.broadcast_to(bins, (*counts.shape[:-1], bins.shape[-1]))
        upto = np.take_along_axis(counts, bins_of, axis=-1)
        before = np.where(bins_of > 0, np.take_along_axis(counts, np.maximum(bins_of - 1, 0), axis=-1), 0.0)
        sides.append([quantiles.one_sided(each, counts[..., -1:], p, tuned * part) for each in (before, upto)])
    (control_before, control_upto), (treated_before, treated_upto) = sides
    above = (control_before[0] + treated_upto[1]).min(axis=-1)
    under = (control_upto[1] + treated_before[0]).min(axis=-1)
    return np.stack([above, under])


def _fixed_p95(control: Floats, treated: Floats, z: float) -> Flags:
    """By order statistics (Woodruff), on logarithms; counts are up to bins."""
    parts = []
    for counts in (control, treated):
        error = np.sqrt(P95 * (1 - P95) / counts[..., -1])
        middle, low, high = (_place(counts, P95 + sign * error) for sign in (0, -1, 1))
        parts.append((middle, ((high - low) / 2) ** 2))
    (before, before_variance), (after, after_variance) = parts
    return np.asarray(np.abs(after - before) > z * np.sqrt(before_variance + after_variance))


def _place(counts: Floats, p: Floats) -> Floats:
    """Where a quantile is, in bins, interpolated."""
    target = (np.minimum(p, 1.0) * counts[..., -1])[..., None]
    index = np.minimum((counts < target).sum(axis=-1, keepdims=True), counts.shape[-1] - 1)
    upto = np.take_along_axis(counts, index, axis=-1)
    before = np.where(index > 0, np.take_along_axis(counts, np.maximum(index - 1, 0), axis=-1), 0.0)
    return np.asarray((index + (target - before) / np.maximum(upto - before, 1.0))[..., 0])


def _shares(alpha: float) -> Callable[..., tuple[Flags, Flags]]:
    def judge(_: np.random.Generator, treated: Flags, share: float) -> tuple[Flags, Flags]:
        counts = np.stack([_looks(chosen.astype(np.float64)) for chosen in (~treated, treated)], axis=-1)
        intended = np.array([1 - share, share])
        whole = counts.sum(axis=-1, keepdims=True) * intended
        chi2 = ((counts - whole) ** 2 / whole).sum(axis=-1)
        return mismatch.log_e(counts, intended) >= -np.log(alpha), np.asarray(chi2 > stats.chi2.isf(alpha, 1))

    return judge
