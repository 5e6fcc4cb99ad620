"""From which confidence on the light model may answer: fitted on labelled questions, judged on others.

The rule: the smallest threshold at which, on the fit part, the one-sided Clopper-Pearson lower bound (at level
CONFIDENCE) of the share of right answers among those given reaches TARGET. A bound rather than the observed share,
because a share fitted on few questions promises too much. It still holds for one threshold looked at alone, and the
rule looks at many: the held-out part is what counts.
"""

import hashlib
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, TypeAdapter

from control_plane.spec.errors import Code, TiermeshError
from model_repo.faq.matching import Index

TARGET = 0.85
CONFIDENCE = 0.95


class Question(BaseModel):
    """A labelled question; `entry` is the id that answers it, or None where no entry does."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    language: Literal["en", "zh"]
    entry: str | None
    question: str

    @property
    def held_out(self) -> bool:
        """Whether it judges rather than fits: by a hash of its text, so that adding questions moves no other."""
        return hashlib.sha256(self.question.encode()).digest()[-1] % 2 == 1


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the nearest entry is for one question, whatever the threshold."""

    question: Question
    confidence: float
    entry: str

    @property
    def right(self) -> bool:
        """Whether that entry answers the question."""
        return self.entry == self.question.entry


@dataclass(frozen=True, slots=True)
class Score:
    """How a threshold does on some questions. `asked` counts those that an entry answers."""

    asked: int
    answered: int
    right: int

    @property
    def precision(self) -> float:
        """Right answers among the answers given."""
        return self.right / self.answered if self.answered else math.nan

    @property
    def coverage(self) -> float:
        """Right answers among the questions that could be answered."""
        return self.right / self.asked if self.asked else math.nan


def load(path: Path) -> list[Question]:
    """Labelled questions from a file of JSON lines."""
    reader = TypeAdapter(Question)
    return [reader.validate_json(line) for line in path.read_text(encoding="utf-8").splitlines() if line]


def outcomes(questions: Sequence[Question], index: Index) -> list[Outcome]:
    """The nearest entry of each question."""
    found = index.search([question.question for question in questions])
    return [
        Outcome(question, matches[0].confidence, matches[0].entry.id)
        for question, matches in zip(questions, found, strict=True)
    ]


def score(outcomes: Iterable[Outcome], threshold: float) -> Score:
    """What a threshold lets through."""
    given = list(outcomes)
    answered = [outcome for outcome in given if outcome.confidence >= threshold]
    asked = sum(outcome.question.entry is not None for outcome in given)
    return Score(asked, len(answered), sum(outcome.right for outcome in answered))


def fit(outcomes: Iterable[Outcome], target: float = TARGET, confidence: float = CONFIDENCE) -> float:
    """The threshold of the rule above, rounded up to three digits.

    Raises TiermeshError(SETUP) where no threshold reaches the target.
    """
    fitting = [outcome for outcome in outcomes if not outcome.question.held_out]
    for candidate in sorted({math.ceil(outcome.confidence * 1000) / 1000 for outcome in fitting}):
        found = score(fitting, candidate)
        if lower_bound(found.right, found.answered, confidence) >= target:
            return candidate
    message = f"No threshold reaches a precision of {target} on {len(fitting)} questions."
    raise TiermeshError(Code.SETUP, message, "Label more questions, or word the entries' questions more distinctly.")


def lower_bound(successes: int, trials: int, confidence: float = CONFIDENCE) -> float:
    """One-sided Clopper-Pearson lower bound of a probability (Clopper and Pearson, Biometrika 26, 1934)."""
    if successes == 0:
        return 0.0
    return _root(lambda p: _at_least(successes, trials, p) < 1 - confidence)


def upper_bound(successes: int, trials: int, confidence: float = CONFIDENCE) -> float:
    """One-sided Clopper-Pearson upper bound of a probability."""
    return 1 - lower_bound(trials - successes, trials, confidence)


def _at_least(successes: int, trials: int, p: float) -> float:
    return sum(math.comb(trials, k) * p**k * (1 - p) ** (trials - k) for k in range(successes, trials + 1))


def _root(below: Callable[[float], bool]) -> float:
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if below(middle) else (low, middle)
    return low
