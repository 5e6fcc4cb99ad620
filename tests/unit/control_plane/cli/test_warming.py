"""A file of questions: read whole, each once, and refused with the line."""

import asyncio
from pathlib import Path

import pytest

from control_plane.cli import warming
from control_plane.cli.warming import Question
from control_plane.spec.errors import Code, TiermeshError
from tests.unit.control_plane.cli.conftest import Run

SHOP = Path(__file__).parents[4] / "examples" / "shop" / "seasonal.jsonl"


def file(folder: Path, name: str, content: str) -> Path:
    path = folder / name
    path.write_text(content, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("q.txt", "Why?\n\n  When?\nWhy?\n"),
        ("q.csv", 'text,model\nWhy?,\n"When?",\nWhy?,\n'),
        ("q.jsonl", '{"text": "Why?"}\n\n{"text": " When? "}\n{"text": "Why?"}\n'),
    ],
)
def test_each_question_is_read_once(tmp_path: Path, name: str, content: str) -> None:
    assert warming.read(file(tmp_path, name, content)) == [Question("Why?", None), Question("When?", None)]


def test_a_question_may_name_its_model(tmp_path: Path) -> None:
    assert warming.read(file(tmp_path, "q.csv", "text,model\nWhy?,shop\n")) == [Question("Why?", "shop")]
    assert warming.read(file(tmp_path, "q.jsonl", '{"text": "Why?", "model": "shop"}')) == [Question("Why?", "shop")]


@pytest.mark.parametrize(
    ("name", "content", "line"),
    [
        ("q.csv", "question\nWhy?\n", 2),
        ("q.jsonl", '{"text": "Why?"}\n{', 2),
        ("q.jsonl", "[]", 1),
        ("q.jsonl", '{"text": 7}', 1),
        ("q.jsonl", '{"text": "Why?", "model": 7}', 1),
    ],
)
def test_what_is_no_question_is_refused_with_its_line(tmp_path: Path, name: str, content: str, line: int) -> None:
    with pytest.raises(TiermeshError, match=f"Line {line} of") as caught:
        warming.read(file(tmp_path, name, content))
    assert caught.value.code is Code.INVALID_REQUEST


def test_a_file_without_a_question_or_that_is_not_there_is_refused(tmp_path: Path) -> None:
    for path in (file(tmp_path, "q.txt", "\n"), tmp_path / "none.txt"):
        with pytest.raises(TiermeshError):
            warming.read(path)


def test_the_shops_file_can_be_read() -> None:
    assert len(warming.read(SHOP)) == 20


def test_a_model_is_needed_where_questions_name_none(tmp_path: Path, run: Run) -> None:
    assert run("cache", "warm", "-f", file(tmp_path, "q.txt", "Why?")).code == 2


def test_a_mesh_that_does_not_answer_is_an_error(tmp_path: Path) -> None:
    nowhere = warming.Mesh("http://127.0.0.1:9/v1", None, "shop", {})
    with pytest.raises(TiermeshError, match="Nobody answers") as caught:
        asyncio.run(warming.warm([Question("Why?", None)], nowhere, warming.Pace(10, 1), lambda: None))
    assert caught.value.code is Code.UNAVAILABLE
