"""Metrics: what an Experiment or a Rollout measures of each arm, and how far an arm may fall behind."""

import hashlib
from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from control_plane.spec.arms import Percent
from control_plane.spec.base import Spec
from control_plane.spec.names import Answering, OutcomeName

MetricName = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$")]
_MARKS = "judge:"
Marks = Annotated[str, Field(pattern=rf"^{_MARKS}[a-z0-9._-]{{1,63}}:[0-9a-f]{{12}}$")]
"""The outcome as which a judge's marks are counted: no caller can report it."""


class Measured(StrEnum):
    """Where a metric's numbers come from. All but `outcome` and `judge` are the router's own, for each request."""

    OUTCOME = "outcome"
    """What callers report of a request or a unit."""
    LATENCY = "latency"
    """Seconds from the request's last byte to the answer's last byte."""
    FIRST_TOKEN = "first-token"
    """Seconds to a stream's first content."""
    TOKENS = "tokens"
    """Of prompt and answer together."""
    COST = "cost"
    """US dollars, by the Models' prices; answers from a cache cost nothing."""
    ERRORS = "errors"
    """1 for a request that failed, else 0; so the next two."""
    FALLBACKS = "fallbacks"
    CACHE_HITS = "cache-hits"
    JUDGE = "judge"
    """A judge Model's marks in [0, 1] for a sample of the answers."""
    REQUESTS = "requests"
    """1 for each request: what ratios are taken over."""


_FLAGS = frozenset({Measured.ERRORS, Measured.FALLBACKS, Measured.CACHE_HITS, Measured.REQUESTS})
SPREAD = frozenset({Measured.LATENCY, Measured.FIRST_TOKEN, Measured.TOKENS, Measured.COST})
"""What is more than yes or no."""


class Kind(StrEnum):
    """What is made of the numbers of one arm."""

    PROPORTION = "proportion"
    """The share of units for which it was ever anything but 0."""
    MEAN = "mean"
    """Of each unit's sum."""
    RATIO = "ratio"
    """All of it over all of `per`; units are what varies, however many requests each has."""
    QUANTILE = "quantile"
    """Over requests."""


class Goal(StrEnum):
    """Which way is better."""

    INCREASE = "increase"
    DECREASE = "decrease"


class Margin(Spec):
    """A difference from the control: a share of the control's own value, or in the metric's own unit."""

    relative: float | None = Field(default=None, gt=0, le=10)
    absolute: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.relative is None) == (self.absolute is None):
            raise ValueError("exactly one of relative and absolute must be given")
        return self


class Measure(Spec):
    """Numbers that can be summed."""

    of: Measured
    outcome: OutcomeName | None = None
    """Which one, where `of` is `outcome`."""

    @model_validator(mode="after")
    def _outcomes_alone_have_names(self) -> Self:
        if (self.of is Measured.OUTCOME) != (self.outcome is not None):
            raise ValueError("outcome is the name that callers report: give it where of is 'outcome', and only there")
        return self


PER_REQUEST = Measure.model_validate({"of": Measured.REQUESTS})


RUBRIC = "The answer is correct, helps with what was asked, and claims nothing that it cannot know."


class Judge(Spec):
    """Who marks answers, and by what."""

    model: Answering
    """A Model that chats, and answers in none of the arms or in all of them."""
    rubric: str = Field(default=RUBRIC, min_length=1, max_length=10_000)
    """What a good answer is, in words for the judge."""
    percent: Percent = 10
    """Of the answers; each costs an answer of the judge."""
    constrained: bool = False
    """Whether its server is told to let it say nothing but a mark (`response_format`, by a JSON schema). Not every
    server can."""


class Metric(Measure):
    """One number for each arm."""

    name: MetricName
    kind: Kind
    goal: Goal
    primary: bool = False
    """Whether it decides. The error rate is shared by all that do."""
    per: Measure | None = None
    """Of a ratio: what it is taken over; requests, where it is left out."""
    quantile: float | None = Field(default=None, gt=0, lt=1)
    """Of a quantile: which."""
    minimum_effect: Margin | None = None
    """The smallest difference that matters: what planning plans for, and within which two arms are the same."""
    judge: Judge | None = None

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        kind, of = self.kind, self.of
        if (kind is Kind.QUANTILE) != (self.quantile is not None):
            raise ValueError("quantile: kind 'quantile' needs it, and no other has it")
        if kind is Kind.QUANTILE and of not in SPREAD:
            raise ValueError(f"of: {of.value!r} has no quantiles: name one of {', '.join(sorted(SPREAD))}")
        if kind is Kind.PROPORTION and of in SPREAD:
            raise ValueError(f"kind: {of.value!r} is no share: write mean, ratio or quantile")
        if self.per is not None and kind is not Kind.RATIO:
            raise ValueError("per: only kind 'ratio' has it")
        if (of is Measured.JUDGE) != (self.judge is not None):
            raise ValueError("judge: of 'judge' needs it, and no other has it")
        if of is Measured.JUDGE and kind is not Kind.MEAN:
            raise ValueError("kind: marks are averaged over the answers that were judged: write mean")
        return self

    @property
    def over(self) -> Measure:
        """What a ratio is taken over."""
        return self.per or PER_REQUEST

    @property
    def marks(self) -> str:
        """Of a judged metric: the outcome as which marks are counted; another judge's or rubric's are another one's."""
        assert self.judge is not None
        judged_by = hashlib.sha256(f"{self.judge.model}\0{self.judge.rubric}".encode()).hexdigest()
        return f"{_MARKS}{self.name}:{judged_by[:12]}"


class Guardrail(Spec):
    """A metric that no arm may be worse in than the control, by more than a margin."""

    metric: MetricName
    margin: Margin


def _metric(name: str, of: Measured, kind: Kind = Kind.RATIO, goal: Goal = Goal.DECREASE, **more: float) -> Metric:
    return Metric.model_validate({"name": name, "kind": kind, "of": of, "goal": goal, **more})


BUILT_IN: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        _metric("errors", Measured.ERRORS),
        _metric("fallbacks", Measured.FALLBACKS),
        _metric("cache-hits", Measured.CACHE_HITS, goal=Goal.INCREASE),
        _metric("tokens", Measured.TOKENS),
        _metric("cost", Measured.COST),
        _metric("latency-p50", Measured.LATENCY, Kind.QUANTILE, quantile=0.5),
        _metric("latency-p95", Measured.LATENCY, Kind.QUANTILE, quantile=0.95),
        _metric("first-token-p95", Measured.FIRST_TOKEN, Kind.QUANTILE, quantile=0.95),
    )
}
"""Metrics that every document has, unless it gives their names to others: guardrails may name them. The ratios are
for each request."""


def are_marks(outcome: str) -> bool:
    """Whether routers report it of a judge."""
    return outcome.startswith(_MARKS)


def number_of(marks: str) -> str:
    """The outcome that says how many marks there are."""
    return f"{marks}:n"


def outcomes(metrics: Iterable[Metric]) -> list[str]:
    """What callers and judges report of them."""
    found: list[str | None] = []
    for metric in metrics:
        found += [metric.outcome, metric.per.outcome if metric.per else None]
        found += [metric.marks, number_of(metric.marks)] if metric.judge else []
    return [name for name in found if name is not None]


def known(metrics: tuple[Metric, ...]) -> dict[str, Metric]:
    """All metrics of a document that has these, by name."""
    return BUILT_IN | {metric.name: metric for metric in metrics}


def check(metrics: tuple[Metric, ...], guardrails: tuple[Guardrail, ...]) -> None:
    """Raises ValueError where two metrics have one name, or a guardrail's metric is not there."""
    names = [metric.name for metric in metrics]
    if len(set(names)) < len(names):
        raise ValueError("metrics: two have one name: give each its own")
    there = known(metrics)
    for index, guardrail in enumerate(guardrails):
        if guardrail.metric not in there:
            advice = f"there are: {', '.join(sorted(there))}"
            raise ValueError(f"guardrails[{index}].metric: there is no metric {guardrail.metric!r}; {advice}")
    guarded = [guardrail.metric for guardrail in guardrails]
    if len(set(guarded)) < len(guarded):
        raise ValueError("guardrails: two name one metric: keep one")
