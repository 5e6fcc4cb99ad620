"""Mismatch: whether arms get other shares of the units than they should, which no analysis can make good."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from control_plane.stats.mixtures import Floats
from control_plane.stats.period import Period

CONCENTRATIONS = (1e2, 1e4, 1e6)
"""How near the intended shares others are looked for: from gross mistakes to what shows in millions of units only."""


@dataclass(frozen=True, slots=True)
class Mismatch:
    """Sequential and fixed-horizon p-value, and what they are about."""

    p: float
    """Anytime-valid."""
    fixed_p: float
    """Of the chi-square test: right once."""
    expected: Mapping[str, float]
    """Arm -> units that it should have, of as many as there are."""
    seen: Mapping[str, float]

    @classmethod
    def of(cls, arms: Sequence[str], periods: Sequence[Period]) -> "Mismatch":
        """Over all periods, each by its own shares."""
        expected, seen = np.zeros(len(arms)), np.zeros(len(arms))
        logs = np.zeros(len(CONCENTRATIONS))
        for period in periods:
            counts = np.array([period.units.get(arm, 0.0) for arm in arms])
            shares = np.array([max(period.shares.get(arm, 0.0), 0.0) for arm in arms])
            shares = shares / shares.sum()
            expected, seen = expected + counts.sum() * shares, seen + counts
            logs = logs + np.array([_log_bayes_factor(counts, shares, each) for each in CONCENTRATIONS])
        e = float(np.logaddexp.reduce(logs)) - math.log(len(logs))
        used = expected > 0
        even = expected[used] * seen[used].sum() / expected[used].sum()
        fixed = special.chdtrc(used.sum() - 1, ((seen[used] - even) ** 2 / even).sum())
        return cls(
            p=0.0 if (seen[~used] > 0).any() else math.exp(-max(e, 0.0)),
            fixed_p=float(fixed) if seen[used].sum() else 1.0,
            expected=dict(zip(arms, expected.tolist(), strict=True)),
            seen=dict(zip(arms, seen.tolist(), strict=True)),
        )


def log_e(counts: ArrayLike, shares: ArrayLike) -> Floats:
    """Logarithm of the evidence that units do not come in these shares; the last axis is the arms.

    A Bayes factor of a multinomial against its Dirichlet mixture is a martingale: Lindon and Malek, "Anytime-valid
    inference for multinomial count data", NeurIPS 2022, section 2. Averaged over `CONCENTRATIONS`.
    """
    logs = np.stack([_log_bayes_factor(counts, shares, each) for each in CONCENTRATIONS])
    return np.asarray(np.logaddexp.reduce(logs, axis=0) - math.log(len(CONCENTRATIONS)))


def _log_bayes_factor(counts: ArrayLike, shares: ArrayLike, concentration: float) -> Floats:
    seen, expected = np.asarray(counts, dtype=np.float64), np.asarray(shares, dtype=np.float64)
    used = expected > 0
    seen, prior = seen[..., used], concentration * expected[used]
    whole = special.gammaln(prior.sum()) - special.gammaln(prior.sum() + seen.sum(axis=-1))
    each = special.gammaln(prior + seen) - special.gammaln(prior) - seen * np.log(expected[used])
    return np.asarray(whole + each.sum(axis=-1))
