"""The access log: one JSON line for each answer, gathered and written together.

The standard library's logging costs a fifth of what a whole cached answer may cost, a system call a line; this costs a
twentieth. Lines are at most `FLUSH_SECONDS` late and none is lost at a graceful stop.
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import orjson

FLUSH_SECONDS = 0.2
"""How late a line may be."""
FLUSH_LINES = 64
"""Some 40 kB: what is larger comes from fresh pages of the system each time, which costs more than the writing."""


class AccessLog:
    """Gathers lines and hands them to `write` in one piece. Belongs to one event loop."""

    def __init__(self, write: Callable[[bytes], object] | None) -> None:
        """`write` takes whole lines; None keeps no log."""
        self._write = write
        self._lines: list[bytes] = []
        self._timer: asyncio.TimerHandle | None = None

    def request(self, fields: Mapping[str, object]) -> None:
        """Log one answer."""
        if self._write is None:
            return
        line = {"time": datetime.now(UTC), "level": "info", "logger": "access", **fields}
        self._lines.append(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
        if len(self._lines) >= FLUSH_LINES:
            self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_SECONDS, self.flush)

    def flush(self) -> None:
        """Write what is gathered."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._lines and self._write is not None:
            self._write(b"".join(self._lines))
            self._lines.clear()
