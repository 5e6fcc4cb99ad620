"""Bandit: shares of the traffic that follow what arms have shown, and never starve one."""

from collections.abc import Mapping

import numpy as np
from scipy import special

from control_plane.stats.design import Goal
from control_plane.stats.estimate import Estimate
from control_plane.stats.means import LEAST_UNITS

_POINTS = 2001


def shares(estimates: Mapping[str, Estimate], goal: Goal, floor: float) -> dict[str, float]:
    """Each arm's share: the probability that it is the best one (Thompson, Biometrika 25, 1933), but at least `floor`.

    All alike while an arm has fewer than 100 units. A change of shares begins a new `Period`: arms' pooled means are
    biased by the choice of who got more (Nie, Tian, Taylor and Zou, "Why adaptively collected data have negative bias
    and how to correct for it", AISTATS 2018), differences within periods are not, as long as each arm keeps a share.

    Raises ValueError where the floors leave nothing.
    """
    if not 0 < floor * len(estimates) < 1:
        raise ValueError(
            f"A floor of {floor} for each of {len(estimates)} arms: it has to be above 0, and below 1 in all."
        )
    known = all(estimate.units >= LEAST_UNITS and estimate.variance > 0 for estimate in estimates.values())
    best = chances(estimates, goal) if known else dict.fromkeys(estimates, 1 / len(estimates))
    left = 1 - floor * len(estimates)
    return {arm: floor + left * chance for arm, chance in best.items()}


def chances(estimates: Mapping[str, Estimate], goal: Goal) -> dict[str, float]:
    """The probability that an arm is the best, from normal posteriors; integrated, not drawn."""
    sign = 1 if goal is Goal.INCREASE else -1
    means = np.array([sign * float(estimate.value) for estimate in estimates.values()])
    errors = np.sqrt([float(estimate.variance) for estimate in estimates.values()])
    # Of each arm at its own quantiles: where all others are below.
    levels = (np.arange(_POINTS) + 0.5) / _POINTS
    found = []
    for index, (mean, error) in enumerate(zip(means, errors, strict=True)):
        at = mean + error * special.ndtri(levels)
        below = special.ndtr((at[:, None] - means) / errors)
        found.append(float(np.delete(below, index, axis=1).prod(axis=1).mean()))
    return {arm: chance / sum(found) for arm, chance in zip(estimates, found, strict=True)}
