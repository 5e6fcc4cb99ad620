"""Entered: the reply to a request of a tenant with limits. It says what is left, and gives the request's place back."""

from collections.abc import Callable

from routers.http import Headers, Reply


class Entered:
    """A `routers.http.Reply` around another one."""

    __slots__ = ("_headers", "_reply", "gone", "leave", "on_disconnect")

    def __init__(self, reply: Reply, headers: Callable[[], Headers], leave: Callable[[], None] | None = None) -> None:
        """`headers` are asked for when the answer begins."""
        self._reply = reply
        self._headers = headers
        self.leave = leave
        """Called once, when the request is over."""
        self.gone = False
        """The caller has left before the answer's end."""
        self.on_disconnect: Callable[[], None] | None = None
        reply.on_disconnect = self._lost

    @property
    def on_drain(self) -> Callable[[], None] | None:
        return self._reply.on_drain

    @on_drain.setter
    def on_drain(self, drained: Callable[[], None] | None) -> None:
        self._reply.on_drain = drained

    @property
    def congested(self) -> bool:
        return self._reply.congested

    @property
    def buffered_bytes(self) -> int:
        return self._reply.buffered_bytes

    def send(self, status: int, headers: Headers, body: bytes) -> None:
        headers += self._headers()
        self._end()
        self._reply.send(status, headers, body)

    def start(self, status: int, headers: Headers) -> None:
        self._reply.start(status, headers + self._headers())

    def write(self, data: bytes) -> None:
        self._reply.write(data)

    def end(self) -> None:
        self._end()
        self._reply.end()

    def abort(self) -> None:
        self._end()
        self._reply.abort()

    def _lost(self) -> None:
        self.gone = True
        self._end()
        if self.on_disconnect is not None:
            self.on_disconnect()

    def _end(self) -> None:
        # The two replies would hold each other until the garbage collector comes.
        self._reply.on_disconnect = None
        leave, self.leave = self.leave, None
        if leave is not None:
            leave()
