"""Passenger: one caller of a flight, and how the answer is written to it."""

import time

from control_plane.spec.errors import TiermeshError
from routers.call import Call
from routers.decision import Match
from routers.http import Headers, Reply
from routers.ledger import Ledger
from routers.outcome import Outcome
from routers.protocols.dialect import StreamEncoder


class Passenger:
    """Writes one answer in the caller's own dialect, and enters it in the ledger at its end."""

    __slots__ = (
        "_cache",
        "_encoder",
        "_ended",
        "_first_seconds",
        "_ledger",
        "_match",
        "_outcome",
        "_started",
        "call",
        "reply",
    )

    def __init__(
        self, call: Call, match: Match, reply: Reply, outcome: Outcome, cache: str, started: float, ledger: Ledger
    ) -> None:
        """`match` is this caller's own, also where it shares the `outcome`; `cache` is what the cache did for it;
        `started` is when it asked, of `time.monotonic`."""
        self.call = call
        self._match = match
        self._first_seconds: float | None = None
        self.reply = reply
        self._outcome = outcome
        self._cache = cache
        self._started = started
        self._ledger = ledger
        self._ended = False
        self._encoder: StreamEncoder

    def send(self, headers: Headers, body: bytes) -> None:
        """A whole answer of a model."""
        call = self.call
        try:
            headers, body = call.dialect.answer(headers, body, call.model)
        except TiermeshError as error:
            self.refuse(error)
            return
        self.reply.send(200, headers + self._outcome.headers(call.request_id, self._cache, self._match), body)
        self.close(200, None)

    def refuse(self, error: TiermeshError) -> None:
        """Why there is no answer."""
        headers, body = self.call.dialect.error(error)
        told = self._outcome.headers(self.call.request_id, self._cache, self._match)
        self.reply.send(error.status, headers + told, body)
        self.close(error.status, error)

    def start(self, headers: Headers) -> None:
        """Begin a stream. `headers` are what is passed on of the model's."""
        call = self.call
        if self._match.assignment is not None:
            self._first_seconds = time.monotonic() - self._started
        encoder = self._encoder = call.dialect.stream(call.model, call.request_id)
        self.reply.start(
            200,
            b"content-type: %b\r\ncache-control: no-store\r\n%b%b"
            % (encoder.content_type, headers, self._outcome.headers(call.request_id, self._cache, self._match)),
        )

    def write(self, data: bytes) -> None:
        """The next bytes of the model's stream. What this caller's dialect cannot say ends its stream alone."""
        if self._ended:
            return
        try:
            self.reply.write(self._encoder.encode(data))
        except TiermeshError as error:
            self.cut(error)

    def end(self) -> None:
        """The stream came to its end."""
        if self._ended:
            return
        if rest := self._encoder.end():
            self.reply.write(rest)
        self.reply.end()
        self.close(200, None)

    def cut(self, error: TiermeshError) -> None:
        """The stream broke."""
        if self._ended:
            return
        self.reply.write(self._encoder.error(error))
        self.reply.end()
        self.close(error.status, error)

    def close(self, status: int, error: TiermeshError | None) -> None:
        """Enter it in the ledger, once."""
        self._ended = True
        self._ledger.record(
            self.call, self._match, self._outcome, self._cache, self._started, status, error, self._first_seconds
        )
