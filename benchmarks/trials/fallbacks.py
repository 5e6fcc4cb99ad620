"""Fallbacks: a tenth of the treated units are answered by the control's model after all, and not by chance."""

from dataclasses import dataclass

import numpy as np

from benchmarks.trials.peeking import Flags, Floats
from control_plane.stats import proportions
from control_plane.stats.estimate import Estimate, Kind
from control_plane.stats.fixed import Fixed
from control_plane.stats.moments import Moments

UNITS, LOOKS = 10_000, 20
ALPHA = 0.05
HARD = 0.2
"""Share of units with a hard question: these fall back most."""
FALLS_BACK = {False: 0.025, True: 0.4}
"""Hard? -> probability; a tenth of all."""
RESOLVED = {False: (0.66, 0.72), True: (0.36, 0.42)}
"""Hard? -> by the control's model, by the candidate's."""


@dataclass(frozen=True, slots=True)
class Found:
    """Shares of runs whose interval holds the difference that assignment makes."""

    anytime: float
    """At each of the looks."""
    fixed: float
    """At the last one."""
    answered: float
    """At the last one, if units that fell back were left out."""


def truth() -> float:
    """What assigning the candidate changes, fallbacks and all."""
    of = {hard: (1 - FALLS_BACK[hard]) * (after - before) for hard, (before, after) in RESOLVED.items()}
    return HARD * of[True] + (1 - HARD) * of[False]


def measure(runs: int, seed: int) -> Found:
    """So many experiments."""
    rng = np.random.default_rng(seed)
    covered = np.array([_run(rng) for _ in range(runs)])
    return Found(*(float(share) for share in covered.mean(axis=0)))


def _run(rng: np.random.Generator) -> tuple[bool, bool, bool]:
    hard, treated = rng.random(UNITS) < HARD, rng.random(UNITS) < 0.5
    fell = treated & (rng.random(UNITS) < np.where(hard, FALLS_BACK[True], FALLS_BACK[False]))
    before, after = (np.where(hard, RESOLVED[True][side], RESOLVED[False][side]) for side in (0, 1))
    y = (rng.random(UNITS) < np.where(treated & ~fell, after, before)).astype(np.float64)
    return _always(y, treated), _holds(y[~treated], y[treated]), _holds(y[~treated], y[treated & ~fell])


def _always(y: Floats, treated: Flags) -> bool:
    """The interval excludes what its evidence refutes."""
    ends = slice(UNITS // LOOKS - 1, None, UNITS // LOOKS)
    of_control, control, of_treated, both = (
        np.cumsum(each)[ends].astype(np.float64) for each in (y * ~treated, ~treated, y * treated, treated)
    )
    counts = [proportions.Counts(of_control, control, of_treated, both, 0.5)]
    most = [proportions.log_e(counts, sign, truth()).max() for sign in (1, -1)]
    return bool(max(most) < -np.log(ALPHA / 2))


def _holds(control: Floats, treated: Floats) -> bool:
    low, high = Fixed.absolute(*(_estimate(values) for values in (control, treated))).interval(ALPHA)
    return low <= truth() <= high


def _estimate(values: Floats) -> Estimate:
    return Estimate.of(Moments.from_arrays(values), Kind.PROPORTION)
