from fractions import Fraction
from math import comb

import pytest

from control_plane.spec.errors import TiermeshError
from model_repo.faq import calibration, knowledge
from model_repo.faq.calibration import Outcome, Question
from tests.unit.model_repo.samples import SHOP


def test_the_labelled_questions_are_many_new_and_about_entries_that_exist() -> None:
    questions = calibration.load(SHOP / "questions.jsonl")
    entries = knowledge.load(SHOP / "knowledge")
    known = {text for entry in entries for wording in entry.wordings.values() for text in wording.questions}
    asked = [question.question for question in questions]
    assert len(set(asked)) == len(asked) >= 160
    assert not known.intersection(asked)
    assert {question.entry for question in questions} - {None} == {entry.id for entry in entries}
    assert sum(question.entry is None for question in questions) >= 40


def made(confidence: float, right: bool, number: int) -> Outcome:
    """An outcome on the fit part."""
    question = next(
        found
        for suffix in range(100)
        if not (found := Question(language="en", entry="e", question=f"{number} {suffix}")).held_out
    )
    return Outcome(question, confidence, "e" if right else "another")


def test_the_threshold_is_the_smallest_that_keeps_the_bound() -> None:
    sure = [made(0.9, True, number) for number in range(60)]
    unsure = [made(0.3, number % 2 == 0, number) for number in range(60)]
    assert calibration.fit(sure + unsure) == 0.9
    assert calibration.fit(sure + [made(0.3, True, number) for number in range(60)]) == 0.3


def test_too_few_questions_fit_no_threshold() -> None:
    with pytest.raises(TiermeshError, match="Label more questions"):
        calibration.fit([made(0.9, True, number) for number in range(5)])


def test_the_split_depends_on_the_text_alone() -> None:
    texts = [f"question {number}" for number in range(400)]
    held_out = [Question(language="en", entry=None, question=text).held_out for text in texts]
    assert held_out == [Question(language="zh", entry="x", question=text).held_out for text in texts]
    assert 150 < sum(held_out) < 250


@pytest.mark.parametrize(("successes", "trials"), [(1, 1), (59, 59), (77, 83), (10, 40)])
def test_at_the_lower_bound_so_many_successes_are_just_as_rare_as_said(successes: int, trials: int) -> None:
    bound = Fraction(calibration.lower_bound(successes, trials, 0.95))
    tail = sum(comb(trials, k) * bound**k * (1 - bound) ** (trials - k) for k in range(successes, trials + 1))
    assert float(tail) == pytest.approx(0.05, abs=1e-6)


def test_bounds_at_the_ends() -> None:
    assert calibration.lower_bound(0, 10) == 0
    assert calibration.upper_bound(10, 10) == 1
    assert calibration.upper_bound(3, 10) == pytest.approx(1 - calibration.lower_bound(7, 10))
