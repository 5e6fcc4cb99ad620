"""The watch: whether what is answered in service still keeps the promise, looked at after every verified request.

A bet against the promise: whoever bets, in each round, a share of their wealth on "wrong" at odds that are fair if
exactly `max_error_rate` of all requests are answered wrongly, does not get 1/risk times as rich with more than
probability `risk`, however often one looks, as long as no more are (Ville's inequality; Waudby-Smith and Ramdas,
Journal of the Royal Statistical Society B 86, 2024). When they do, requests are no longer what they were.
"""

import math
from dataclasses import dataclass, replace
from typing import Self

_FACTOR = 4.0
"""How many times too many errors the bet is best against: e-processes of this kind notice fewer later."""


@dataclass(frozen=True, slots=True)
class Watch:
    """What the bet has come to."""

    max_error_rate: float
    risk: float
    wealth: float = 1.0
    seen: int = 0
    wrong: int = 0

    def told(self, wrong: bool) -> Self:
        """After one more request, drawn by chance from all: whether it would have been answered wrongly."""
        rate = self.max_error_rate
        stake = min(_FACTOR, 0.5 / rate) if rate else 1.0
        factor = stake if wrong else (1 - stake * rate) / (1 - rate)
        return replace(self, wealth=self.wealth * factor, seen=self.seen + 1, wrong=self.wrong + wrong)

    @property
    def upper_bound(self) -> float:
        """Of the share answered wrongly, with probability 1 - risk; by Clopper and Pearson (Biometrika 26, 1934)."""
        low, high = (self.wrong / self.seen if self.seen else 0.0), 1.0
        for _ in range(40):
            middle = (low + high) / 2
            low, high = (middle, high) if _at_most(self.wrong, self.seen, middle) > self.risk else (low, middle)
        return high

    @property
    def broken(self) -> bool:
        """Whether the promise can no longer be believed."""
        return self.wealth * self.risk >= 1


def _at_most(count: int, trials: int, p: float) -> float:
    """P(no more than `count` of `trials`), each with probability p."""
    ways = (math.lgamma(trials + 1) - math.lgamma(k + 1) - math.lgamma(trials - k + 1) for k in range(count + 1))
    return sum(math.exp(way + k * math.log(p) + (trials - k) * math.log1p(-p)) for k, way in enumerate(ways))
