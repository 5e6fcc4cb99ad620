"""GainModel: how much likelier the heavy tier is to be right than the light tier, from a request's text.

Two generalised additive models that a router can take in its event loop, one for each tier's chance to be right: a
slope for each measure of the text, a weight for each known word and pair of words, and a weight for each dimension of
an embedding where there is one. Pure Python.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, repeat
from operator import mul
from typing import NamedTuple

from routers.learning.features import MAX_CHARACTERS, Features, Term, features

INHERITED = 0.9
"""Share of an earlier turn's gain that the next keeps: "yes, do it" after a hard plan stays with the heavy tier."""
MAX_TURNS = 8
"""User turns that are looked at."""


def embedded(turns: Sequence[str]) -> str:
    """What of a conversation is embedded: its last turn. Empty: nothing."""
    return turns[-1][:MAX_CHARACTERS] if turns else ""


class Odds(NamedTuple):
    """The logarithm of a tier's odds to be right, as a sum. `embedding` holds one weight a dimension, or nothing."""

    intercept: float
    slopes: tuple[float, ...]
    terms: Mapping[Term, float] = {}
    embedding: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class GainModel:
    """What a model has learnt. Measures are cut to what it has seen: from `lows` to `highs`."""

    lows: tuple[float, ...]
    highs: tuple[float, ...]
    light: Odds
    heavy: Odds

    @property
    def embedding(self) -> tuple[float, ...]:
        """Empty where no vector is needed."""
        return self.heavy.embedding

    def gain(self, turns: Sequence[str], vector: Sequence[float] = ()) -> float:
        """The estimated P(heavy right) - P(light right) of a conversation by what its user says, the last turn last.
        `vector` is the embedding of what is `embedded` of it, for a model that has one.
        """
        gain = 0.0
        recent = turns[-MAX_TURNS:]
        for turn in recent[:-1]:
            gain = INHERITED * max(gain, self.of(features(turn)))
        own = self.of(features(recent[-1]), vector) if recent else 0.0
        return max(gain, own) if len(recent) > 1 else own

    def of(self, found: Features, vector: Sequence[float] = ()) -> float:
        """The estimate for one text."""
        bounds = zip(self.lows, self.highs, found.measures, strict=True)
        measures = [low if measure < low else high if measure > high else measure for low, high, measure in bounds]
        return _chance(self.heavy, measures, found, vector) - _chance(self.light, measures, found, vector)


def _chance(odds: Odds, measures: Sequence[float], found: Features, vector: Sequence[float]) -> float:
    score = odds.intercept + sum(map(mul, odds.slopes, measures))
    if odds.terms and found.words:
        known = odds.terms.get
        total = sum(map(known, found.different, repeat(0.0))) + sum(map(known, pairwise(found.words), repeat(0.0)))
        score += total / math.sqrt(found.term_count)
    if vector:
        score += math.fsum(map(mul, odds.embedding, vector))
    return 0.5 + 0.5 * math.tanh(0.5 * score)
