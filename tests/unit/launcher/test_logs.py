"""Logs are bounded, and their end is readable."""

import json
from pathlib import Path

import pytest

from launcher.logs import bound, readable, set_aside, tail


def test_structured_lines_read_as_level_message_and_fields() -> None:
    line = json.dumps({"time": "t", "level": "error", "logger": "a.b", "message": "no route", "model": "shop"})
    assert readable(line) == ["error no route model=shop"]


def test_the_end_of_an_exception_is_kept() -> None:
    line = json.dumps({"level": "error", "message": "m", "exception": "Traceback\n one\n two\nValueError: bad"})
    assert readable(line) == ["error m", " one", " two", "ValueError: bad"]


@pytest.mark.parametrize("line", ["plain text", "{not json", "[1, 2]", "3", '{"level": "info"}'])
def test_other_lines_stay_as_they_are(line: str) -> None:
    assert readable(line) == [line]


def test_the_tail_has_the_last_lines_only(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text("".join(f"{number}\n\n" for number in range(100_000)), encoding="utf-8")
    assert tail(log, lines=2) == ["99998", "99999"]
    assert tail(tmp_path / "none.log") == []


def test_a_new_run_keeps_the_log_of_the_last_one(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "a.log"
    set_aside(log)
    log.write_text("old", encoding="utf-8")
    set_aside(log)
    assert not log.exists()
    assert log.with_name("a.log.1").read_text(encoding="utf-8") == "old"


def test_a_log_that_grew_too_large_is_set_aside_under_its_writer(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    with log.open("ab", buffering=0) as writer:
        writer.write(b"0123456789")
        bound(log, largest_bytes=10)
        assert log.read_bytes() == b"0123456789"
        bound(log, largest_bytes=9)
        writer.write(b"next")
    assert log.read_bytes() == b"next"
    assert log.with_name("a.log.1").read_bytes() == b"0123456789"
