"""gRPC's calls on streams of HTTP/2 (https://grpc.github.io/grpc/core/md_doc__p_r_o_t_o_c_o_l-_h_t_t_p2.html).

Each call is both ends for the router: it takes the messages that come, and is the `routers.http.Reply` to them.
"""

import asyncio
from collections import deque
from collections.abc import Callable

from control_plane.spec.errors import Code, TiermeshError
from routers.http import Headers, Reply, Request
from routers.http2.frames import Fault
from routers.http2.hpack import STATUS_200, literal
from routers.http2.stream import Headers as RequestHeaders
from routers.http2.stream import Receiver, Stream
from routers.protocols.oip_forms import UNARY

PREFIX_BYTES = 5
"""Of a message: whether it is compressed, and its length."""
Answer = Callable[[Request, Reply], None]
"""Takes one message as a request and returns at once; the answer may come later."""

_HEAD = STATUS_200 + literal(b"content-type", b"application/grpc") + literal(b"grpc-accept-encoding", b"identity")
_OK = literal(b"grpc-status", b"0")
_NOT_SENT = frozenset({b"content-type", b"content-encoding", b"cache-control"})
"""Headers that mean something of HTTP's; gRPC has its own."""
_PLAIN = frozenset(range(0x20, 0x7F)) - {ord("%")}


def framed(message: bytes) -> bytes:
    """A message as gRPC sends it: not compressed, its length in 4 bytes, itself."""
    return b"\0%b%b" % (len(message).to_bytes(4, "big"), message)


def metadata(headers: Headers) -> tuple[bytes, bool]:
    """Headers as a block of HPACK, and whether they say that the call failed."""
    block, failed = [], False
    for line in headers.split(b"\r\n")[:-1]:
        name, _, value = line.partition(b": ")
        if name not in _NOT_SENT:
            block.append(literal(name, value))
            failed = failed or name == b"grpc-status"
    return b"".join(block), failed


def failure(error: TiermeshError) -> bytes:
    """Trailers of a call that failed."""
    headers, text = UNARY.error(error)
    return metadata(headers)[0] + _message(text)


def _message(text: bytes) -> bytes:
    return literal(b"grpc-message", b"".join([b"%c" % byte if byte in _PLAIN else b"%%%02X" % byte for byte in text]))


class _Refused:
    """Takes nothing: the call has been answered."""

    may_pause = True

    def on_data(self, data: bytes) -> None: ...
    def on_end(self) -> None: ...
    def on_reset(self) -> None: ...
    def on_writable(self) -> None: ...


def refuse(stream: Stream, headers: RequestHeaders) -> Receiver:
    """A call of a method that is not here, or of no gRPC at all."""
    if headers.get(b"content-type", b"").startswith(b"application/grpc"):
        path = headers.get(b":path", b"").decode("latin-1")[:200]
        error = TiermeshError(
            Code.METHOD_NOT_ALLOWED, f"There is no method {path!r}.", "Reflection tells what there is."
        )
        stream.conclude(_HEAD + failure(error))
    else:
        stream.conclude(literal(b":status", b"415"))
    return _Refused()


class Messages:
    """The messages of a call, from its bytes."""

    def __init__(self, limit: int) -> None:
        """`limit` of one message, in bytes."""
        self._limit = limit
        self._received = bytearray()

    def read(self, data: bytes) -> list[bytes]:
        """The messages that these bytes complete.

        Raises TiermeshError: BODY_TOO_LARGE, METHOD_NOT_ALLOWED for a compressed one.
        """
        received = self._received
        received += data
        found, at, end = [], 0, len(received)
        while end - at >= PREFIX_BYTES:
            start = at + PREFIX_BYTES
            length = int.from_bytes(received[at + 1 : start], "big")
            if received[at]:
                hint = "Send it as it is: a few bytes may unpack to any number."
                raise TiermeshError(Code.METHOD_NOT_ALLOWED, "The message is compressed.", hint)
            if length > self._limit:
                hint = "Send less, or raise TIERMESH_ROUTER_MAX_BODY_BYTES."
                raise TiermeshError(Code.BODY_TOO_LARGE, f"The message is larger than {self._limit} bytes.", hint)
            if end - start < length:
                break
            at = start + length
            found.append(bytes(received[start:at]))
        del received[:at]
        return found

    @property
    def whole(self) -> bool:
        """Whether nothing of a message is left over."""
        return not self._received


class UnaryCall:
    """One message in, one out."""

    may_pause = False
    congested = False
    buffered_bytes = 0

    def __init__(self, headers: RequestHeaders, stream: Stream, answer: Answer, limit: int) -> None:
        """`answer` answers the message, of at most `limit` bytes."""
        self.on_disconnect: Callable[[], None] | None = None
        self.on_drain: Callable[[], None] | None = None
        self._headers = headers
        self._stream = stream
        self._answer = answer
        self._messages = Messages(limit)
        self._read: list[bytes] = []
        self._started: tuple[Headers, list[bytes]] = b"", []

    # The caller's side.

    def on_data(self, data: bytes) -> None:
        try:
            self._read += self._messages.read(data)
        except TiermeshError as error:
            self._stream.conclude(_HEAD + failure(error))

    def on_end(self) -> None:
        if len(self._read) == 1 and self._messages.whole:
            self._answer(Request(b"POST", "", self._headers, self._read[0]), self)
        else:
            error = TiermeshError(Code.INVALID_REQUEST, "The call is not one message.", "Send one, and end the stream.")
            self._stream.conclude(_HEAD + failure(error))

    def on_reset(self) -> None:
        if self.on_disconnect:
            self.on_disconnect()

    def on_writable(self) -> None:
        """A whole answer waits for nobody."""

    # The router's side.

    def send(self, status: int, headers: Headers, body: bytes) -> None:
        block, failed = metadata(headers)
        if failed:
            self._stream.conclude(_HEAD + block + _message(body))
        else:
            self._stream.respond(_HEAD + block, framed(body), _OK)

    def start(self, status: int, headers: Headers) -> None:
        self._started = headers, []

    def write(self, data: bytes) -> None:
        self._started[1].append(data)

    def end(self) -> None:
        self.send(200, self._started[0], b"".join(self._started[1]))

    def abort(self) -> None:
        self._stream.reset(Fault.CANCEL)


class StreamCall:
    """Messages both ways. Each one is answered before the next one is looked at; answers come framed."""

    may_pause = True

    def __init__(self, headers: RequestHeaders, stream: Stream, answer: Answer, limit: int) -> None:
        """`answer` answers each message, of at most `limit` bytes."""
        self.on_disconnect: Callable[[], None] | None = None
        self.on_drain: Callable[[], None] | None = None
        self._headers = headers
        self._stream = stream
        self._answer = answer
        self._messages = Messages(limit)
        self._waiting: deque[bytes] = deque()
        self._answering = False
        self._begun = False
        self._over = False
        self._trailers = _OK

    # The caller's side.

    def on_data(self, data: bytes) -> None:
        if self._over:
            return  # a message could not be read: nothing behind it is looked at
        try:
            self._waiting += self._messages.read(data)
        except TiermeshError as error:
            self._waiting.clear()
            self._over, self._trailers = True, failure(error)
        self._next()

    def on_end(self) -> None:
        self._over = True
        self._next()

    def on_reset(self) -> None:
        self._waiting.clear()
        if self.on_disconnect:
            self.on_disconnect()

    def on_writable(self) -> None:
        if self.on_drain:
            self.on_drain()

    def _next(self) -> None:
        if self._answering:
            return
        if self._waiting:
            message = self._waiting.popleft()
            self._answering = True
            self._stream.consumed(len(message) + PREFIX_BYTES)
            self._answer(Request(b"POST", "", self._headers, message), self)
        elif self._over:
            self._conclude(self._trailers)

    def _conclude(self, trailers: bytes) -> None:
        self._waiting.clear()
        if self._begun:
            self._stream.end(trailers)
        else:
            self._stream.conclude(_HEAD + trailers)

    # The router's side.

    @property
    def congested(self) -> bool:
        return self._stream.congested

    @property
    def buffered_bytes(self) -> int:
        return self._stream.buffered_bytes

    def send(self, status: int, headers: Headers, body: bytes) -> None:
        block, failed = metadata(headers)
        if failed:
            self._conclude(block + _message(body))
        else:
            self.start(status, headers)
            self.write(body)
            self.end()

    def start(self, status: int, headers: Headers) -> None:
        """The first answer's headers are the stream's; later ones come too late to be sent."""
        if not self._begun:
            self._begun = True
            self._stream.start(_HEAD + metadata(headers)[0])

    def write(self, data: bytes) -> None:
        self._stream.write(data)

    def end(self) -> None:
        self._answering = False
        self.on_disconnect = self.on_drain = None
        # Later: answers that come at once would nest as deep as there are messages.
        asyncio.get_running_loop().call_soon(self._next)

    def abort(self) -> None:
        self._stream.reset(Fault.CANCEL)
