"""The quality contract: up to which estimated gain the light tier may answer, so that a bound on what is lost holds
with a stated confidence, whatever the distribution of questions and however bad the model.

The *loss* of a policy is the mean of what the heavy tier would have gained on questions that went to the light tier: in
quality a request, against sending all to the heavy tier. The rungs of a ladder of policies are tried from the safest
on, each by a test of "the loss is above the bound", until one is not rejected: fixed-sequence testing, by which the
chosen one breaks the bound with a probability of at most 1 - confidence (Angelopoulos, Bates, Candès, Jordan and Lei
2021, "Learn then Test", arXiv 2110.01052). The test is a bet: whoever bets against the bound, and never more than is at
hand, becomes 1 / (1 - confidence) times as rich with at most that probability where the bound is broken (Waudby-Smith
and Ramdas 2024, "Estimating means of bounded random variables by betting", JRSS B 86(1), arXiv 2010.09686; Ville 1939).
Each question may be judged by another model, so long as that has not seen it: then what is shown is that not all of
these models break the bound. Weights, which no gain may decide, only say on which questions more is bet. Pure.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from routers.learning.design import Places
from routers.learning.pairs import Vector

LADDER: Vector = np.linspace(0.0025, 1, 400)
"""Shares of the fitted questions below a rung's threshold, from the safest on."""
_MOST_BET = 0.5
"""Of what is at hand, that a bet may lose: a whole one could never be won back."""
_WIDEST = 0.25
"""The variance that is believed before the first question."""


@dataclass(frozen=True, slots=True)
class Contract:
    """At most `max_loss` quality a request is lost, with `confidence`."""

    max_loss: float = 0.02
    confidence: float = 0.95


def rungs(fitted: Vector, estimates: Vector) -> Places:
    """For each estimate of a model, the safest rung that sends it to the light tier; len(LADDER) for none. `fitted`
    are its estimates of the questions that it was fitted to."""
    return np.searchsorted(thresholds(fitted), estimates, side="right")


def thresholds(fitted: Vector) -> Vector:
    """Of each rung, for a model with these estimates of the questions that it was fitted to."""
    found: Vector = np.quantile(fitted, LADDER).astype(float)
    return found


def furthest(contract: Contract, rungs: Places, gains: Vector, weights: Vector) -> int:
    """The last rung that is shown to keep the contract, with all before it; -1 where none is.

    Question i, of n in an order that chance drew, goes to the light tier from rung `rungs[i]` on, which loses
    `gains[i]` and is bet on by `weights[i]`, above 0.
    """
    steps = np.arange(len(LADDER))
    rows = (np.where(steps >= rung, gain, 0.0) for rung, gain in zip(rungs.tolist(), gains.tolist(), strict=True))
    shown = shows(rows, weights, contract)
    return int(np.argmin(shown)) - 1 if not shown.all() else len(LADDER) - 1


def shows(rows: Iterable[Vector], weights: Vector, contract: Contract) -> NDArray[np.bool_]:
    """For each policy, whether its losses, n rows of one in [-1, 1] a policy, show that not all of them are expected
    to be above the bound; the more of the n `weights` a row has, the more is bet on it.

    Each bet is sized by what is still to be won, in the questions that are left, at the variance so far (Voráček and
    Orabona 2025, "STaR-Bets", arXiv 2505.22422): who is behind bets more, who is there stops.
    """
    needed = math.log(1 / (1 - contract.confidence))
    most = _MOST_BET / (1 - contract.max_loss)
    wealth = sums = np.zeros(1)
    squares = variance = np.full(1, _WIDEST)
    to_come = np.cumsum(weights[::-1] ** 2)[::-1]
    for number, losses in enumerate(rows):
        left = np.maximum(needed - wealth, 0.0)
        bets = np.minimum(weights[number] * np.sqrt(2 * left / (to_come[number] * variance)), most)
        wealth = wealth + np.log1p(bets * (contract.max_loss - losses))
        sums = sums + losses
        squares = squares + (losses - sums / (number + 2)) ** 2
        variance = squares / (number + 2)
    return wealth >= needed
