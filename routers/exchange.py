"""Exchange: one request to a Model and what comes back of it, piece by piece."""

import asyncio
from typing import Protocol, cast

from control_plane.spec.errors import Code, TiermeshError


class Wire(Protocol):
    """The connection that an exchange is on."""

    loop: asyncio.AbstractEventLoop
    transport: asyncio.Transport
    exchange: "Exchange | None"


class Sink(Protocol):
    """Takes the body of a streamed answer."""

    def on_body(self, data: bytes) -> None:
        """One or more pieces, in order."""


class StaleConnectionError(Exception):
    """A reused connection closed before any byte of the answer: the other side had already given it up."""


class Exchange:
    """One request on a connection: its answer's head, then its body.

    `head` resolves when the headers are in. Then either `read()` the body whole or `attach()` a sink; `done`
    resolves at the body's end. Both fail with TiermeshError(UPSTREAM_FAILED) where the connection breaks.
    """

    __slots__ = (
        "_buffer",
        "_buffered",
        "_connection",
        "_limit",
        "_next",
        "_sink",
        "delimited",
        "done",
        "head",
        "headers",
        "status",
    )

    def __init__(self, connection: Wire, limit: int) -> None:
        loop = connection.loop
        self.head: asyncio.Future[None] = loop.create_future()
        self.done: asyncio.Future[None] = loop.create_future()
        self.status = 0
        self.headers: dict[bytes, bytes] = {}
        self.delimited = False
        """Whether the model says where its answer ends; where it does not, a cut looks like the end."""
        self._connection: Wire | None = connection
        self._buffer: list[bytes] = []
        self._buffered = 0
        self._limit = limit
        self._sink: Sink | None = None
        self._next: asyncio.Future[None] | None = None

    async def next_piece(self) -> bytes:
        """The body's next piece, waited for.

        Raises TiermeshError(UPSTREAM_FAILED) where the body has ended.
        """
        while not self._buffer:
            if self.done.done():
                await self.done
                raise failed("The model's answer ended before its first content")
            self._next = self.done.get_loop().create_future()
            await self._next
        return self._buffer.pop(0)

    async def read(self) -> bytes:
        """The whole body."""
        await self.done
        return self._buffer[0] if len(self._buffer) == 1 else b"".join(self._buffer)

    def attach(self, sink: Sink) -> None:
        """From now on the body goes to `sink`, what is here and was not taken yet first."""
        self._sink = sink
        for data in self._buffer:
            sink.on_body(data)
        self._buffer.clear()

    def pause(self) -> None:
        """Read no more until `resume`: the caller is slower than the model."""
        if self._connection:
            self._connection.transport.pause_reading()

    def resume(self) -> None:
        """Read on."""
        if self._connection:
            self._connection.transport.resume_reading()

    def close(self) -> None:
        """Give the exchange up. Before its end this closes the connection, by which the model knows that nobody
        waits."""
        self._sink = None
        if connection := self._connection:
            self._connection = None
            self._forget_failures()
            connection.exchange = None
            connection.transport.abort()

    def break_off(self, error: TiermeshError) -> None:
        """What came cannot be an answer: fail with this error and read no more."""
        self.fail(error)
        self.close()

    # The connection's side.

    def on_head(self, status: int, headers: dict[bytes, bytes], delimited: bool) -> None:
        self.status = status
        self.headers = headers
        self.delimited = delimited
        if not self.head.done():
            self.head.set_result(None)

    def on_body(self, data: bytes) -> None:
        if self._sink is not None:
            self._sink.on_body(data)
            return
        self._buffer.append(data)
        self._buffered += len(data)
        if self._next is not None:
            self._wake()
        if self._buffered > self._limit:
            self.fail(failed(f"The model's answer is larger than {self._limit} bytes"))
            cast(Wire, self._connection).transport.abort()

    def on_end(self) -> None:
        self._connection = None
        if not self.done.done():
            self.done.set_result(None)
        if self._next is not None:
            self._wake()

    def fail(self, error: Exception) -> None:
        for future in (self.head, self.done):
            if not future.done():
                future.set_exception(error)
        self._forget_failures()
        self._wake()

    def _wake(self) -> None:
        if self._next is not None and not self._next.done():
            self._next.set_result(None)

    def _forget_failures(self) -> None:
        """Nobody need await a failed future for it to be dealt with."""
        for future in (self.head, self.done):
            if future.done() and not future.cancelled():
                future.exception()


def failed(message: str) -> TiermeshError:
    """The error for an answer that did not come whole."""
    return TiermeshError(Code.UPSTREAM_FAILED, f"{message}.", "Try again; if it stays so, look at the model's log.")
