"""The shop's own knowledge and questions, through the real encoder."""

import pytest

from benchmarks import faq as benchmark
from model_repo.faq import calibration, knowledge
from model_repo.faq.calibration import Outcome
from model_repo.faq.encoder import load
from model_repo.faq.matching import Index
from tests.unit.model_repo.samples import SHOP


@pytest.fixture(scope="module")
def outcomes() -> list[Outcome]:
    return benchmark.measure()


def test_the_shops_document_states_the_fitted_threshold(outcomes: list[Outcome]) -> None:
    assert benchmark.written_threshold() == calibration.fit(outcomes)


def test_questions_that_fitted_nothing_are_answered_as_precisely_as_promised(outcomes: list[Outcome]) -> None:
    held_out = [outcome for outcome in outcomes if outcome.question.held_out]
    score = calibration.score(held_out, benchmark.written_threshold())
    assert score.precision >= calibration.TARGET
    assert score.coverage >= 0.5


def test_each_known_question_of_the_shop_finds_its_own_entry() -> None:
    entries = knowledge.load(SHOP / "knowledge")
    index = Index(entries, load(benchmark.document().spec).embed)
    known = [
        (question, entry.id)
        for entry in entries
        for wording in entry.wordings.values()
        for question in wording.questions
    ]
    found = index.search([question for question, _ in known])
    assert [matches[0].entry.id for matches in found] == [entry for _, entry in known]
