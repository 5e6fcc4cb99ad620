"""Translation: a model's stream, written in another protocol's frames. A `routers.protocols.dialect.StreamEncoder`.

Frames that only say that an answer begins are held back until its first content, so that before it another model can
still take over. Whatever is cut, malformed or an error ends in the protocol's own error; only a stream whose model
said `[DONE]` gets the frames of a whole answer.
"""

from typing import Any, Protocol

from control_plane.spec.errors import Code, TiermeshError
from routers.protocols import sse
from routers.protocols.completion import Piece, read_chunk
from routers.protocols.turn import Block, Turn


class Frames(Protocol):
    """How one protocol writes a stream: events for each step."""

    def begun(self, turn: Turn) -> bytes:
        """The answer begins."""

    def opened(self, block: Block) -> bytes:
        """A block begins. Its text is in the step after."""

    def grew(self, block: Block, text: str) -> bytes:
        """A block got more text."""

    def closed(self, turn: Turn, block: Block) -> bytes:
        """A block is whole, or as much of it as there will be: `turn.finish` is set by then if it is the last."""

    def ended(self, turn: Turn) -> bytes:
        """The answer is whole."""

    def failed(self, turn: Turn, error: TiermeshError) -> bytes:
        """There will be no whole answer."""


class Translation:
    """One stream on its way. After its end, good or bad, nothing more is written."""

    content_type = sse.CONTENT_TYPE

    def __init__(self, frames: Frames, turn: Turn) -> None:
        """`turn` is where the answer is gathered."""
        self._frames = frames
        self._turn = turn
        self._reader = sse.ChunkReader()
        self._written: list[bytes] = []
        self._open: Block | None = None
        self._begun = False
        self._heard = False
        self._over = False

    def encode(self, data: bytes) -> bytes:
        """What these bytes of the model come to.

        Raises TiermeshError(UPSTREAM_FAILED) where they are malformed or report an error. What came before that is
        written with the error.
        """
        if not self._over:
            for chunk in self._reader.read(data):
                self._take(chunk)
        return self._drain()

    def end(self) -> bytes:
        """The end of the answer; of one that is not whole, the error."""
        if self._over:
            return b""
        self._reader.finish()
        if not (self._reader.done and self._heard):
            return self.error(TiermeshError(Code.STREAM_CUT, "The model's stream was cut off.", "Try again."))
        self._over = True
        self._begin()
        self._close()
        self._written.append(self._frames.ended(self._turn))
        return self._drain()

    def error(self, error: TiermeshError) -> bytes:
        """The end of an answer that is not whole."""
        if not self._over:
            self._over = True
            self._written.append(self._frames.failed(self._turn, error))
        return self._drain()

    def _take(self, chunk: dict[str, Any]) -> None:
        said = read_chunk(chunk)
        self._heard = self._heard or bool(said.pieces) or said.finish is not None
        for piece in self._turn.note(said):
            self._place(piece)

    def _place(self, piece: Piece) -> None:
        block = self._turn.place(piece)
        if block is not self._open:
            self._begin()
            self._close()
            self._open = block
            self._written.append(self._frames.opened(block))
        if piece.text:
            self._written.append(self._frames.grew(block, piece.text))

    def _begin(self) -> None:
        if not self._begun:
            self._begun = True
            self._written.append(self._frames.begun(self._turn))

    def _close(self) -> None:
        if self._open is not None:
            self._written.append(self._frames.closed(self._turn, self._open))
            self._open = None

    def _drain(self) -> bytes:
        written = b"".join(self._written)
        self._written.clear()
        return written
