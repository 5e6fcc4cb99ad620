"""Logistic regression: from evidence to the probability that an answer is right."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from routers.cache.evidence import Booleans, Floats

_RIDGE = 1.0
"""Pulls weights of standardised features towards 0: a handful of examples, all right, must not look like certainty."""
_MOST_STEPS = 50
_DONE = 1e-6


@dataclass(frozen=True, slots=True)
class Regression:
    """A fitted model. Features are standardised by the examples it was fitted to."""

    centre: Floats
    scale: Floats
    weights: Floats
    """The intercept first."""

    @classmethod
    def fit(cls, features: Floats, right: Booleans) -> Self:
        """Fit to examples, shape (examples, features), by Newton's method (iteratively reweighted least squares)."""
        centre, scale = features.mean(axis=0), features.std(axis=0)
        scale = np.where(scale > 0, scale, 1.0)
        design = _design(features, centre, scale)
        weights = np.zeros(design.shape[1])
        ridge = np.full(design.shape[1], _RIDGE)
        for _ in range(_MOST_STEPS):
            p = _logistic(design @ weights)
            gradient = design.T @ (p - right) + ridge * weights
            curvature = (design * (p * (1 - p))[:, None]).T @ design + np.diag(ridge)
            step = np.linalg.solve(curvature, gradient)
            weights -= step
            if np.abs(step).max() < _DONE:
                break
        return cls(centre, scale, weights)

    def log_odds(self, features: Floats) -> Floats:
        """That each answer is right; shape (rows,)."""
        log_odds: Floats = self.weights[0] + ((features - self.centre) / self.scale) @ self.weights[1:]
        return log_odds


def _design(features: Floats, centre: Floats, scale: Floats) -> Floats:
    return np.column_stack([np.ones(len(features)), (features - centre) / scale])


def _logistic(x: Floats) -> Floats:
    return 1 / (1 + np.exp(-np.clip(x, -30, 30)))
