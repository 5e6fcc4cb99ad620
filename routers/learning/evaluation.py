"""How good a router is on questions it was not fitted to, beside length alone and chance. Pure but for progress."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from routers.learning import curves, folds
from routers.learning.curves import Block, Quality
from routers.learning.design import Texts
from routers.learning.fitting import Penalty, estimates, fit
from routers.learning.pairs import Pairs, Vector

Progress = Callable[[str, int, int], None]
"""Called with what is done, how much of it, and of how much."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """`estimates` and `gains`, shape (n,), are of the questions judged by, in the same order."""

    router: Quality
    length: Quality
    random: Quality
    estimates: Vector
    gains: Vector

    def as_object(self) -> dict[str, Any]:
        """What `tiermesh router eval --json` prints."""
        parts = ("router", self.router), ("length", self.length), ("random", self.random)
        return {"n": len(self.gains), **{name: part.as_object() for name, part in parts}}


@dataclass(frozen=True, slots=True)
class Judged:
    """Questions with their texts."""

    pairs: Pairs
    texts: Texts

    def take(self, rows: folds.Rows) -> "Judged":
        """These of them."""
        return Judged(self.pairs.take(rows), self.texts.take(rows))


Choice = Callable[[Judged], Penalty]
"""How far a model may go, by the questions that it is fitted to and no others."""


def cross_validate(data: Judged, grouped: bool, choose: Choice, seed: int, progress: Progress) -> Evaluation:
    """Judge each fifth of the questions by a model of the others; of whole domains where `grouped`."""
    groups = data.pairs.domains if grouped else None
    judged = []
    for done, (fitted, held_out) in enumerate(folds.split(len(data.pairs), groups, seed), 1):
        part = data.take(fitted)
        judged.append((fit(part.texts, part.pairs, choose(part)), data.take(held_out)))
        progress("folds fitted", done, folds.FOLDS)
    return _evaluate([(estimates(model, part.texts), part.pairs) for model, part in judged], seed)


def hold_out(train: Judged, test: Judged, choose: Choice, seed: int) -> Evaluation:
    """Judge by other data than was fitted to."""
    model = fit(train.texts, train.pairs, choose(train))
    return _evaluate([(estimates(model, test.texts), test.pairs)], seed)


def _evaluate(parts: Iterable[tuple[Vector, Pairs]], seed: int) -> Evaluation:
    found = list(parts)

    def judged(scores: Iterable[Vector], resamples: int = curves.RESAMPLES) -> Quality:
        blocks = [Block(each, part.gains) for each, (_, part) in zip(scores, found, strict=True)]
        return curves.quality(blocks, seed, resamples)

    return Evaluation(
        judged(scores for scores, _ in found),
        judged(np.array([len(prompt) for prompt in part.prompts], dtype=float) for _, part in found),
        judged((np.zeros(len(part)) for _, part in found), resamples=1),  # chance is the same whatever is drawn
        np.concatenate([scores for scores, _ in found]),
        np.concatenate([part.gains for _, part in found]),
    )
