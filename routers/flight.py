"""Flight: one answer on its way from a model, and every caller who waits for it.

Identical questions share one flight. It goes on while anybody waits, whoever asked first, and is cancelled when the
last one leaves.
"""

import asyncio
from collections.abc import Callable

from control_plane.spec.errors import Code, TiermeshError
from routers.asking import Begun
from routers.exchange import Exchange
from routers.gauge import Counter
from routers.http import Headers
from routers.outcome import Outcome
from routers.passenger import Passenger
from routers.protocols.events import WholeEvents

MAX_LAG_BYTES = 4 * 1024 * 1024
"""Of one caller behind the others of a shared stream: beyond it that caller is cut, and the others wait for nobody."""


MAX_RECORDED_BYTES = 4 * 1024 * 1024
"""Of a stream that is kept for the cache and for who joins late; a longer one is neither kept nor joined."""


class Flight:
    """The answer so far and its callers. A `routers.exchange.Sink` for streams, `routers.deadlines.Bounded`."""

    __slots__ = (
        "_abandoned",
        "_events",
        "_headers",
        "_pieces",
        "_recorded_bytes",
        "_recording",
        "_started",
        "counter",
        "deadline",
        "exchange",
        "outcome",
        "passengers",
        "task",
    )

    def __init__(
        self, outcome: Outcome, recording: bool, abandoned: Callable[["Flight"], None], deadline: float
    ) -> None:
        """`recording` keeps the stream's bytes; `abandoned` is called when nobody waits any more before the end: the
        last caller has left, or the deadline, in seconds of `time.monotonic`, has come."""
        self.outcome = outcome
        self.deadline = deadline
        self._abandoned = abandoned
        self._recording = recording
        self._pieces: list[bytes] = []
        self._recorded_bytes = 0
        self._started = False
        self._headers: Headers = b""
        self._events: WholeEvents | None = None
        self.passengers: list[Passenger] = []
        self.exchange: Exchange | None = None
        self.counter: Counter | None = None
        """What counts the answer's tokens, where somebody wants to know."""
        self.task: asyncio.Task[None] | None = None

    def join(self, passenger: Passenger) -> None:
        """Wait for this answer too. What has already come is sent at once."""
        self.passengers.append(passenger)
        passenger.reply.on_disconnect = lambda: self._leave(passenger)
        passenger.reply.on_drain = self._drained
        if self._started:
            passenger.start(self._headers)
            for piece in self._pieces:
                passenger.write(piece)
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
            self._abandoned(self)

    @property
    def recorded(self) -> bytes:
        """All of the stream, or nothing where it was not recorded to its end."""
        return b"".join(self._pieces)

    # A whole answer.

    def deliver(self, headers: Headers, body: bytes) -> None:
        """Give everyone the same whole answer."""
        if self.counter is not None:
            self.counter.whole(body)
        for passenger in self._land():
            passenger.send(headers, body)

    # A stream.

    def start(self, begun: Begun) -> None:
        """Begin the stream: from here on no other model can take over."""
        assert begun.exchange is not None and begun.events is not None
        self._started = True
        self._headers, self._events, self.exchange = begun.headers, begun.events, begun.exchange
        for passenger in self.passengers:
            passenger.start(begun.headers)
        self._pass_on(begun.body)
        begun.exchange.attach(self)
        if begun.events.error is not None:
            begun.exchange.break_off(begun.events.error)

    def on_body(self, data: bytes) -> None:
        events = self._events
        assert events is not None
        if data := events.take(data):
            self._pass_on(data)
        if events.error is not None and self.exchange is not None:
            self.exchange.break_off(events.error)

    def _pass_on(self, data: bytes) -> None:
        if self.counter is not None and not (data := self.counter.pass_on(data)):
            return
        if self._recording:
            self._pieces.append(data)
            size = self._recorded_bytes = self._recorded_bytes + len(data)
            if size > MAX_RECORDED_BYTES:
                self._recording = False
                self._pieces.clear()
        passengers = self.passengers
        if len(passengers) == 1:  # nearly always: without a loop
            passenger = passengers[0]
            passenger.write(data)
            if passenger.reply.congested:
                self._pause()
            return
        for passenger in passengers:
            passenger.write(data)
        self._keep_pace()

    def require_end(self) -> None:
        """Raises TiermeshError(UPSTREAM_FAILED) unless the last event of the stream is the one that says so: a stream
        that merely stops was cut."""
        events = self._events
        assert events is not None
        if events.error is not None:
            raise events.error
        if rest := events.rest():
            self._pass_on(rest)
        if not events.done:
            hint = "Discard what came and ask again."
            raise TiermeshError(Code.UPSTREAM_FAILED, "The stream stopped before its end.", hint)

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
            passenger.end()

    def fail(self, error: TiermeshError) -> None:
        """Tell everyone why there is no (whole) answer, in the protocol's own shape."""
        for passenger in self._land():
            if self._started:
                passenger.cut(error)
            else:
                passenger.refuse(error)

    def expire(self) -> None:
        """The deadline has come: say so, and stop the model."""
        seconds = self.outcome.match.route.deadline_seconds
        message = f"No whole answer within the Route's {seconds:g} seconds."
        hint = "Ask for fewer tokens, or raise spec.resilience.deadlineSeconds."
        self.fail(TiermeshError(Code.DEADLINE_EXCEEDED, message, hint))
        self._abandoned(self)

    def release(self) -> None:
        """Let go of the connection, and of what would otherwise hold this flight until the garbage collector comes."""
        exchange, self.exchange, self.task = self.exchange, None, None
        self._abandoned = _nothing
        if exchange is not None:
            exchange.close()

    def _land(self) -> list[Passenger]:
        if self.counter is not None:
            self.outcome.usage = self.counter.usage
        passengers, self.passengers = self.passengers, []
        for passenger in passengers:
            # Without these the flight, its task and its replies hold each other until the garbage collector comes.
            passenger.reply.on_disconnect = passenger.reply.on_drain = None
        return passengers


def _nothing(_: Flight) -> None:
    pass
