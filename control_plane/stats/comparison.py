"""Comparison: an arm beside the control in one metric, and what is shown of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from control_plane.stats import holm, proportions, quantiles
from control_plane.stats.contrast import Contrast
from control_plane.stats.design import Design, Goal, Question, Role
from control_plane.stats.estimate import Adjustment, Estimate, Kind
from control_plane.stats.fixed import Fixed
from control_plane.stats.means import Means
from control_plane.stats.period import Period, Sample


class Standing(StrEnum):
    """What is shown so far."""

    BETTER = "better"
    WORSE = "worse"
    SAME = "same"
    """The difference is within the margin (a primary metric's)."""
    NOT_WORSE = "not-worse"
    """Worse by less than the margin, if at all (a guardrail's)."""
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Comparison:
    """One metric of one arm. All that is anytime-valid may be looked at as often as one likes."""

    question: Question
    arm: str
    control: Estimate
    treated: Estimate
    difference: float
    interval: tuple[float, float]
    """Anytime-valid, of the difference. A primary metric's intervals hold all together with probability 1 - alpha; of a
    guardrail's two bounds each holds by itself: the one that can show harm at alpha shared among all guardrails."""
    relative: tuple[float, float]
    """Anytime-valid, as a share of the control's value, at alpha."""
    p: float
    """Anytime-valid, against no difference."""
    p_adjusted: float
    """By Holm among the primary metrics of all arms; `p` otherwise."""
    fixed: Fixed
    """What a single look at this size, planned before, would say."""
    standing: Standing = Standing.OPEN

    @property
    def harm(self) -> float:
        """The difference, positive where it is bad."""
        return self.difference * self.question.harm


def compare(design: Design, periods: Sequence[Period]) -> list[Comparison]:
    """All metrics of all arms that have been seen in both arms; in the design's order."""
    found = []
    for question in design.questions:
        for arm in design.treated:
            contrast = contrast_of(design, question, arm, periods)
            if contrast is not None:
                found.append((question, arm, contrast))
    primary = [index for index, (question, _, _) in enumerate(found) if question.role is Role.PRIMARY]
    ps = [contrast.p() for _, _, contrast in found]
    corrected = dict(zip(primary, holm.adjusted([ps[index] for index in primary]), strict=True))
    levels = {role: max(1, len(design.of(role)) * len(design.treated)) for role in Role}
    return [
        _judged(design, question, arm, contrast, ps[index], corrected.get(index, ps[index]), levels[question.role])
        for index, (question, arm, contrast) in enumerate(found)
    ]


def contrast_of(design: Design, question: Question, arm: str, periods: Sequence[Period]) -> Contrast | None:
    """How the arm is compared with the control. None while either has nothing."""
    both = (design.control, arm)
    used = [(period, share) for period in periods if (share := period.share(*both)) and _seen(period, question, both)]
    if not used:
        return None
    if question.kind is Kind.QUANTILE:
        return _quantiles(design, question, arm, used)
    estimates = [_estimates(design, question, arm, period) for period, _ in used]
    weights = np.array([float(a.units + b.units) * w * (1 - w) for (a, b), (_, w) in zip(estimates, used, strict=True)])
    weights = weights / weights.sum()
    control, treated = (_together([pair[side] for pair in estimates], weights) for side in (0, 1))
    if question.kind is Kind.PROPORTION and not question.adjusted:
        counts = [_counts(question, both, period, share) for period, share in used]
        return proportions.Proportions(control, treated, counts, question.rate, design.tuned_pair)
    return Means(control, treated, design.tuned_pair)


def _seen(period: Period, question: Question, arms: tuple[str, str]) -> bool:
    """Whether it adds anything: of one unit alone nobody knows how much it varies."""
    samples = [period.sample(arm, question.metric) for arm in arms]
    if question.kind is Kind.QUANTILE:
        return all(sample.histogram.total > 0 for sample in samples)
    least = 1 if question.kind is Kind.PROPORTION else 2
    return all(
        sample.moments.units >= least and (question.kind is not Kind.RATIO or sample.moments.d > 0)
        for sample in samples
    )


def _estimates(design: Design, question: Question, arm: str, period: Period) -> tuple[Estimate, Estimate]:
    moments = {each: period.sample(each, question.metric).moments for each in design.arms}
    adjustment = Adjustment.across(list(moments.values()), question.kind) if question.adjusted else None
    control, treated = (Estimate.of(moments[each], question.kind, adjustment) for each in (design.control, arm))
    return control, treated


def _together(estimates: Sequence[Estimate], weights: Sequence[float]) -> Estimate:
    """Weights follow from shares and numbers of units, not from outcomes: so a bandit's choices do not bias the sum.

    Zhang, Janson and Murphy, "Inference for batched bandits", NeurIPS 2020; Hadad, Hirshberg, Zhan, Wager and Athey,
    "Confidence intervals for policy evaluation in adaptive experiments", PNAS 118 (2021).
    """
    pairs = list(zip(estimates, weights, strict=True))
    return Estimate(
        sum(weight * each.value for each, weight in pairs),
        sum(weight**2 * each.variance for each, weight in pairs),
        sum(each.units for each in estimates),
    )


def _counts(question: Question, arms: tuple[str, str], period: Period, share: float) -> proportions.Counts:
    before, after = (period.sample(arm, question.metric).moments for arm in arms)
    successes = [min(max(float(each.y), 0.0), float(each.units)) for each in (before, after)]
    return proportions.Counts(successes[0], before.units, successes[1], after.units, share)


def _quantiles(
    design: Design, question: Question, arm: str, used: Sequence[tuple[Period, float]]
) -> quantiles.Quantiles:
    p = question.quantile
    samples = [[period.sample(each, question.metric) for period, _ in used] for each in (design.control, arm)]
    sizes = [sum(sample.histogram.total for sample in pair) for pair in zip(*samples, strict=True)]
    weights = [size * share * (1 - share) for size, (_, share) in zip(sizes, used, strict=True)]
    parts = []
    for of_arm in samples:
        histogram = quantiles.pooled([sample.histogram for sample in of_arm], weights)
        effect = _effect(of_arm, question.alike)
        parts.append((histogram, effect))
    whole = sum(histogram.total / effect for histogram, effect in parts)
    evidence = [
        quantiles.Evidence.of(histogram, p, design.tuned_pair * histogram.total / effect / whole, effect)
        for histogram, effect in parts
    ]
    control, treated = (quantiles.estimate(histogram, p, effect) for histogram, effect in parts)
    return quantiles.Quantiles(control, treated, before=evidence[0], after=evidence[1])


def _effect(samples: Sequence[Sample], alike: float) -> float:
    """How many observations count as one: Kish (1965), section 5.4, for units of unequal size."""
    d, dd = (float(sum(getattr(sample.moments, name) for sample in samples)) for name in ("d", "dd"))
    return 1 + (max(dd / d, 1.0) - 1) * alike if d else 1.0


def _judged(
    design: Design, question: Question, arm: str, contrast: Contrast, p: float, p_adjusted: float, questions: int
) -> Comparison:
    alpha = design.alpha / questions
    found = Comparison(
        question=question,
        arm=arm,
        control=contrast.control.plain,
        treated=contrast.treated.plain,
        difference=contrast.value,
        interval=contrast.interval(alpha if question.role is Role.PRIMARY else design.alpha),
        relative=contrast.relative(design.alpha),
        p=p,
        p_adjusted=p_adjusted,
        fixed=Fixed.absolute(contrast.control, contrast.treated),
    )
    if question.role is Role.GUARDRAIL:
        return _guarded(found, contrast, design.alpha, alpha)
    if p_adjusted <= design.alpha:
        return replace(found, standing=Standing.WORSE if found.harm > 0 else Standing.BETTER)
    same = _within(question, contrast, -1, alpha / 2) and _within(question, contrast, 1, alpha / 2)
    return replace(found, standing=Standing.SAME if same else Standing.OPEN)


def _guarded(found: Comparison, contrast: Contrast, alpha: float, shared: float) -> Comparison:
    """Harm is shown where the bound is beyond zero and the estimate beyond the margin: less is tolerated."""
    up = found.question.goal is Goal.DECREASE
    interval = (
        (contrast.lower(shared), contrast.upper(alpha)) if up else (contrast.lower(alpha), contrast.upper(shared))
    )
    worse = (interval[0] > 0 if up else interval[1] < 0) and found.harm > tolerated(found)
    fine = _within(found.question, contrast, found.question.harm, alpha)
    standing = Standing.WORSE if worse else Standing.NOT_WORSE if fine else Standing.OPEN
    return replace(found, interval=interval, standing=standing)


def tolerated(found: Comparison) -> float:
    """The margin in the metric's unit; 0 where there is none."""
    margin = found.question.margin
    if margin is None:
        return 0.0
    return margin.value * abs(float(found.control.value)) if margin.relative else margin.value


def _within(question: Question, contrast: Contrast, sign: int, alpha: float) -> bool:
    """Whether the difference is shown to stay below the margin upwards (sign 1), or above it downwards (-1): one of the
    two one-sided tests of Schuirmann, Journal of Pharmacokinetics and Biopharmaceutics 15 (1987)."""
    if question.margin is None:
        return False
    margin, factor = sign * question.margin.value, 1.0
    if question.margin.relative:
        margin, factor = 0.0, 1 + margin
    log_e = contrast.log_e_below(margin, factor) if sign > 0 else contrast.log_e_above(margin, factor)
    return bool(log_e >= -np.log(alpha))
