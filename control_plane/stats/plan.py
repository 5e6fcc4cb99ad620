"""Plan: how many units an experiment needs before it starts, and what looking at it at any time costs."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise

from scipy import special

from control_plane.stats import quantiles
from control_plane.stats.contrast import Contrast
from control_plane.stats.design import Design, Question, Role
from control_plane.stats.estimate import Estimate, Kind
from control_plane.stats.histogram import GROWTH, Histogram
from control_plane.stats.means import Means
from control_plane.stats.proportions import Counts, Proportions

_MOST_UNITS = 1e12
_TAIL = 6.0


@dataclass(frozen=True, slots=True)
class Expected:
    """What the control will show."""

    value: float
    deviation: float = 0.0
    """Of one unit: of a ratio, of (value - ratio * base) / mean base; of a quantile, of the logarithm. A proportion's
    follows from its value."""


@dataclass(frozen=True, slots=True)
class Needed:
    """Units of all arms together, until a metric is decided for the arm with the smallest share."""

    metric: str
    fixed: float
    """If one looks once, then."""
    usual: float
    """Half of the experiments are decided by then, if one looks all the time and the effect is what the margin says."""
    most: float
    """All but a share 1 - power of them are."""

    @property
    def inflation(self) -> float:
        """What the right to look at any time costs at the same power: `most` beside `fixed`."""
        return self.most / self.fixed


def units(
    design: Design, expected: Mapping[str, Expected], shares: Mapping[str, float], power: float = 0.8
) -> list[Needed]:
    """For each primary metric and guardrail that has a margin.

    A primary metric's margin is the effect to be found; a guardrail's is to be excluded while there is no effect. The
    anytime-valid figures are those of the very functions that will judge, on what they are expected to see.
    """
    asked = [each for each in design.questions if each.role is not Role.SECONDARY and each.margin is not None]
    return [_needed(design, question, expected[question.metric], shares, power) for question in asked]


def days(found: float, units_a_day: float) -> int:
    """Whole days, and at least one: weekdays differ, so weeks are better still."""
    return max(1, math.ceil(found / units_a_day))


def fixed_units(
    effect: float, control_variance: float, treated_variance: float, shares: tuple[float, float], z: float
) -> float:
    """Units whose shares these are, where `z` is the sum of the normal quantiles of level and power: Cohen,
    "Statistical power analysis for the behavioral sciences", 1988."""
    return (z / effect) ** 2 * (control_variance / shares[0] + treated_variance / shares[1])


def normal_quantiles(alpha: float, power: float) -> float:
    """Of a two-sided level and a power, added."""
    return float(special.ndtri(1 - alpha / 2) + special.ndtri(power))


def _needed(
    design: Design, question: Question, expected: Expected, shares: Mapping[str, float], power: float
) -> Needed:
    margin = _margin(question, expected)
    whole = sum(shares.values())
    pair = shares[design.control] / whole, min(shares[arm] for arm in design.treated) / whole
    guard = question.role is Role.GUARDRAIL
    alpha = design.alpha if guard else design.alpha / (len(design.of(Role.PRIMARY)) * len(design.treated))
    effect = 0.0 if guard else -question.harm * margin
    before, after = _variance(question, expected, 0.0), _variance(question, expected, effect)
    z = normal_quantiles(2 * alpha if guard else alpha, power)
    slack = float(special.ndtri(power)) * math.sqrt(before / pair[0] + after / pair[1])

    def decided(n: float, unlucky: float) -> bool:
        shift = effect + math.copysign(1, question.harm) * unlucky / math.sqrt(n)
        contrast = _contrast(design, question, expected, shift, (n * pair[0], n * pair[1]))
        if not guard:
            return contrast.p() <= alpha
        side = contrast.log_e_below if question.harm > 0 else contrast.log_e_above
        return side(question.harm * margin) >= -math.log(alpha)

    return Needed(
        question.metric,
        fixed_units(margin, before, after, pair, z),
        _least(lambda n: decided(n, 0.0)),
        _least(lambda n: decided(n, slack)),
    )


def _least(decided: Callable[[float], bool]) -> float:
    """Units: by halving, on a logarithmic scale. Infinite where no number is enough."""
    low, high = math.log(10.0), math.log(_MOST_UNITS)
    if not decided(math.exp(high)):
        return math.inf
    while high - low > 0.002:
        middle = (low + high) / 2
        low, high = (low, middle) if decided(math.exp(middle)) else (middle, high)
    return math.exp(high)


def _margin(question: Question, expected: Expected) -> float:
    assert question.margin is not None, "only questions with a margin are planned"
    return question.margin.value * (expected.value if question.margin.relative else 1.0)


def _variance(question: Question, expected: Expected, effect: float) -> float:
    """Of one unit's part in the estimate."""
    if question.kind is Kind.PROPORTION:
        rate = expected.value + effect
        return rate * (1 - rate)
    if question.kind is Kind.QUANTILE:
        # The variance of a lognormal's quantile: its rank's, over the density there.
        z = float(special.ndtri(question.quantile))
        density = math.exp(-z * z / 2) / math.sqrt(2 * math.pi) / (expected.value * expected.deviation)
        return question.quantile * (1 - question.quantile) / density**2
    return expected.deviation**2


def _contrast(
    design: Design, question: Question, expected: Expected, shift: float, arms: tuple[float, float]
) -> Contrast:
    """What so many units of the control and of the other arm are expected to show."""
    control, treated = (
        Estimate(expected.value + each, _variance(question, expected, each) / n, n)
        for each, n in zip((0.0, shift), arms, strict=True)
    )
    if question.kind is Kind.PROPORTION:
        rates = (expected.value, min(max(expected.value + shift, 0.0), 1.0))
        counts = Counts(rates[0] * arms[0], arms[0], rates[1] * arms[1], arms[1], arms[1] / sum(arms))
        return Proportions(control, treated, [counts], question.rate, design.tuned_pair)
    if question.kind is not Kind.QUANTILE:
        return Means(control, treated, design.tuned_pair)
    before, after = (
        quantiles.Evidence.of(
            _lognormal(question, expected, each, n), question.quantile, design.tuned_pair * n / sum(arms)
        )
        for each, n in zip((0.0, shift), arms, strict=True)
    )
    return quantiles.Quantiles(control, treated, before=before, after=after)


def _lognormal(question: Question, expected: Expected, shift: float, n: float) -> Histogram:
    """Of n values, with the quantile where it is expected."""
    step = math.log(GROWTH)
    middle = math.log(max(expected.value + shift, 1e-9)) - expected.deviation * float(special.ndtri(question.quantile))
    first, last = (round((middle + side * _TAIL * expected.deviation) / step) for side in (-1, 1))
    upto = [float(special.ndtr((each * step - middle) / expected.deviation)) for each in range(first - 1, last + 1)]
    return Histogram({first + index: n * (high - low) for index, (low, high) in enumerate(pairwise(upto))})
