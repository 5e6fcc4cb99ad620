import pytest

from model_repo.faq import languages


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("多久能送到？", "zh"),
        ("可以用PayPal付款吗", "zh"),
        ("How long does 顺丰 take to deliver?", "en"),
        ("123 ?!", "en"),
        ("", "en"),
    ],
)
def test_the_share_of_chinese_characters_decides(text: str, language: str) -> None:
    assert languages.of(text) == language
