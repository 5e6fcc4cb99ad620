"""The processes' log files: bounded, and readable at their end."""

import json
import shutil
from pathlib import Path
from typing import Any

_LARGEST_BYTES = 64 * 2**20
_TAIL_BYTES = 64 * 2**10


def set_aside(log: Path) -> None:
    """Begin a new log; the last run's is kept as NAME.log.1."""
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists():
        log.replace(_older(log))


def bound(log: Path, largest_bytes: int = _LARGEST_BYTES) -> None:
    """Set a log aside that has grown too large, under a process that goes on appending to it."""
    if log.exists() and log.stat().st_size > largest_bytes:
        shutil.copyfile(log, _older(log))
        with log.open("r+b") as file:
            file.truncate()


def tail(log: Path, lines: int = 12) -> list[str]:
    """The last lines of a log, the structured ones in plain words. Empty where there is none."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
            text = file.read().decode(errors="replace")
    except FileNotFoundError:
        return []
    return [plain for line in text.splitlines() for plain in readable(line)][-lines:]


def readable(line: str) -> list[str]:
    """One log line as people read it: level, message, fields, then the exception's last lines; other text as it is."""
    try:
        record = json.loads(line)
        words = [str(record.pop("level")), str(record.pop("message"))]
    except (ValueError, KeyError, TypeError, AttributeError):
        return [line] if line.strip() else []
    exception = str(record.pop("exception", ""))
    words += [f"{name}={value}" for name, value in _fields(record).items()]
    return [" ".join(words), *exception.splitlines()[-3:]]


def _fields(record: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name not in ("time", "logger")}


def _older(log: Path) -> Path:
    return log.with_name(f"{log.name}.1")
