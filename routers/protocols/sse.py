"""Server-sent events: the chunks of a model's stream from its bytes, and the events of a caller's stream.

What cannot be read is an error and never an end: a frame that is no JSON object, a line that is no field of an event,
an event without bounds. Line endings, comments, events of several data lines and where the bytes are cut make no
difference. Format: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from collections.abc import Iterator
from typing import Any

import orjson

from control_plane.spec.errors import Code, TiermeshError

CONTENT_TYPE = b"text/event-stream"
MAX_EVENT_BYTES = 4 * 1024 * 1024
"""Of one event of a model: the longest that is held while its end has not come."""

_DONE = b"[DONE]"
DONE_EVENT = b"data: [DONE]\n\n"
"""The last event of a whole stream."""
_SILENT = frozenset({b"", b"id", b"retry"})
"""Fields without a meaning here; the name of a comment is empty."""


def event(fields: dict[str, Any]) -> bytes:
    """An event that is named as its `type` says."""
    return b"event: %b\ndata: %b\n\n" % (fields["type"].encode(), orjson.dumps(fields))


class ChunkReader:
    """Reads one model's stream."""

    def __init__(self) -> None:
        self._line: list[bytes] = []
        self._data: list[bytes] = []
        self._held_bytes = 0
        self._after_return = False
        self._is_error = False
        self.done = False
        """`[DONE]` has come: what follows is not read."""

    def read(self, data: bytes) -> Iterator[dict[str, Any]]:
        """The chunks that these bytes complete. An event named `error` becomes {"error": its data}.

        Raises TiermeshError(UPSTREAM_FAILED) where the stream is malformed, after the chunks before that.
        """
        if not data:
            return
        if self._after_return:
            data = data.removeprefix(b"\n")
        self._after_return = data.endswith(b"\r")
        for piece in data.splitlines(keepends=True):
            line = piece.rstrip(b"\r\n")
            self._hold(line)
            if len(line) == len(piece):
                return
            yield from self._end_line()

    def finish(self) -> None:
        """No more bytes come. The last line may lack its end; an event that lacks its own has not come."""
        name, value = _field(b"".join(self._line))
        if name == b"data":
            self._hear(value)

    def _hold(self, part: bytes) -> None:
        if self.done:
            return
        self._held_bytes += len(part)
        if self._held_bytes > MAX_EVENT_BYTES:
            raise _malformed(f"an event is longer than {MAX_EVENT_BYTES} bytes")
        self._line.append(part)

    def _end_line(self) -> Iterator[dict[str, Any]]:
        line = b"".join(self._line)
        self._line.clear()
        if self.done:
            return
        if not line:
            yield from self._end_event()
            return
        name, value = _field(line)
        if name == b"data":
            self._hear(value)
            return
        self._held_bytes -= len(line)
        if name == b"event":
            self._is_error = value == b"error"
        elif name not in _SILENT:
            raise _malformed("a line is no field of an event")

    def _hear(self, value: bytes) -> None:
        self.done = self.done or (value == _DONE and not self._data)
        self._data.append(value)

    def _end_event(self) -> Iterator[dict[str, Any]]:
        data, is_error = b"\n".join(self._data), self._is_error
        self._data.clear()
        self._held_bytes, self._is_error = 0, False
        if not data:
            return
        try:
            fields = orjson.loads(data)
        except orjson.JSONDecodeError as error:
            raise _malformed("an event is not JSON") from error
        if not isinstance(fields, dict):
            raise _malformed("an event is no JSON object")
        yield {"error": fields} if is_error and "error" not in fields else fields


def _field(line: bytes) -> tuple[bytes, bytes]:
    name, _, value = line.partition(b":")
    return name, value.removeprefix(b" ")


def _malformed(what: str) -> TiermeshError:
    message = f"The model's stream is malformed: {what}."
    return TiermeshError(Code.UPSTREAM_FAILED, message, "Try again; if it stays so, look at the model's log.")
