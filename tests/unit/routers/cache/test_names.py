"""Names are known from dictionaries: of how a word is spelt, and of what a Chinese word is."""

import pytest

from routers.cache import names


def test_a_word_that_is_spelt_with_a_capital_alone_is_a_name() -> None:
    assert names.in_english(["call", "mary", "in", "paris", "on", "friday"]) == {"mary", "paris", "friday"}


@pytest.mark.parametrize("word", ["nice", "reading", "will", "may", "mobile", "turkey", "bill", "mark", "john", "tom"])
def test_a_name_that_is_a_word_as_well_is_a_word(word: str) -> None:
    assert names.in_english([word]) == frozenset()


@pytest.mark.parametrize("word", ["", "la", "na", "xqzt", "parcell", "o'brien", "e-mail", "zürich", "b2b", "a" * 4000])
def test_what_is_short_misspelt_or_of_more_than_plain_letters_is_no_name(word: str) -> None:
    assert names.in_english([word]) == frozenset()


@pytest.mark.parametrize(
    "text",
    [
        "wann kommt das paket von der bestellung",
        "je veux retourner mon colis dans les trente jours merci",
        "que hago para devolver los zapatos",
    ],
)
def test_another_languages_little_words_are_no_names(text: str) -> None:
    assert names.in_english(text.split()) == frozenset()


def test_a_slip_of_the_finger_hides_no_name() -> None:
    assert names.in_english(["whats", "ur", "refund", "polcy", "in", "tampa"]) == {"tampa"}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("订一张从北京到洛杉矶的机票", {"北京", "洛杉矶"}),
        ("给张伟和欧阳娜娜打电话", {"张伟", "欧阳", "娜娜"}),
        ("你们支持支付宝吗", {"支付宝"}),
        ("怎么退货", set()),
        ("红色的裙子有吗", set()),
    ],
)
def test_chinese_names_are_told_from_words(text: str, found: set[str]) -> None:
    assert names.in_chinese(text) == found
