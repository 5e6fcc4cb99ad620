"""Training: a model, its thresholds, and the evidence for both. Pure."""

from dataclasses import dataclass

import numpy as np

from routers.learning import contract, folds
from routers.learning.contract import Contract, Kept
from routers.learning.evaluation import Choice, Judged
from routers.learning.fitting import estimates, fit
from routers.learning.gain import GainModel
from routers.learning.pairs import Vector

CALIBRATION = 0.4
"""Share of the questions that the model is not fitted to: by them thresholds are chosen."""


@dataclass(frozen=True, slots=True)
class Trained:
    """A model, the threshold of each contract, and the calibration's estimates and gains, each of shape (n,)."""

    model: GainModel
    kept: tuple[tuple[Contract, Kept], ...]
    estimates: Vector
    gains: Vector


def train(data: Judged, contracts: tuple[Contract, ...], choose: Choice, seed: int) -> Trained:
    """Fit to one part, calibrate on the other. Raises TiermeshError(INVALID_REQUEST) for fewer than 5 questions."""
    next(folds.split(len(data.pairs), None, seed))
    dealt = np.random.default_rng(seed).permutation(len(data.pairs))
    cut = max(1, round(CALIBRATION * len(dealt)))
    calibration, fitted = data.take(np.sort(dealt[:cut])), data.take(np.sort(dealt[cut:]))
    model = fit(fitted.texts, fitted.pairs, choose(fitted))
    found, gains = estimates(model, calibration.texts), calibration.pairs.gains
    ladder = contract.ladder(estimates(model, fitted.texts))
    kept = tuple((each, contract.keep(each, ladder, found, gains, seed)) for each in contracts)
    return Trained(model, kept, found, gains)
