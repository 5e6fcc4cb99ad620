"""The quality contract: up to which estimated gain the light tier may answer, so that a bound on what is lost holds
with a stated confidence, whatever the distribution of questions and however bad the model.

The *loss* of a policy is the mean of what the heavy tier would have gained on questions that went to the light tier: in
quality a request, against sending all to the heavy tier. Thresholds are tried from the safest on, each by a test of
"the loss is above the bound", until one is not rejected: fixed-sequence testing, by which the chosen one breaks the
bound with a probability of at most 1 - confidence (Angelopoulos, Bates, Candès, Jordan and Lei 2021, "Learn then
Test", arXiv 2110.01052). The test is a bet: whoever bets against the bound, and never more than is at hand, becomes
1 / (1 - confidence) times as rich with at most that probability where the bound is broken (Waudby-Smith and Ramdas
2024, "Estimating means of bounded random variables by betting", JRSS B 86(1), arXiv 2010.09686; Ville 1939). Valid for
questions like those of the calibration, which neither the model nor the thresholds may have seen. Pure.
"""

import math
from dataclasses import dataclass

import numpy as np

from routers.learning.pairs import Vector

LADDER: Vector = np.linspace(0.01, 1, 100)
"""Shares of the fitted questions below a threshold, from the safest on."""
_MOST_BET = 0.5
"""Of what is at hand, that a bet may lose: a whole one could never be won back."""


@dataclass(frozen=True, slots=True)
class Contract:
    """At most `max_loss` quality a request is lost, with `confidence`."""

    max_loss: float = 0.02
    confidence: float = 0.95


@dataclass(frozen=True, slots=True)
class Kept:
    """What a contract came to: requests whose estimate is below `threshold` go to the light tier. `saved` is their
    share in the calibration, `loss` what they lost there. Where nothing could be shown, the threshold is -inf."""

    threshold: float
    saved: float
    loss: float


def ladder(estimates: Vector) -> Vector:
    """Thresholds to be tried, from estimates of questions that are not in the calibration."""
    return np.unique(np.quantile(estimates, LADDER))


def keep(contract: Contract, thresholds: Vector, estimates: Vector, gains: Vector, seed: int) -> Kept:
    """The largest threshold that the calibration, of `estimates` and `gains` of shape (n,), shows to keep the contract.

    The order in which the calibration is bet on is drawn by `seed`; any order is valid.
    """
    order = np.random.default_rng(seed).permutation(len(gains))
    found = Kept(-math.inf, 0.0, 0.0)
    for threshold in thresholds:
        below = estimates < threshold
        losses = np.where(below, gains, 0.0)
        if not shows(losses[order], contract):
            break
        found = Kept(float(threshold), float(below.mean()), float(losses.mean()))
    return found


def shows(losses: Vector, contract: Contract) -> bool:
    """Whether losses in [-1, 1], in an order that they did not choose, show that their mean is at most the bound."""
    count = len(losses)
    if not count:
        return False
    needed = math.log(1 / (1 - contract.confidence))
    edges = contract.max_loss - losses
    # Each bet is sized by the losses before it: as large as a mean of this spread can be told from the bound by.
    seen = np.arange(1, count + 1)
    means = (np.cumsum(losses)) / (seen + 1)
    spread = (0.25 + np.cumsum((losses - means) ** 2)) / (seen + 1)
    variance = np.r_[0.25, spread[:-1]]
    bets = np.minimum(np.sqrt(2 * needed / (count * variance)), _MOST_BET / (1 - contract.max_loss))
    return bool(np.cumsum(np.log1p(bets * edges)).max() >= needed)
