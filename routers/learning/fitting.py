"""Fitting: each tier's chance to be right by penalised logistic regression, shrunk towards the text's length. Pure.

The gain is the difference of the two chances. Fitting both tells more than fitting their difference, of which most
answers say nothing: both tiers are right or both are wrong. Length alone is the baseline that carries from one kind of
question to another, so its slope has no penalty; what else a text tells has (le Cessie and van Houwelingen 1992,
Applied Statistics 41(1)). Marks between 0 and 1 count as shares of a right answer. A single mark is mostly chance:
where domains are known, part of each is replaced by the mean of its domain (partial pooling, Gelman and Hill 2007,
chapter 12).

Of questions from elsewhere less is believed. How hard a question is for both tiers carries over to them; by how much
more for the one than for the other hardly does. So most measures make up one *difficulty*, from which both chances
follow (item response theory, Birnbaum 1968): the gain is largest where it is neither low nor high.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from routers.learning.design import FURTHEST, Matrix, Scaled, Terms, Texts
from routers.learning.features import CARRIED
from routers.learning.gain import GainModel, Odds
from routers.learning.pairs import Pairs, Vector

_STEPS, _TOLERANCE = 30, 1e-3
_ITERATIONS, _CLOSENESS = 100, 0.05
"""Of the conjugate gradients in each of Newton's steps."""
_FREE = 0.01
"""The penalty of intercept and length: without any, odds of answers that are all right have no bound."""
_LEAST_CURVATURE = 1e-3
_PRIOR = 10
"""Questions of the mean of all, that are counted to each domain."""


@dataclass(frozen=True, slots=True)
class Penalty:
    """How far a model may go from length alone: a ridge penalty, and how much each kind of feature is worth; 0 leaves
    it out."""

    ridge: float = 2.0
    measures: float = 0.3
    terms: bool = True
    embedding: float = 0.0
    pooled: float = 0.6
    """The part of a mark that is its domain's."""
    difficulty: float = 0.0
    """What measures that do not carry over are worth as one difficulty of both tiers, which goes without terms; 0 lets
    each tier weigh all for itself."""


NEAR = Penalty()
"""For questions of the kinds that were fitted to."""
FAR = Penalty(ridge=10.0, terms=False, pooled=0.0, difficulty=0.15)
"""For questions of other kinds: words mislead there, and little is trusted."""
_STEEPER = 1.15
"""How much faster the heavy tier's odds change with difficulty. It can't be told from some thousand answers: 0.75 to
1.5 on parts of MMLU. Anything from 1.1 to 1.4 ranks subjects that are held out better than 1 does."""


def fit(texts: Texts, pairs: Pairs, penalty: Penalty) -> GainModel:
    """The model of these texts, in the order of these pairs."""
    scaled = Scaled.of(texts.measures)
    measures = scaled.apply(texts.measures)
    worth = np.full(measures.shape[1], penalty.measures)
    if penalty.difficulty:
        worth[CARRIED:] = penalty.difficulty
    vectors, centre, scale = _centred(texts)
    free = np.column_stack([np.ones(len(texts)), measures[:, 0]])
    dense = np.hstack([free, measures * worth, vectors * penalty.embedding])
    terms = Terms.of(texts) if penalty.terms else None
    count = len(worth)

    def odds(weights: Vector) -> Odds:
        slopes = weights[2 : 2 + count] * worth
        slopes[0] += weights[1]
        slopes /= scaled.deviations
        embedding = weights[2 + count : dense.shape[1]] * penalty.embedding / scale
        of_terms = weights[dense.shape[1] :] * terms.weights if terms else weights[:0]
        return Odds(
            float(weights[0] - embedding @ centre - scaled.means @ slopes),
            tuple(slopes.tolist()),
            dict(zip(terms.known, of_terms.tolist(), strict=True)) if terms else {},
            tuple(embedding.tolist()) if penalty.embedding else (),
        )

    reach = FURTHEST * scaled.deviations
    lows, highs = (tuple(ends.tolist()) for ends in (scaled.means - reach, scaled.means + reach))
    light, heavy = (_pooled(marks, pairs.domains, penalty.pooled) for marks in (pairs.weak, pairs.strong))
    if penalty.difficulty:
        of_light, of_heavy = _regress_both(dense, light, heavy, penalty.ridge)
    else:
        ridge = _ridge(dense, terms, penalty.ridge)
        of_light, of_heavy = (_regress(dense, terms, marks, ridge) for marks in (light, heavy))
    return GainModel(lows, highs, odds(of_light), odds(of_heavy))


def estimates(model: GainModel, texts: Texts) -> Vector:
    """The model's estimate for each text, shape (n,): `GainModel.of` for many at once."""
    measures = np.clip(texts.measures, model.lows, model.highs)
    return _chances(model.heavy, measures, texts) - _chances(model.light, measures, texts)


def _chances(odds: Odds, measures: Matrix, texts: Texts) -> Vector:
    scores: Vector = odds.intercept + measures @ np.array(odds.slopes)
    if odds.terms:
        weights = np.array([odds.terms.get(term, 0.0) for term in texts.vocabulary])
        totals = np.bincount(texts.rows, weights[texts.held], len(texts))
        scores += totals / np.sqrt(np.maximum(texts.counts, 1))
    if odds.embedding:
        assert texts.vectors is not None, "a model of embeddings needs them"
        scores += texts.vectors.astype(float) @ np.array(odds.embedding)
    return _logistic(scores)


def _logistic(scores: Vector) -> Vector:
    found: Vector = 0.5 + 0.5 * np.tanh(0.5 * scores)
    return found


def _pooled(marks: Vector, domains: Sequence[str] | None, share: float) -> Vector:
    """Marks of which this share is the mean of their domain."""
    if domains is None or not share:
        return marks
    _, places = np.unique(domains, return_inverse=True)
    counts = np.bincount(places)
    means = (np.bincount(places, marks) + _PRIOR * marks.mean()) / (counts + _PRIOR)
    found: Vector = (1 - share) * marks + share * means[places]
    return found


def _centred(texts: Texts) -> tuple[Matrix, Vector, float]:
    """Embeddings less their mean, of a mean square length of 1; the mean and the scale."""
    if texts.vectors is None:
        return np.zeros((len(texts), 0)), np.zeros(0), 1.0
    centre = texts.vectors.mean(axis=0, dtype=float)
    vectors = texts.vectors - centre
    scale = float(np.sqrt((vectors**2).sum(axis=1).mean())) or 1.0
    return vectors / scale, centre, scale


def _ridge(dense: Matrix, terms: Terms | None, penalty: float) -> Vector:
    """The penalty of each weight: the first two columns are intercept and length."""
    ridge = np.full(dense.shape[1] + (len(terms.known) if terms else 0), penalty)
    ridge[:2] = _FREE
    return ridge


def _regress_both(dense: Matrix, light: Vector, heavy: Vector, penalty: float) -> tuple[Vector, Vector]:
    """The weights of both tiers, of which those after the measures that carry over are one difficulty."""
    own, shared = np.split(dense, [2 + CARRIED], axis=1)
    count, none = own.shape[1], np.zeros_like(own)
    both = np.block([[own, none, shared], [none, own, _STEEPER * shared]])
    ridge = _ridge(own, None, penalty)
    weights = _regress(both, None, np.r_[light, heavy], np.r_[ridge, ridge, np.full(shared.shape[1], penalty)])
    of_light, of_heavy, difficulty = np.split(weights, [count, 2 * count])
    return np.r_[of_light, difficulty], np.r_[of_heavy, _STEEPER * difficulty]


def _regress(dense: Matrix, terms: Terms | None, marks: Vector, ridge: Vector) -> Vector:
    """Weights of the dense columns and of the terms, `ridge` of each; by Newton's method."""
    count = dense.shape[1]

    def times(weights: Vector) -> Vector:
        found: Vector = dense @ weights[:count]
        return found + terms.times(weights[count:]) if terms else found

    def transposed(numbers: Vector) -> Vector:
        found: Vector = dense.T @ numbers
        return np.r_[found, terms.transposed_times(numbers)] if terms else found

    weights = np.zeros(len(ridge))
    first = 0.0
    for _ in range(_STEPS):
        chances = _logistic(times(weights))
        downhill = transposed(marks - chances) - ridge * weights
        first = first or float(downhill @ downhill)
        if float(downhill @ downhill) <= _TOLERANCE**2 * first:
            break
        curvature = np.maximum(chances * (1 - chances), _LEAST_CURVATURE)

        def curved(each: Vector, by: Vector = curvature) -> Vector:
            return transposed(by * times(each)) + ridge * each

        weights = weights + _solve(curved, downhill)
    return weights


def _solve(apply: Callable[[Vector], Vector], right: Vector) -> Vector:
    """`apply(x) = right`, nearly, for a symmetric positive definite `apply`, by conjugate gradients (Hestenes and
    Stiefel 1952)."""
    solution: Vector = np.zeros_like(right)
    residual = direction = right
    squared = first = float(residual @ residual)
    for _ in range(_ITERATIONS):
        if squared <= _CLOSENESS**2 * first:
            break
        applied = apply(direction)
        step = squared / float(direction @ applied)
        solution = solution + step * direction
        residual = residual - step * applied
        before, squared = squared, float(residual @ residual)
        direction = residual + squared / before * direction
    return solution
