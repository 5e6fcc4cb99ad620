"""Structured logs: one JSON object a line."""

import json
import logging
import sys
from pathlib import Path

import pytest

from observability.logging import JsonFormatter, configure


def formatted(message: str, *values: object, **extra: object) -> dict[str, object]:
    record = logging.LogRecord("routers.app", logging.WARNING, __file__, 1, message, values, None)
    record.__dict__.update(extra)
    line = JsonFormatter().format(record)
    assert "\n" not in line
    parsed = json.loads(line)
    assert isinstance(parsed, dict)
    return parsed


def test_a_record_is_one_line_with_its_fields() -> None:
    line = formatted("Port %d is open.", 8080, fields={"port": 8080, "place": Path("/a")})
    assert (line["level"], line["logger"], line["message"]) == ("warning", "routers.app", "Port 8080 is open.")
    assert (line["port"], line["place"]) == (8080, "/a")


def test_an_exception_is_part_of_its_line() -> None:
    try:
        raise ValueError("first line\nsecond line")
    except ValueError:
        record = logging.LogRecord("a", logging.ERROR, __file__, 1, "failed", (), sys.exc_info())
    line = JsonFormatter().format(record)
    assert "\n" not in line
    assert "ValueError: first line\nsecond line" in json.loads(line)["exception"]


def test_a_librarys_line_for_each_request_is_not_ours(capfd: pytest.CaptureFixture[str]) -> None:
    root, talkative = logging.getLogger(), logging.getLogger("httpx2")
    before, level, own = root.handlers[:], root.level, talkative.level
    try:
        configure("INFO")
        talkative.info("HTTP Request: GET /v1/snapshots/latest")
        talkative.warning("something is wrong")
        assert [json.loads(line)["message"] for line in capfd.readouterr().err.splitlines()] == ["something is wrong"]
    finally:
        root.handlers[:] = before
        root.setLevel(level)
        talkative.setLevel(own)
