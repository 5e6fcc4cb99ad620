"""Structured logs: one JSON object a line on standard error, written by the standard library's logging.

Pass facts with `extra={"fields": {...}}`; message content and secrets never belong there.
"""

import logging
import sys
from datetime import UTC, datetime
from typing import Any

import orjson
from typing_extensions import override

_TALKATIVE = ("httpx2", "uvicorn")
"""They log each request and each start, which our own lines and metrics say already."""


class JsonFormatter(logging.Formatter):
    """One record, one JSON line: time, level, logger, message, then the fields."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return orjson.dumps(line, default=str).decode()


def configure(level: str = "INFO") -> None:
    """Send all logs of this process to standard error as JSON lines. Call once, from a process's entry point."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLogger().level))
