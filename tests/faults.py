"""Faults on order: a Model that misbehaves as the path by which it is asked says, `/FAULT/MOMENT/v1/…`."""

import asyncio
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum

from tests.stub_upstream import DONE, Received, chunk, error, event, head
from tests.unit.routers.protocols.streams import delta

TOKENS = [f"word-{number} " for number in range(8)]
"""What the Model says where nothing stops it, a token an event."""
WHOLE = "".join(TOKENS)
OTHER = "Another Model's answer."
SLOW_SECONDS = 0.2


class Fault(StrEnum):
    """What goes wrong."""

    REFUSED = "refused"
    """Nothing listens there."""
    RESET = "reset"
    """The connection is reset."""
    STALL = "stall"
    """Not another byte comes, and the connection stays."""
    CUT = "cut"
    """The connection is closed in the middle of the answer."""
    SHORT = "short"
    """The answer ends as HTTP has it, without the event that ends a stream."""
    MALFORMED = "malformed"
    """Bytes that mean nothing; the rest of the answer comes as if nothing were wrong."""
    ERROR = "error"
    """An error inside the stream, which then ends as a whole one does."""
    FULL = "429"
    FAILED = "500"
    SLOW = "slow"
    """A pause; then the rest comes."""


class Moment(StrEnum):
    """When it goes wrong."""

    BYTE = "first-byte"
    """Before the first byte."""
    TOKEN = "first-token"
    """After the head and the event that says that an answer begins; before the first token."""
    ONE = "one-token"
    """After the first token."""
    FIVE = "five-tokens"
    """After the fifth."""

    @property
    def said(self) -> str:
        """The tokens that have come by then."""
        return "".join(TOKENS[: _SAID[self]])


_SAID = {Moment.BYTE: 0, Moment.TOKEN: 0, Moment.ONE: 1, Moment.FIVE: 5}
_HEAD = head(200, {"content-type": "text/event-stream", "transfer-encoding": "chunked"})
_BEGUN = chunk(delta({"role": "assistant", "content": ""}))
_END = chunk(delta({}, "stop") + DONE) + chunk(b"")


async def misbehave(received: Received, writer: asyncio.StreamWriter) -> None:
    """A `tests.stub_upstream.Behaviour`."""
    _, fault, moment, *_ = received.path.split("/")
    await _Stream(received, writer, Moment(moment)).go(Fault(fault))


async def behave(received: Received, writer: asyncio.StreamWriter) -> None:
    """A healthy Model, for the same requests. Says OTHER."""
    writer.write(_HEAD + _BEGUN + chunk(event(OTHER)) + _END)


class _Stream:
    """One answer, which goes wrong at its moment."""

    def __init__(self, received: Received, writer: asyncio.StreamWriter, moment: Moment) -> None:
        self._received = received
        self._writer = writer
        self._begun = moment is not Moment.BYTE
        pieces = [chunk(event(token)) for token in TOKENS]
        before, self._rest = pieces[: _SAID[moment]], b"".join(pieces[_SAID[moment] :]) + _END
        self._before = [_HEAD + _BEGUN, *before] if self._begun else []

    async def go(self, fault: Fault) -> None:
        for piece in self._before:
            self._writer.write(piece)
            await self._writer.drain()
        writer = self._writer
        match fault:
            case Fault.RESET:
                plug = writer.get_extra_info("socket")
                plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                writer.transport.abort()
            case Fault.STALL:
                await asyncio.Event().wait()  # ended by the stub once the router leaves
            case Fault.CUT:
                writer.close()
            case Fault.SHORT:
                writer.write(self._head + chunk(b""))
            case Fault.MALFORMED:
                half = chunk(b'data: {"choices": [{"del\n\n')
                writer.write(half + self._rest if self._begun else b"\0garbage\r\n\r\n")
            case Fault.ERROR:
                writer.write(self._head + chunk(b'data: {"error": {"message": "out of memory"}}\n\n') + _END)
            case Fault.FULL | Fault.FAILED:
                await error(int(fault.value), headers={"retry-after": "3"})(self._received, writer)
            case Fault.SLOW:
                await asyncio.sleep(SLOW_SECONDS)
                writer.write(self._head + self._rest)

    @property
    def _head(self) -> bytes:
        """The head, where it has not been said."""
        return b"" if self._begun else _HEAD


@contextmanager
def nobody() -> Iterator[int]:
    """A port at which connections are refused: it is taken, and nothing listens."""
    with socket.socket() as plug:
        plug.bind(("127.0.0.1", 0))
        yield plug.getsockname()[1]
