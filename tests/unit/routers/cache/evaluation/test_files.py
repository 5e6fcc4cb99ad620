"""Files of labelled questions are read, or refused in a sentence that helps."""

import gzip
from pathlib import Path

import pytest

from control_plane.spec.errors import TiermeshError
from routers.cache.evaluation import files
from routers.cache.evaluation.files import Intents, Pairs


def written(folder: Path, text: str) -> Path:
    """A file with this content."""
    path = folder / "questions.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_questions_with_intents_are_read_whatever_else_stands_beside_them(tmp_path: Path) -> None:
    read = files.read(written(tmp_path, 'split,text,intent\ntrain,"Where, now?",track\ntest,怎么退货,return\n'))
    assert read == Intents(["Where, now?", "怎么退货"], ["track", "return"])


def test_pairs_are_read_also_when_gzipped(tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv.gz"
    path.write_bytes(gzip.compress(b"\xef\xbb\xbfq1,q2,label\na,b,1\nc,d,0\n"))
    assert files.read(path) == Pairs(["a", "c"], ["b", "d"], [True, False])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("text,label\na,1\n", "columns text, label.*text,intent or q1,q2,label"),
        ("", "columns \\(none\\)"),
        ("text,intent\nwhere,track\nwhen,\n", "line 3 has no intent"),
        ("text,intent\nwhere\n", "line 2 has no intent"),
        ("q1,q2,label\na,b,yes\n", "line 2 has the label 'yes'.*Write 1"),
    ],
)
def test_another_kind_of_file_is_refused_by_name_line_and_cure(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(TiermeshError, match=f"questions.csv.*{said}"):
        files.read(written(tmp_path, text))


def test_what_is_no_text_or_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TiermeshError, match="cannot be read"):
        files.read(tmp_path / "nowhere.csv")
    broken = tmp_path / "broken.csv.gz"
    broken.write_bytes(gzip.compress(b"text,intent\na,b\n")[:-9])
    with pytest.raises(TiermeshError, match="cannot be read"):
        files.read(broken)


def test_too_few_questions_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path, "text,intent\nwhere,track\n")
    with pytest.raises(TiermeshError, match="has 1 questions.*at least 40"):
        files.check_size(path, files.read(path), 40)
