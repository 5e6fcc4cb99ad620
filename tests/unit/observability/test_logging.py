"""Structured logs: one JSON object a line."""

import json
import logging
import sys
from pathlib import Path

from observability.logging import JsonFormatter


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
