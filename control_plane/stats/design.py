"""Design: what an experiment or rollout asks, and how sure the answer has to be."""

from dataclasses import dataclass
from enum import StrEnum

from control_plane.stats.estimate import Kind


class Goal(StrEnum):
    """Which way is good."""

    INCREASE = "increase"
    DECREASE = "decrease"


class Role(StrEnum):
    """What a metric is there for."""

    PRIMARY = "primary"
    """Decides who wins."""
    SECONDARY = "secondary"
    """Is shown and decides nothing."""
    GUARDRAIL = "guardrail"
    """Must not get worse."""


@dataclass(frozen=True, slots=True)
class Margin:
    """How much of a difference does not matter. Of a guardrail: how much worse it may get."""

    value: float
    """Above 0; in the metric's unit (0.005 is half a point of a proportion), or a share of the control's value."""
    relative: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """One metric, for all arms."""

    metric: str
    kind: Kind
    goal: Goal
    role: Role = Role.SECONDARY
    margin: Margin | None = None
    quantile: float = 0.95
    """Which one, where `kind` is a quantile."""
    adjusted: bool = False
    """By the covariate (CUPED). A proportion is then treated as a mean."""
    rate: float | None = None
    """Of a proportion: what is expected, where it is known before; decides sooner."""
    alike: float = 1.0
    """How much the observations of one unit resemble each other (0 to 1), where a quantile's units bring several."""

    @property
    def harm(self) -> int:
        """1 where more is worse, -1 where less is."""
        return 1 if self.goal is Goal.DECREASE else -1


@dataclass(frozen=True, slots=True)
class Design:
    """Raises ValueError where it cannot be analysed."""

    arms: tuple[str, ...]
    """The first one is the control."""
    questions: tuple[Question, ...]
    alpha: float = 0.05
    """The probability of ever calling a difference on a primary metric that is not there; the same for guardrails."""
    mismatch_alpha: float = 0.01
    """The probability of ever stopping for a mismatch of sample sizes that is none."""
    tuned_units: float = 5000.0
    """Units of all arms at which intervals of means and quantiles are to be tightest: about when a decision is due."""
    most_units: float | None = None
    """After which nothing is waited for."""
    most_seconds: float | None = None

    def __post_init__(self) -> None:
        if len(set(self.arms)) != len(self.arms) or len(self.arms) < 2:
            raise ValueError(f"An experiment has at least two arms of different names, not {list(self.arms)}.")
        names = [question.metric for question in self.questions]
        if len(set(names)) != len(names) or not names:
            raise ValueError(f"An experiment asks about at least one metric, and about each once, not {names}.")
        if not 0 < self.alpha < 1 or not 0 < self.mismatch_alpha < 1 or self.tuned_units <= 0:
            raise ValueError("alpha and mismatch_alpha lie between 0 and 1, and tuned_units above 0.")

    @property
    def control(self) -> str:
        """What all others are compared with."""
        return self.arms[0]

    @property
    def treated(self) -> tuple[str, ...]:
        """All other arms."""
        return self.arms[1:]

    @property
    def tuned_pair(self) -> float:
        """The part of `tuned_units` that two arms have."""
        return self.tuned_units * 2 / len(self.arms)

    def of(self, role: Role) -> list[Question]:
        """The questions of one role."""
        return [question for question in self.questions if question.role is role]
