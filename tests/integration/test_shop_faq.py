"""The shop's own knowledge and questions, through the real encoder."""

from collections.abc import Callable, Sequence

import pytest

from benchmarks import faq as benchmark
from model_repo.faq import calibration, knowledge
from model_repo.faq.calibration import Outcome
from model_repo.faq.encoder import Vectors, load
from model_repo.faq.matching import Index
from tests.unit.model_repo.samples import SHOP

Embed = Callable[[Sequence[str]], Vectors]


@pytest.fixture(scope="module")
def embed() -> Embed:
    return benchmark.once(load(benchmark.document().spec).embed)


@pytest.fixture(scope="module")
def outcomes(embed: Embed) -> list[Outcome]:
    return benchmark.measure(embed=embed)


def test_the_shops_document_states_the_fitted_threshold(outcomes: list[Outcome]) -> None:
    assert benchmark.written_threshold() == calibration.fit(outcomes)


def test_questions_that_fitted_nothing_are_answered_as_precisely_as_promised(outcomes: list[Outcome]) -> None:
    held_out = [outcome for outcome in outcomes if outcome.question.held_out]
    score = calibration.score(held_out, benchmark.written_threshold())
    assert score.precision >= calibration.TARGET
    assert score.coverage >= 0.5


def test_each_known_question_of_the_shop_finds_its_own_entry(embed: Embed) -> None:
    entries = knowledge.load(SHOP / "knowledge")
    index = Index(entries, embed)
    known = [
        (question, entry.id)
        for entry in entries
        for wording in entry.wordings.values()
        for question in wording.questions
    ]
    found = index.search([question for question, _ in known])
    assert [matches[0].entry.id for matches in found] == [entry for _, entry in known]
