"""GainModel: how much likelier the heavy tier is to be right than the light tier, from a request's text.

A generalised additive score that a router can take in its event loop: a line through measures of the text, a weight for
each known word and pair of words, and a weight for each dimension of an embedding where there is one. Pure Python.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise, repeat
from typing import NamedTuple

from routers.learning.features import Features, Term, features

INHERITED = 0.9
"""Share of an earlier turn's gain that the next keeps: "yes, do it" after a hard plan stays with the heavy tier."""
MAX_TURNS = 8
"""User turns that are looked at."""


class Line(NamedTuple):
    """One measure's part of the score: slope times the measure, which is cut to what the model has seen."""

    low: float
    high: float
    slope: float


@dataclass(frozen=True, slots=True)
class GainModel:
    """What a model has learnt. `embedding` holds one weight a dimension, or nothing."""

    intercept: float
    lines: tuple[Line, ...]
    terms: Mapping[Term, float] = field(default_factory=dict)
    embedding: tuple[float, ...] = ()

    def gain(self, turns: Sequence[str], vector: Sequence[float] = ()) -> float:
        """The estimated P(heavy right) - P(light right) of a conversation by what its user says, the last turn last.
        `vector` is the embedding of the last turn, for a model that has one.
        """
        gain = 0.0
        recent = turns[-MAX_TURNS:]
        for turn in recent[:-1]:
            gain = INHERITED * max(gain, self.of(features(turn)))
        own = self.of(features(recent[-1]), vector) if recent else 0.0
        return max(gain, own) if len(recent) > 1 else own

    def of(self, found: Features, vector: Sequence[float] = ()) -> float:
        """The estimate for one text."""
        score = self.intercept
        for (low, high, slope), measure in zip(self.lines, found.measures, strict=True):
            score += slope * (low if measure < low else high if measure > high else measure)
        if self.terms and found.words:
            known = self.terms.get
            total = sum(map(known, found.different, repeat(0.0))) + sum(map(known, pairwise(found.words), repeat(0.0)))
            score += total / math.sqrt(found.term_count)
        if vector:
            score += math.fsum(map(float.__mul__, self.embedding, vector))
        return score
