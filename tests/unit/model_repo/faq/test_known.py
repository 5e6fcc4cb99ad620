from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from model_repo.faq import known
from model_repo.faq.encoder import Vectors


class Embedder:
    """Counts how often it is asked for a text."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, texts: Sequence[str]) -> Vectors:
        self.asked += bool(texts)
        return np.array([[len(text), self.asked] for text in texts], np.float32).reshape(-1, 2)


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


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY\x01\x00", b"no vectors", b"PK\x03\x04"])
def test_a_file_that_cannot_be_read_is_written_anew(tmp_path: Path, embed: Embedder, content: bytes) -> None:
    known.vectors(["a"], embed, "one", tmp_path)
    (file,) = tmp_path.iterdir()
    file.write_bytes(content)
    for _ in range(2):
        assert known.vectors(["a"], embed, "one", tmp_path).tolist() == [[1, 2]]


@pytest.mark.parametrize(
    "wrong",
    [
        np.ones((2, 2), np.float32),
        np.ones((1, 3), np.float32),
        np.ones(2, np.float32),
        np.ones((), np.float32),
        np.ones((1, 2), np.float64),
        np.ones((1, 2), ">f4"),
    ],
    ids=lambda wrong: f"{wrong.dtype.str}-{wrong.shape}",
)
def test_vectors_of_another_shape_or_type_are_made_anew(tmp_path: Path, embed: Embedder, wrong: NDArray[Any]) -> None:
    known.vectors(["a"], embed, "one", tmp_path)
    (file,) = tmp_path.iterdir()
    np.save(file, wrong)
    for _ in range(2):
        found = known.vectors(["a"], embed, "one", tmp_path)
        assert (found.dtype.str, found.tolist()) == ("<f4", [[1, 2]])


def test_a_folder_that_cannot_be_written_to_keeps_nothing(tmp_path: Path, embed: Embedder) -> None:
    (tmp_path / "file").touch()
    assert known.vectors(["a"], embed, "one", tmp_path / "file" / "kept").tolist() == [[1, 1]]


def test_the_newest_files_alone_are_kept(tmp_path: Path, embed: Embedder) -> None:
    for number in range(20):
        known.vectors([str(number)], embed, "one", tmp_path)
    assert len(list(tmp_path.iterdir())) == 16
    known.vectors(["19"], embed, "one", tmp_path)
    assert embed.asked == 20
