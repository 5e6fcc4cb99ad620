"""Loss: what a policy loses against the heavy tier, watched in service by requests whose tier was drawn by chance.

Of each such request the policy's tier is known, the tier that it was given (each with probability 1/2), and a reward in
[0, 1]. Where the policy says heavy, nothing is lost. Where it says light, 2 s (reward - m) is an unbiased estimate of
what is lost, s being 1 for the heavy tier and -1 for the light one, whatever m is, as long as it was known before the
request. With m = 0 that is inverse propensity weighting. With the mean of the rewards before it is doubly robust: a
model of the rewards, here a constant, takes away variance and cannot bias (Dudik, Langford and Li, "Doubly robust
policy evaluation and learning", ICML 2011).
"""

import math
from dataclasses import dataclass, replace
from typing import Self

from control_plane.stats.mixtures import NormalMixture, rho

ALPHA = 0.05
"""Of the intervals that are shown, each by itself."""
TUNED = 1000.0
"""Requests at which the intervals are tightest."""
LEAST = 100
"""Before so many an interval that is asymptotic says nothing."""
_LARGEST = 2.0
"""No term is farther from zero."""
_BETS = tuple([0.5**halved for halved in range(1, 9)])
"""Bets, in shares of what could be lost at most: which one is best depends on how much is lost in truth."""


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate, and bounds that hold at all times at once."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class LossWatch:
    """What is known so far.

    Two bets go on: against "at most `max_loss` is lost on average", and against "more is lost". Each is an average of
    bets of several sizes, none of which may lose more than half of what is at hand in a round, so that it never becomes
    1 / (1 - confidence) times as rich with more than probability 1 - confidence where what it bets against is true,
    however often one looks (Ville's inequality; Waudby-Smith and Ramdas, Journal of the Royal Statistical Society B 86,
    2024). Exact, for any distribution of rewards, and for one that changes as long as each request's expected loss
    keeps to what is bet against.
    """

    max_loss: float
    confidence: float
    seen: int = 0
    below: int = 0
    """Of them, those for which the policy says light."""
    rewards: float = 0.0
    """The sum of the rewards of these."""
    robust: tuple[float, float] = (0.0, 0.0)
    """Sum and sum of squares of the doubly robust terms."""
    weighted: tuple[float, float] = (0.0, 0.0)
    """The same, by inverse propensities alone."""
    against: tuple[float, ...] = (0.0,) * len(_BETS)
    """Logarithms of what each size of bet against the promise has come to."""
    in_favour: tuple[float, ...] = (0.0,) * len(_BETS)
    broken: bool = False
    """The bet against the promise was won once."""
    shown: bool = False
    """The bet in its favour was."""

    def told(self, below: bool, heavy: bool, reward: float) -> Self:
        """After one more request: whether the policy says light for it, the tier that it was given, how good the answer
        was."""
        if not below:
            return self._after(0.0, 0.0, replace(self, seen=self.seen + 1))
        sign = 2.0 if heavy else -2.0
        mean = (self.rewards + 0.5) / (self.below + 1)
        counted = replace(self, seen=self.seen + 1, below=self.below + 1, rewards=self.rewards + reward)
        return self._after(sign * (reward - mean), sign * reward, counted)

    def _after(self, robust: float, weighted: float, counted: Self) -> Self:
        edge = (robust - self.max_loss) / (_LARGEST + self.max_loss)
        against = tuple([known + math.log1p(bet * edge) for known, bet in zip(self.against, _BETS, strict=True)])
        in_favour = tuple([known + math.log1p(-bet * edge) for known, bet in zip(self.in_favour, _BETS, strict=True)])
        return replace(
            counted,
            robust=(self.robust[0] + robust, self.robust[1] + robust**2),
            weighted=(self.weighted[0] + weighted, self.weighted[1] + weighted**2),
            against=against,
            in_favour=in_favour,
            broken=self.broken or self._won(against),
            shown=self.shown or self._won(in_favour),
        )

    def _won(self, bets: tuple[float, ...]) -> bool:
        most = max(bets)
        wealth = most + math.log(math.fsum(math.exp(each - most) for each in bets) / len(bets))
        return wealth >= -math.log(1 - self.confidence)

    @property
    def doubly_robust(self) -> Interval:
        """Of the loss a request."""
        return self._interval(*self.robust)

    @property
    def by_propensity(self) -> Interval:
        """The same by inverse propensities alone."""
        return self._interval(*self.weighted)

    def _interval(self, total: float, squares: float) -> Interval:
        """By a normal mixture: asymptotic, anytime-valid (Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, Annals of
        Statistics 52, 2024, equation 9)."""
        mean = total / max(self.seen, 1)
        if self.seen < LEAST:
            return Interval(mean, -1.0, 1.0)
        spread = math.sqrt(max(squares / self.seen - mean**2, 0.0))
        reach = float(NormalMixture(rho(TUNED, ALPHA)).bound(self.seen, ALPHA)) / self.seen * spread
        return Interval(mean, max(mean - reach, -1.0), min(mean + reach, 1.0))
