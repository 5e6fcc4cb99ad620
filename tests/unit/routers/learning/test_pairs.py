"""Labelled pairs are read as they are written, and what is wrong is named with its line."""

import gzip
from pathlib import Path

import pytest

from control_plane.spec.errors import TiermeshError
from routers.learning.pairs import read

_HEAD = "prompt,weak,strong,domain\n"


def _file(folder: Path, text: str, name: str = "pairs.csv") -> Path:
    path = folder / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


@pytest.mark.parametrize("name", ["pairs.csv", "pairs.csv.gz"])
def test_plain_and_packed_files_hold_the_same(tmp_path: Path, name: str) -> None:
    found = read([_file(tmp_path, _HEAD + '"one, two",0,1,sums\n还有呢,1,0.5,chat\n', name)])
    assert found.prompts == ("one, two", "还有呢")
    assert found.gains.tolist() == [1, -0.5]
    assert found.domains == ("sums", "chat")


def test_marks_are_divided_by_the_largest(tmp_path: Path) -> None:
    lines = '{"prompt": "a", "weak": 8, "strong": 10}\n{"prompt": "b", "weak": 5, "strong": 6}\n'
    assert read([_file(tmp_path, lines, "marks.jsonl")]).weak.tolist() == [0.8, 0.5]


def test_questions_that_a_model_was_trained_on_are_left_out(tmp_path: Path) -> None:
    found = read([_file(tmp_path, "prompt,weak,strong,contaminated\na,0,1,1\nb,0,1,0\n")])
    assert found.prompts == ("b",)


def test_domains_of_one_file_alone_are_none(tmp_path: Path) -> None:
    both = [_file(tmp_path, _HEAD + "a,0,1,x\n"), _file(tmp_path, "prompt,weak,strong\nb,1,1\n", "more.csv")]
    assert read(both).domains is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "lacks the column 'prompt'"),
        ("prompt,weak\na,0\n", "lacks the column 'strong'"),
        (_HEAD, "holds no rows"),
        (_HEAD + "a,0,1,x\nb,yes,1,x\n", "line 3, column 'weak': 'yes' is no score"),
        (_HEAD + "a,0,nan,x\n", "'nan' is no score"),
        (_HEAD + "a,-1,0,x\n", "'-1' is no score"),
        (_HEAD + "a,0\n", "'None' is no score"),
        (_HEAD + " ,0,1,x\n", "there is no text"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(TiermeshError, match=said):
        read([_file(tmp_path, text)])


def test_a_file_that_is_not_what_its_name_says_is_an_error_with_a_cure(tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv.gz"
    path.write_bytes(b"prompt,weak,strong\n")
    with pytest.raises(TiermeshError, match="cannot be read"):
        read([path])
    with pytest.raises(TiermeshError, match="cannot be read"):
        read([tmp_path / "none.csv"])
