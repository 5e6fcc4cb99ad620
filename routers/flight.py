"""Flight: one answer on its way from a model, and every caller who waits for it.

Identical questions share one flight. It goes on while anybody waits, whoever asked first, and is cancelled when the
last one leaves.
"""

import asyncio
from collections.abc import Callable
from typing import NamedTuple

from control_plane.spec.errors import TiermeshError
from routers.http import Headers, Reply
from routers.outcome import Outcome
from routers.protocols import openai
from routers.upstream import Exchange

MAX_LAG_BYTES = 4 * 1024 * 1024
"""Of one caller behind the others of a shared stream: beyond it that caller is cut, and the others wait for nobody."""


MAX_RECORDED_BYTES = 4 * 1024 * 1024
"""Of a stream that is kept for the cache and for who joins late; a longer one is neither kept nor joined."""


class Passenger(NamedTuple):
    """One caller of a flight."""

    reply: Reply
    headers: Callable[[], Headers]
    """This caller's response headers; asked for when the answer begins."""
    close: Callable[[int, TiermeshError | None], None]
    """Called once at the end: HTTP status and, where the answer failed or was cut, why."""


class Flight:
    """The answer so far and its callers. A `routers.upstream.Sink` for streams."""

    __slots__ = (
        "_abandoned",
        "_headers",
        "_pieces",
        "_recorded_bytes",
        "_recording",
        "_started",
        "_status",
        "_tail",
        "deadline",
        "exchange",
        "outcome",
        "passengers",
        "task",
    )

    def __init__(self, outcome: Outcome, recording: bool, abandoned: Callable[[], None]) -> None:
        """`recording` keeps the stream's bytes; `abandoned` is called when the last caller has left before the end."""
        self.outcome = outcome
        self._abandoned = abandoned
        self._recording = recording
        self._pieces: list[bytes] = []
        self._recorded_bytes = 0
        self._tail = b""
        self._started = False
        self._status = 0
        self._headers: Headers = []
        self.passengers: list[Passenger] = []
        self.exchange: Exchange | None = None
        self.task: asyncio.Task[None] | None = None
        self.deadline: asyncio.TimerHandle | None = None

    def join(self, passenger: Passenger) -> None:
        """Wait for this answer too. What has already come is sent at once."""
        self.passengers.append(passenger)
        passenger.reply.on_disconnect = lambda: self._leave(passenger)
        passenger.reply.on_drain = self._drained
        if self._started:
            self._start(passenger)
            for piece in self._pieces:
                passenger.reply.write(piece)
            if not passenger.reply.congested:
                self._drained()

    def _leave(self, passenger: Passenger) -> None:
        if passenger not in self.passengers:
            return
        self.passengers.remove(passenger)
        passenger.close(499, None)
        if self.passengers:
            self._drained()
        else:
            self._abandoned()

    @property
    def recorded(self) -> bytes:
        """All of the stream, or nothing where it was not recorded to its end."""
        return b"".join(self._pieces)

    # A whole answer.

    def deliver(self, status: int, extra: Headers, body: bytes) -> None:
        """Give everyone the same whole answer."""
        for passenger in self._land():
            passenger.reply.send(status, extra + passenger.headers(), body)
            passenger.close(status, None)

    # A stream.

    def start(self, exchange: Exchange, headers: Headers) -> None:
        """Begin the stream: from here on no other model can take over."""
        self._started = True
        self._status = exchange.status
        self._headers = [*headers, (b"cache-control", b"no-store")]
        self.exchange = exchange
        for passenger in self.passengers:
            self._start(passenger)
        exchange.attach(self)

    def _start(self, passenger: Passenger) -> None:
        passenger.reply.start(self._status, self._headers + passenger.headers())

    def on_body(self, data: bytes) -> None:
        self._tail = data if len(data) > openai.TAIL_BYTES else self._tail[-openai.TAIL_BYTES :] + data
        if self._recording:
            self._record(data)
        passengers = self.passengers
        for passenger in passengers:
            passenger.reply.write(data)
        if len(passengers) == 1:
            if passengers[0].reply.congested:
                self._pause()
        else:
            self._keep_pace()

    @property
    def came_to_its_end(self) -> bool:
        """Whether the stream's last event is the one that says so: a stream that merely stops was cut."""
        return openai.is_end(self._tail)

    def _record(self, data: bytes) -> None:
        self._pieces.append(data)
        self._recorded_bytes += len(data)
        if self._recorded_bytes > MAX_RECORDED_BYTES:
            self._recording = False
            self._pieces.clear()

    @property
    def joinable(self) -> bool:
        """Whether who joins now would get the answer from its beginning."""
        return self._recording

    def _keep_pace(self) -> None:
        """The stream goes as fast as its fastest caller; one who falls too far behind is cut."""
        if all(passenger.reply.congested for passenger in self.passengers):
            self._pause()
            return
        for passenger in list(self.passengers):
            if passenger.reply.buffered_bytes > MAX_LAG_BYTES:
                passenger.reply.abort()
                self._leave(passenger)

    def _pause(self) -> None:
        if self.exchange:
            self.exchange.pause()

    def _drained(self) -> None:
        if self.exchange:
            self.exchange.resume()

    def finish(self) -> None:
        """The stream came to its end."""
        for passenger in self._land():
            passenger.reply.end()
            passenger.close(self._status, None)

    def fail(self, error: TiermeshError) -> None:
        """Tell everyone why there is no (whole) answer, in the protocol's own shape."""
        for passenger in self._land():
            if self._started:
                passenger.reply.write(openai.error_event(error))
                passenger.reply.end()
            else:
                headers = openai.error_headers(error) + passenger.headers()
                passenger.reply.send(error.status, headers, openai.encode_error(error))
            passenger.close(error.status, error)

    def release(self) -> None:
        """Let go of the connection, and of what would otherwise hold this flight until the garbage collector comes."""
        exchange, self.exchange, self.task = self.exchange, None, None
        if self.deadline is not None:
            self.deadline.cancel()
            self.deadline = None
        self._abandoned = _nothing
        if exchange is not None:
            exchange.close()

    def _land(self) -> list[Passenger]:
        passengers, self.passengers = self.passengers, []
        for passenger in passengers:
            # Without these the flight, its task and its replies hold each other until the garbage collector comes.
            passenger.reply.on_disconnect = passenger.reply.on_drain = None
        return passengers


def _nothing() -> None:
    pass
