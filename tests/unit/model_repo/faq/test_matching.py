import pytest

from model_repo.faq.encoder import Encoder
from model_repo.faq.matching import Index
from tests.unit.model_repo.samples import ENTRIES


@pytest.fixture(scope="module")
def index(encoder: Encoder) -> Index:
    return Index(ENTRIES, encoder.embed)


@pytest.mark.parametrize(
    ("question", "entry"),
    [
        ("how many days until my parcel comes", "delivery"),
        ("要等几天才送来", "delivery"),
        ("I want to send this back", "returns"),
        ("do you take credit cards", "payment"),
    ],
)
def test_a_paraphrase_finds_its_entry(index: Index, question: str, entry: str) -> None:
    assert index.search([question])[0][0].entry.id == entry


def test_entries_come_nearest_first_and_each_once(index: Index) -> None:
    (found,) = index.search(["When will it arrive?"], count=5)
    assert found[0].entry.id == "delivery"
    assert len({match.entry.id for match in found}) == len(found) == len(ENTRIES)
    confidences = [match.confidence for match in found]
    assert confidences == sorted(confidences, reverse=True)
    assert all(0 <= confidence <= 1 for confidence in confidences)


def test_questions_are_answered_in_their_order(index: Index) -> None:
    asked = ["How can I pay?", "How do I return an item?"]
    assert [matches[0].entry.id for matches in index.search(asked)] == ["payment", "returns"]
