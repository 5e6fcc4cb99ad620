from pathlib import Path

import pytest

from control_plane.spec.errors import TiermeshError
from model_repo.faq import knowledge
from tests.unit.model_repo.samples import ENTRIES, SHOP

TWO = "[{id: a, en: {questions: [q], answer: x}}, {id: b, zh: {questions: [q], answer: y}}]"


def test_every_entry_of_the_shop_is_in_both_languages() -> None:
    entries = knowledge.load(SHOP / "knowledge")
    assert len(entries) >= 25
    assert all(set(entry.wordings) == {"en", "zh"} for entry in entries)


def test_no_question_of_the_shop_stands_in_two_entries() -> None:
    asked = [
        question
        for entry in knowledge.load(SHOP / "knowledge")
        for wording in entry.wordings.values()
        for question in wording.questions
    ]
    assert len(set(asked)) == len(asked)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a: [", "not YAML"),
        ("a: 1", "must be a list"),
        ("[{id: A, en: {questions: [q], answer: x}}]", r"\[0\].id"),
        ("[{id: a, en: {questions: [], answer: x}}]", r"\[0\].en.questions"),
        ("[{id: a, en: {questions: [q], answer: x, tone: y}}]", r"\[0\].en.tone"),
        ("[{id: a}]", "has no language"),
        (TWO.replace("id: b", "id: a"), "'a' stands twice"),
        ("[{id: a, en: {questions: [q], answer: x}}]", "at least two entries"),
    ],
)
def test_a_wrong_file_is_refused_with_the_place(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "shop.yaml").write_text(text)
    with pytest.raises(TiermeshError, match=why):
        knowledge.load(tmp_path)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(TiermeshError, match="gone"):
        knowledge.load(tmp_path / "gone")


def test_an_answer_falls_back_to_the_entrys_first_language() -> None:
    assert [ENTRIES[0].answer("zh"), ENTRIES[1].answer("zh")] == ["两天。", "By post."]
