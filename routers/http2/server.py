"""Server: all HTTP/2 connections of one listening address."""

from collections.abc import Callable

from routers.http2.connection import Http2Connection
from routers.http2.frames import MAX_STREAM
from routers.http2.stream import Headers, Receiver, Stream
from routers.limits import ServerLimits
from routers.listener import Listener

Receive = Callable[[Headers, Stream], Receiver]
"""Takes a request's headers and returns what takes its body; it may have answered by then."""

_OVERHEAD_BYTES = 64 * 1024
"""Above a body's limit: so much may come before it is refused."""
_BODIES = 8
"""So many of the largest bodies may be on their way at once on one connection. Nobody's key has been looked at then."""


class Http2Server(Listener[Http2Connection]):
    """Greets, and says goodbye."""

    def __init__(self, receive: Receive, limits: ServerLimits) -> None:
        super().__init__(lambda: Http2Connection(self))
        self.receive = receive
        self.limits = limits
        self.stream_window = limits.max_body_bytes + _OVERHEAD_BYTES
        self.connection_bytes = _BODIES * self.stream_window

    def drain(self) -> None:
        """Ask callers to open their next calls elsewhere; those that come all the same are answered."""
        for connection in self.connections:
            connection.goaway(last=MAX_STREAM)
