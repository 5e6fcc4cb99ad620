"""Events: a model's stream in whole, sound events.

What goes out has been read: an event that is no JSON, or that reports an error, breaks the stream before a caller sees
it, and half an event never leaves. So the error that ends a broken stream is always an event of its own.
"""

import re
from typing import Any

import orjson

from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.models import Operation
from routers.protocols import completion
from routers.protocols.sse import MAX_EVENT_BYTES, ChunkReader

_BEGIN, _END, _BETWEEN = b"data: {", b"}\n\n", b"\n\ndata: "
_EVENT = re.compile(rb"(?s).*?(?:\r\n|\n|\r(?!\n)){2,}")
"""With the blank lines that end it."""


class WholeEvents:
    """Reads one stream."""

    __slots__ = ("_held", "_operation", "_reader", "done", "error", "spoke")

    def __init__(self, operation: Operation) -> None:
        self._operation = operation
        self._held = bytearray()
        self._reader: ChunkReader | None = None
        self.done = False
        """Whether the last event has come. What follows it is nobody's: but for blank lines, it does not go out."""
        self.spoke = False
        """Whether a chunk held content, or the end of an answer without any."""
        self.error: TiermeshError | None = None
        """UPSTREAM_FAILED, once an event is malformed or reports an error: nothing goes out from there on."""

    def take(self, data: bytes) -> bytes:
        """The bytes that are whole, sound events by now; the rest is kept for the next call."""
        if self.error is not None or (self.done and data.strip(b"\r\n")):
            return b""
        try:
            if not self._held and data.startswith(_BEGIN) and data.endswith(_END) and self._are_plain(data):
                return data
        except TiermeshError:
            pass  # those before it are sound: see which
        return self._take_slowly(data)

    def _are_plain(self, data: bytes) -> bool:
        """Whether these are sound events of one line each, as nearly all servers write and nearly all pieces come: read
        without a look at each line. Comments, names and other line ends take the slow way."""
        if data.find(b"\r") >= 0:  # `in` takes nearly twice as long
            return False
        events = [data[6:-2]]
        if data.find(b"\n") != len(data) - 2:
            events = data[6:-2].split(_BETWEEN)
            if data.count(b"\n") != 2 * len(events):
                return False
        try:
            for event in events:
                fields = orjson.loads(event)
                # Most are: without a call for each.
                if not self.spoke or type(fields) is not dict or "error" in fields:
                    self._check(fields)
        except orjson.JSONDecodeError:
            return False
        return True

    def _take_slowly(self, data: bytes) -> bytes:
        held, sound = self._held, []
        fresh = max(0, len(held) - 2)  # a blank line may be cut
        held += data
        end = _last_end(held, fresh)
        whole = bytes(held[:end])
        del held[:end]
        try:
            for event in _EVENT.findall(whole):
                self._read(event)
                sound.append(event)
                if self.done:
                    held.clear()
                    break
            if len(held) > MAX_EVENT_BYTES:
                raise _broken(f"an event is longer than {MAX_EVENT_BYTES} bytes")
        except TiermeshError as error:
            self.error = error
            held.clear()
        return b"".join(sound)

    def _read(self, data: bytes) -> ChunkReader:
        reader = self._reader = self._reader or ChunkReader()
        for fields in reader.read(data):
            self._check(fields)
        self.done = reader.done
        return reader

    def _check(self, fields: Any) -> None:
        if not isinstance(fields, dict):
            raise _broken("an event is no JSON object")
        if (error := fields.get("error")) is not None:
            raise completion.reported(error)
        if not self.spoke:
            self.spoke = _says_something(self._operation, fields)

    def rest(self) -> bytes:
        """What is left at the end: `data: [DONE]` may come without a blank line after it. Half an event is nothing.

        Raises TiermeshError(UPSTREAM_FAILED) where it is malformed.
        """
        held = bytes(self._held)
        self._held.clear()
        reader = self._read(held)
        reader.finish()
        self.done = reader.done
        return held if self.done else b""


def _last_end(held: bytearray, start: int) -> int:
    """Where the last blank line ends; 0 where there is none from `start` on. Lines end in LF, CR LF or CR."""
    end = max(held.rfind(blank, start) for blank in (b"\n\n", b"\n\r", b"\r\r")) + 2
    if end < 2:
        return 0
    return end + 1 if held[end - 1 : end + 1] == b"\r\n" else end


def _says_something(operation: Operation, fields: dict[str, Any]) -> bool:
    """Whether a chunk holds content, or the end of an answer without any. Raises TiermeshError where it cannot be
    read."""
    try:
        text = fields["choices"][0]["delta"]["content"]
    except (LookupError, TypeError):
        text = None
    if isinstance(text, str) and text:
        return True  # as most first chunks do: without a look at the rest, for a caller waits
    said = completion.read_chunk(fields)
    if said.pieces or said.finish:
        return True
    choices = fields.get("choices") if operation is Operation.COMPLETIONS else None
    return bool(choices) and any(isinstance(choice, dict) and choice.get("text") for choice in choices or ())


def _broken(what: str) -> TiermeshError:
    message, hint = f"The model's stream is broken: {what}.", "Try again; if it stays so, look at the model's log."
    return TiermeshError(Code.UPSTREAM_FAILED, message, hint)
