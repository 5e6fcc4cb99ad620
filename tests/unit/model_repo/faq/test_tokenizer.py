import pytest

from model_repo.faq import tokenizer
from tests.unit.model_repo.faq.pieces import PIECES

IDS = {piece: number for number, (piece, _) in enumerate(PIECES)}


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("pay", ["\u2581pay"]),
        ("a b", ["\u2581", "a", "\u2581", "b"]),
        ("a \t\u3000 b", ["\u2581", "a", "\u2581", "b"]),
        ("ａ～", ["\u2581", "a", "～"]),
        ("a\x07b", ["\u2581", "a", "b"]),
        ("a道b", ["\u2581", "a", "<unk>", "b"]),
        ("", []),
    ],
    ids=["longest piece", "words", "kinds of space", "full width, but the tilde", "control", "unknown", "nothing"],
)
def test_a_text_is_normalized_cut_and_marked(text: str, pieces: list[str]) -> None:
    found = tokenizer.build(PIECES).encode(text).ids
    assert found == [IDS["<s>"], *(IDS[piece] for piece in pieces), IDS["</s>"]]
