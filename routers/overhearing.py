"""Overhearing: what an answer says, read as it passes on to its caller. Who is not overheard pays nothing for it."""

from collections.abc import Callable
from typing import Any

import orjson

from control_plane.spec.errors import TiermeshError
from control_plane.spec.models import Operation
from routers.http import Headers
from routers.judge import MOST_CHARACTERS
from routers.protocols import completion
from routers.protocols.completion import Kind, Said
from routers.protocols.dialect import Dialect, StreamEncoder
from routers.protocols.sse import ChunkReader

Told = Callable[["Heard"], None]
_SAID = (Kind.TEXT, Kind.REFUSAL)


class Heard:
    """One answer's text, as much of it as a judge reads."""

    __slots__ = ("_body", "_operation", "_reader", "_room", "_texts", "lost")

    def __init__(self, operation: Operation) -> None:
        self._operation = operation
        self._room = MOST_CHARACTERS + 1
        self._texts: list[str] = []
        self._body = b""
        self._reader: ChunkReader | None = None
        self.lost = False
        """Whether it could not be read: it passed on all the same."""

    @property
    def text(self) -> str:
        """What was said; one character more than fits where there was more. Whole answers are read by this."""
        if body := self._body:
            self._body = b""
            self._attempt(lambda: self._add_whole(body))
        return "".join(self._texts)

    def whole(self, body: bytes) -> None:
        """A whole answer."""
        self._body = body

    def more(self, data: bytes) -> None:
        """The next bytes of a stream."""
        if self._room > 0 and not self.lost:
            self._attempt(lambda: self._add_events(data))

    def _attempt(self, read: Callable[[], None]) -> None:
        try:
            read()
        except (TiermeshError, orjson.JSONDecodeError):
            self.lost = True

    def _add_whole(self, body: bytes) -> None:
        if self._operation is Operation.CHAT:
            self._add_said(completion.read_answer(body))
        else:
            self._add(_completed(orjson.loads(body)))

    def _add_events(self, data: bytes) -> None:
        reader = self._reader = self._reader or ChunkReader()
        for fields in reader.read(data):
            if self._operation is Operation.CHAT:
                self._add_said(completion.read_chunk(fields))
            else:
                self._add(_completed(fields))
            if self._room <= 0:
                return

    def _add_said(self, said: Said) -> None:
        for piece in said.pieces:
            if piece.kind is Kind.CALL:
                self._add(f"[calls {piece.name}] {piece.text}" if piece.name else piece.text)
            elif piece.kind in _SAID:
                self._add(piece.text)

    def _add(self, text: str) -> None:
        self._texts.append(text[: self._room])
        self._room -= len(text)


def _completed(fields: Any) -> str:
    """The text of the first choice of a completion, or of a chunk of it."""
    try:
        text = next(choice["text"] for choice in fields["choices"] if not choice.get("index"))
    except (LookupError, TypeError, AttributeError, StopIteration):
        return ""
    return text if isinstance(text, str) else ""


class Overheard:
    """A caller's own dialect; somebody is told of each whole answer that was written in it."""

    __slots__ = ("_dialect", "_operation", "_told", "protocol")

    def __init__(self, dialect: Dialect, operation: Operation, told: Told) -> None:
        """`told` is to return at once: the caller has not been answered yet."""
        self._dialect = dialect
        self._operation = operation
        self._told = told
        self.protocol = dialect.protocol

    def error(self, error: TiermeshError) -> tuple[Headers, bytes]:
        return self._dialect.error(error)

    def answer(self, headers: Headers, body: bytes, model: str) -> tuple[Headers, bytes]:
        answered = self._dialect.answer(headers, body, model)
        heard = Heard(self._operation)
        heard.whole(body)
        self._told(heard)
        return answered

    def stream(self, model: str, request_id: str) -> StreamEncoder:
        return _Listening(self._dialect.stream(model, request_id), Heard(self._operation), self._told)


class _Listening:
    """A caller's own encoder."""

    __slots__ = ("_encoder", "_heard", "_told", "content_type")

    def __init__(self, encoder: StreamEncoder, heard: Heard, told: Told) -> None:
        self._encoder = encoder
        self._heard = heard
        self._told = told
        self.content_type = encoder.content_type

    def encode(self, data: bytes) -> bytes:
        self._heard.more(data)
        return self._encoder.encode(data)

    def end(self) -> bytes:
        self._told(self._heard)
        return self._encoder.end()

    def error(self, error: TiermeshError) -> bytes:
        return self._encoder.error(error)
