"""Training: a model, its thresholds, and the evidence for both. Pure but for progress.

Each question but the first ones is judged by a model that was fitted to those before it, and is fitted to after that:
progressive validation, which keeps no question from the model for good (Blum, Kalai and Langford 1999, "Beating the
hold-out: bounds for k-fold and progressive cross-validation", COLT). The model that is written is fitted to all
questions, with the same share of them below its threshold. It is assumed to lose no more than any of the others: it has
seen all that they have, and more. Then, where it breaks the bound, so do they all, and the bets against that are won
with the stated probability at most. More is bet on models that have seen more.
"""

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from routers.learning import contract, folds
from routers.learning.contract import Contract
from routers.learning.design import Places
from routers.learning.evaluation import Choice, Judged, Progress
from routers.learning.fitting import estimates, fit
from routers.learning.gain import GainModel
from routers.learning.pairs import Vector

FIRST = 1 / 6
"""Share of the questions that are fitted to alone: a model of fewer says little of the one that is written."""
PARTS = 10
"""Of the other questions, each judged by a model of its own: of more the models take longer and are hardly better."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What a contract came to: requests whose estimate is below `threshold` go to the light tier. `saved` is their
    share of the questions judged, `loss` what they lost. Where nothing could be shown, the threshold is -inf."""

    threshold: float
    saved: float
    loss: float


@dataclass(frozen=True, slots=True)
class Trained:
    """A model, and the threshold of each contract, by so many questions judged."""

    model: GainModel
    kept: tuple[tuple[Contract, Kept], ...]
    judged: int


def train(data: Judged, contracts: tuple[Contract, ...], choose: Choice, seed: int, progress: Progress) -> Trained:
    """Judge, choose and fit. The order of the questions is drawn by `seed`; any is valid.

    Raises TiermeshError(INVALID_REQUEST) for fewer than 5 questions.
    """
    next(folds.split(len(data.pairs), None, seed))
    dealt = data.take(np.random.default_rng(seed).permutation(len(data.pairs)))
    judged = _judge(dealt, choose, progress)
    model = fit(dealt.texts, dealt.pairs, choose(dealt))
    thresholds = contract.thresholds(estimates(model, dealt.texts))
    kept = tuple((each, _keep(each, thresholds, judged)) for each in contracts)
    progress("models fitted", PARTS + 1, PARTS + 1)
    return Trained(model, kept, len(judged.gains))


class _Verdicts(NamedTuple):
    """Of each question but the first ones: from which rung on it goes to the light tier, what that loses, and how many
    questions its model has seen."""

    rungs: Places
    gains: Vector
    seen: Vector


def _judge(dealt: Judged, choose: Choice, progress: Progress) -> _Verdicts:
    count = len(dealt.pairs)
    ends = np.linspace(max(1, count * FIRST), count, PARTS + 1).astype(int)
    rungs = []
    for number, (begin, end) in enumerate(pairwise(ends)):
        fitted, judged = dealt.take(np.arange(begin)), dealt.texts.take(np.arange(begin, end))
        model = fit(fitted.texts, fitted.pairs, choose(fitted))
        rungs.append(contract.rungs(estimates(model, fitted.texts), estimates(model, judged)))
        progress("models fitted", number + 1, PARTS + 1)
    seen = np.repeat(ends[:-1], np.diff(ends)).astype(float)
    return _Verdicts(np.concatenate(rungs), dealt.pairs.gains[ends[0] :], seen)


def _keep(asked: Contract, thresholds: Vector, judged: _Verdicts) -> Kept:
    rungs, gains, seen = judged
    rung = contract.furthest(asked, rungs, gains, seen)
    light = rungs <= rung
    threshold = float(thresholds[rung]) if rung >= 0 else -math.inf
    return Kept(threshold, float(light.mean()), float((gains * light).mean()))
