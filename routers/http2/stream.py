"""Stream: one request and its answer on a connection of HTTP/2."""

from typing import TYPE_CHECKING, Protocol

from routers.http2.frames import END_STREAM, MAX_FRAME_BYTES, ConnectionFault, Fault, Kind, frame, header_frames

if TYPE_CHECKING:
    from routers.http2.connection import Http2Connection


class Receiver(Protocol):
    """Takes one request as it comes."""

    may_pause: bool
    """Whether the caller may take its time before the end of its body."""

    def on_data(self, data: bytes) -> None:
        """The next bytes of its body, cut anywhere. What is done with is told to `Stream.consumed`."""

    def on_end(self) -> None:
        """The body is whole."""

    def on_reset(self) -> None:
        """The caller has left before the answer's end."""

    def on_writable(self) -> None:
        """The caller takes data again."""


class Stream:
    """Writes the answer, as fast as the caller lets it."""

    __slots__ = (
        "_ended",
        "_held_bytes",
        "_room",
        "_trailers",
        "_waiting",
        "began_at",
        "connection",
        "ended_by_caller",
        "number",
        "receiver",
        "window",
    )

    def __init__(self, connection: "Http2Connection", number: int, window: int, room: int, began_at: float) -> None:
        """`window` is how much the caller takes before it says more, `room` how much it may send before it is told of
        more; `began_at` is of the event loop's clock."""
        self.began_at = began_at
        self.connection = connection
        self.number = number
        self.window = window
        self.receiver: Receiver
        self.ended_by_caller = False
        self._room = room
        self._held_bytes = 0
        self._waiting = bytearray()
        self._trailers: bytes | None = None
        self._ended = False

    @property
    def buffered_bytes(self) -> int:
        """What is written and not yet taken by the connection."""
        return len(self._waiting)

    @property
    def congested(self) -> bool:
        """Whether the caller is slower than what is written."""
        return bool(self._waiting) or self.connection.congested

    def respond(self, block: bytes, body: bytes, trailers: bytes) -> None:
        """A whole answer, at once where the caller's windows allow it."""
        size = len(body)
        if self._ended:
            return
        if size > MAX_FRAME_BYTES or size > self.window or size > self.connection.window:
            self.start(block)
            self.write(body)
            self.end(trailers)
            return
        self.window -= size
        self.connection.window -= size
        number = self.number
        head, last = header_frames(0, number, block), header_frames(END_STREAM, number, trailers)
        self.connection.write(b"%b%b%b" % (head, frame(Kind.DATA, 0, number, body), last))
        self._finish()

    def conclude(self, block: bytes) -> None:
        """An answer of headers alone."""
        if not self._ended:
            self.connection.write(header_frames(END_STREAM, self.number, block))
            self._finish()

    def start(self, block: bytes) -> None:
        """Begin the answer."""
        if not self._ended:
            self.connection.write(header_frames(0, self.number, block))

    def write(self, data: bytes) -> None:
        """Send one piece of the body, or keep it until the caller takes more."""
        if not self._ended:
            self._waiting += data
            self.flush()

    def end(self, trailers: bytes) -> None:
        """End the answer, once all of it is sent."""
        if not self._ended:
            self._trailers = trailers
            self.flush()

    def flush(self) -> None:
        """Send what the windows allow."""
        pieces = []
        while (
            self._waiting
            and (size := min(len(self._waiting), self.window, self.connection.window, MAX_FRAME_BYTES)) > 0
        ):
            pieces.append(frame(Kind.DATA, 0, self.number, bytes(self._waiting[:size])))
            del self._waiting[:size]
            self.window -= size
            self.connection.window -= size
        if pieces:
            self.connection.write(b"".join(pieces))
        if self._trailers is not None and not self._waiting:
            self.connection.write(header_frames(END_STREAM, self.number, self._trailers))
            self._finish()

    def receive(self, size: int, padding: int) -> None:
        """So much of the request has come, some of it padding. Raises ConnectionFault for more than it has room."""
        self._room -= size
        self._hold(size)
        if self._room < 0:
            raise ConnectionFault(Fault.FLOW_CONTROL_ERROR, "more of a request than there is room for")
        self.consumed(padding)

    def consumed(self, size: int) -> None:
        """So much of the request has been dealt with: the caller may send as much again."""
        if size and not self.ended_by_caller and not self._ended:
            self._room += size
            self._hold(-size)
            self.connection.write(frame(Kind.WINDOW_UPDATE, 0, self.number, size.to_bytes(4, "big")))

    def let_go(self) -> None:
        """What has come of the request counts no longer: it is whole, or nobody looks at it."""
        self._hold(-self._held_bytes)

    def _hold(self, size: int) -> None:
        self._held_bytes += size
        self.connection.held_bytes += size

    def reset(self, fault: Fault) -> None:
        """Cut the answer off."""
        if not self._ended:
            self._ended = True
            self.connection.write(frame(Kind.RST_STREAM, 0, self.number, fault.to_bytes(4, "big")))
            self.connection.forget(self)

    def _finish(self) -> None:
        self._ended = True
        if not self.ended_by_caller:
            # All is said: the rest of the request need not come.
            self.connection.write(frame(Kind.RST_STREAM, 0, self.number, bytes(4)))
        self.connection.forget(self)

    def lost(self) -> None:
        """The caller has left."""
        if not self._ended:
            self._ended = True
            self.receiver.on_reset()


Headers = dict[bytes, bytes]
"""Of a request, pseudo-headers too; names in lower case."""
