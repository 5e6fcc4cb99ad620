"""Experiments as they may be found: counts rather than draws, so that each says exactly what it should."""

from collections.abc import Mapping

import numpy as np
from scipy import special

from control_plane.stats.analyse import Analysis, analyse
from control_plane.stats.design import Design, Goal, Margin, Question, Role
from control_plane.stats.estimate import Kind
from control_plane.stats.histogram import Histogram
from control_plane.stats.moments import Moments
from control_plane.stats.period import Period, Sample

RESOLVED = Question("resolved", Kind.PROPORTION, Goal.INCREASE, Role.PRIMARY, Margin(0.02))
ERRORS = Question("errors", Kind.PROPORTION, Goal.DECREASE, Role.GUARDRAIL, Margin(0.005))
LATENCY = Question("latency", Kind.QUANTILE, Goal.DECREASE, Role.GUARDRAIL, Margin(0.1, relative=True))


def rate(share: float, units: float) -> Sample:
    """A proportion's."""
    return Sample(Moments(units=units, y=share * units, d=units, yy=share * units, dd=units, yd=share * units))


def lognormal(median: float, units: int) -> Sample:
    """A latency's: evenly spread over its own quantiles."""
    return Sample(
        histogram=Histogram.from_array(median * np.exp(0.5 * special.ndtri((np.arange(units) + 0.5) / units)))
    )


def period(
    found: Mapping[str, Mapping[str, Sample]], units: Mapping[str, float], shares: Mapping[str, float] | None = None
) -> Period:
    """Even shares where nothing else is said."""
    return Period(shares or dict.fromkeys(found, 1.0), units, found)


def judged(questions: tuple[Question, ...], n: int, seconds: float = 3600.0, **arms: tuple[float, ...]) -> Analysis:
    """Each arm has n units, and of each question in turn this rate or median; the first arm is the control."""
    found = {
        arm: {
            question.metric: lognormal(value, n) if question.kind is Kind.QUANTILE else rate(value, float(n))
            for question, value in zip(questions, values, strict=True)
        }
        for arm, values in arms.items()
    }
    return analyse(Design(tuple(arms), questions), [period(found, dict.fromkeys(arms, float(n)))], seconds)
