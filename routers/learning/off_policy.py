"""Off-policy: what another policy would have come to, from requests whose tier was drawn by known probabilities. Pure.

Inverse propensity weighting (Horvitz and Thompson, JASA 47, 1952) counts each request that got the tier that the policy
gives it, as often as there are others like it. The doubly robust estimate (Dudik, Langford and Li, "Doubly robust
policy evaluation and learning", ICML 2011) adds a model of the rewards, which takes away variance: here a line through
the estimated gain for each tier, fitted to other requests than those it is used on.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from routers.learning.pairs import Vector

Mask = NDArray[np.bool_]

Z95 = 1.959963984540054
"""Of a normal interval of 95%."""
_FOLDS = 5
_LEAST_PROPENSITY = 0.01
_LEAST_SIZE = 100.0
_MOST_OF_ONE = 0.05


@dataclass(frozen=True, slots=True)
class Logged:
    """n requests, each vector of shape (n,): the estimated gain, whether the heavy tier was asked, the probability with
    which such a request was given the tier that it got, and how good the answer was, in [0, 1]."""

    gains: Vector
    heavy: Mask
    propensities: Vector
    rewards: Vector

    def __len__(self) -> int:
        return len(self.gains)


@dataclass(frozen=True, slots=True)
class Estimate:
    """With a 95% interval for this number of requests: normal, so not for a few."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, terms: Vector) -> "Estimate":
        """The mean of independent terms, one a request."""
        reach = Z95 * float(terms.std(ddof=1)) / len(terms) ** 0.5 if len(terms) > 1 else np.inf
        mean = float(terms.mean())
        return cls(mean, mean - reach, mean + reach)


@dataclass(frozen=True, slots=True)
class Worth:
    """What a policy would have come to on these requests."""

    requests: int
    heavy_share: float
    """That it asks the heavy tier."""
    quality: Estimate
    """Of its answers, doubly robust."""
    loss: Estimate
    """Against asking the heavy tier always, doubly robust."""
    loss_by_propensity: Estimate
    """The same by inverse propensities alone."""
    effective_size: float
    """So many requests would tell as much, had they been given the policy's tiers (Kish 1965)."""
    warnings: tuple[str, ...]


def judge(logged: Logged, light: Mask) -> Worth:
    """What a policy is worth that gives these requests, of shape (n,), to the light tier and all others to the heavy
    one. Needs at least two requests."""
    weights = 1 / logged.propensities
    agrees = logged.heavy != light
    models = [_model(logged, heavy) for heavy in (False, True)]
    by_light, by_heavy = (
        robust + np.where(logged.heavy == heavy, weights * (logged.rewards - robust), 0.0)
        for robust, heavy in zip(models, (False, True), strict=True)
    )
    signs = np.where(logged.heavy, 1.0, -1.0)
    return Worth(
        requests=len(logged),
        heavy_share=float(1 - light.mean()),
        quality=Estimate.of(np.where(light, by_light, by_heavy)),
        loss=Estimate.of(np.where(light, by_heavy - by_light, 0.0)),
        loss_by_propensity=Estimate.of(np.where(light, signs * weights * logged.rewards, 0.0)),
        effective_size=_effective_size(weights[agrees]),
        warnings=tuple(_warnings(logged, light, weights, agrees)),
    )


def _model(logged: Logged, heavy: bool) -> Vector:
    """The reward that a tier is expected to get for each request, by a line fitted to the requests of other folds."""
    folds = np.arange(len(logged)) % _FOLDS
    found = np.empty(len(logged))
    for fold in range(_FOLDS):
        known = (logged.heavy == heavy) & (folds != fold)
        rows = folds == fold
        found[rows] = _line(logged.gains[known], logged.rewards[known], logged.gains[rows])
    return np.clip(found, 0.0, 1.0)


def _line(x: Vector, y: Vector, at: Vector) -> Vector:
    if not len(x):
        return np.full(len(at), 0.5)
    spread = float(((x - x.mean()) ** 2).sum())
    # As if one more request had varied by 1: of few requests the line is flat.
    slope = float(((x - x.mean()) * (y - y.mean())).sum()) / (spread + 1.0)
    return np.asarray(y.mean() + slope * (at - x.mean()))


def _effective_size(weights: Vector) -> float:
    return float(weights.sum() ** 2 / (weights**2).sum()) if len(weights) else 0.0


def _warnings(logged: Logged, light: Mask, weights: Vector, agrees: Mask) -> list[str]:
    said = []
    if not light.any():
        said.append("The policy asks the heavy tier always: it loses nothing, and saves nothing.")
    for heavy, name in ((False, "light"), (True, "heavy")):
        if light.any() and not (light & (logged.heavy == heavy)).any():
            said.append(f"Of what the policy gives to the light tier, nothing was logged of the {name} tier.")
    if (rare := int((logged.propensities < _LEAST_PROPENSITY).sum())) > 0:
        said.append(f"{rare} requests had a propensity below {_LEAST_PROPENSITY:g}: a few of them decide.")
    if (size := _effective_size(weights[agrees])) < _LEAST_SIZE:
        said.append(f"The effective size is {size:.0f}: too few requests got the tier that the policy gives them.")
    counted = weights[light]
    if len(counted) and (most := float(counted.max() / counted.sum())) > _MOST_OF_ONE:
        said.append(f"One request makes {most:.0%} of the estimated loss.")
    return said
