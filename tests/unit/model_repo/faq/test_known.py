from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from model_repo.faq import known
from model_repo.faq.encoder import Vectors


class Embedder:
    """Counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, texts: Sequence[str]) -> Vectors:
        self.asked += 1
        return np.array([[len(text), self.asked] for text in texts], np.float32)


@pytest.fixture
def embed() -> Embedder:
    return Embedder()


def test_what_was_embedded_once_is_not_embedded_again(tmp_path: Path, embed: Embedder) -> None:
    first, second = (known.vectors(["a", "bc"], embed, "one", tmp_path / "kept") for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert first.dtype == second.dtype == np.float32
    assert embed.asked == 1


@pytest.mark.parametrize(("texts", "encoder"), [(["ab", "c"], "one"), (["a", "bc", "d"], "one"), (["a", "bc"], "two")])
def test_other_texts_and_other_encoders_are_asked_anew(
    tmp_path: Path, embed: Embedder, texts: list[str], encoder: str
) -> None:
    known.vectors(["a", "bc"], embed, "one", tmp_path)
    assert known.vectors(texts, embed, encoder, tmp_path).tolist() == [[len(text), 2] for text in texts]


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY\x01\x00", b"no vectors"])
def test_a_file_that_cannot_be_read_is_written_anew(tmp_path: Path, embed: Embedder, content: bytes) -> None:
    known.vectors(["a"], embed, "one", tmp_path)
    (file,) = tmp_path.iterdir()
    file.write_bytes(content)
    for _ in range(2):
        assert known.vectors(["a"], embed, "one", tmp_path).tolist() == [[1, 2]]


def test_a_folder_that_cannot_be_written_to_keeps_nothing(tmp_path: Path, embed: Embedder) -> None:
    (tmp_path / "file").touch()
    assert known.vectors(["a"], embed, "one", tmp_path / "file" / "kept").tolist() == [[1, 1]]


def test_the_newest_files_alone_are_kept(tmp_path: Path, embed: Embedder) -> None:
    for number in range(20):
        known.vectors([str(number)], embed, "one", tmp_path)
    assert len(list(tmp_path.iterdir())) == 16
    known.vectors(["19"], embed, "one", tmp_path)
    assert embed.asked == 20
