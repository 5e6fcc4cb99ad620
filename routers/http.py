"""What a handler sees of HTTP: a request that has fully arrived, and a reply to write to.

Nothing here knows a server; `routers.server` is the one that ships, and benchmarks put others under the same handler.
"""

from collections.abc import Callable
from typing import Protocol

from routers.record import record

Headers = bytes
"""Response headers as they go out: `name: value` and CRLF for each, names in lower case."""


@record
class Request:
    """One whole request. Header names are lower case; of a repeated header the last value counts."""

    method: bytes
    path: str
    headers: dict[bytes, bytes]
    body: bytes


class Reply(Protocol):
    """Where one answer goes: `send` for a whole one, or `start`, `write` …, `end` for a stream.

    Every method does nothing once the caller has left.
    """

    on_disconnect: Callable[[], None] | None
    """Called once if the caller leaves before the answer's end."""
    on_drain: Callable[[], None] | None
    """Called when a congested caller takes data again."""

    @property
    def congested(self) -> bool:
        """Whether the caller is slower than what is written."""

    @property
    def buffered_bytes(self) -> int:
        """What is written and not yet taken by the caller."""

    def send(self, status: int, headers: Headers, body: bytes) -> None:
        """Send a whole answer; its length is added."""

    def start(self, status: int, headers: Headers) -> None:
        """Begin a stream."""

    def write(self, data: bytes) -> None:
        """Send one piece of the stream."""

    def end(self) -> None:
        """End the stream."""

    def abort(self) -> None:
        """Cut the connection, so that nobody takes a cut answer for a whole one."""


Handler = Callable[[Request, Reply], None]
"""Takes a request and returns at once; the answer may come later."""
