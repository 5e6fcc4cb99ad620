"""Serving: carries a decision out. Cache, shared flights, the Models one after the other, the deadline."""

import asyncio
import logging
import time

from control_plane.spec.errors import Code, TiermeshError
from routers.cache.exact import Answer, ExactCache
from routers.call import Call
from routers.deadlines import Deadlines
from routers.decision import Decision, Match
from routers.flight import Flight
from routers.http import Headers, Reply
from routers.ledger import Ledger
from routers.outcome import Outcome
from routers.passenger import Passenger
from routers.pipeline import choose
from routers.protocols import openai
from routers.reasons import Reason
from routers.refusals import refusal
from routers.runtime import Backend
from routers.upstream import Exchange, UpstreamClient

_LOG = logging.getLogger(__name__)

_PASSED_ON = (b"content-encoding", b"x-tiermesh-confidence")
"""Headers of a model's answer that callers see and the cache keeps, beside its content type."""
_HIT = Reason("cache-hit", "the same question was answered before")


class Serving:
    """Answers calls. Owns what outlives a snapshot: the cache and the flights under way."""

    def __init__(self, client: UpstreamClient, cache: ExactCache, ledger: Ledger) -> None:
        self._client = client
        self._cache = cache
        self._ledger = ledger
        self._flights: dict[bytes, Flight] = {}
        self._deadlines = Deadlines()

    def expected_cache(self, match: Match) -> str:
        """What the cache would say now."""
        key = match.cache_key
        if key is None:
            return "bypass"
        if self._cache.get(key, time.monotonic()) is not None:
            return "hit-exact"
        return "coalesced" if key in self._flights else "miss"

    def answer(self, call: Call, match: Match, reply: Reply) -> None:
        """Answer now from the cache, or later from a flight.

        Raises TiermeshError(INVALID_REQUEST) where no Model of the Route can do the operation.
        """
        started = time.monotonic()
        key = match.cache_key
        if key is None:
            self._fly(call, choose(call, match), reply, "bypass", started)
        elif hit := self._cache.get(key, started):
            self._replay(call, match, hit, reply, started)
        elif (flight := self._flights.get(key)) and flight.joinable:
            flight.join(Passenger(call, reply, flight.outcome, "coalesced", started, self._ledger))
        else:
            self._fly(call, choose(call, match), reply, "miss", started)

    def _replay(self, call: Call, match: Match, hit: Answer, reply: Reply, started: float) -> None:
        outcome = Outcome(match, hit.tier, hit.score, (*match.reasons, _HIT), hit.model)
        passenger = Passenger(call, reply, outcome, "hit-exact", started, self._ledger)
        if hit.stream:
            passenger.start(hit.headers)
            passenger.write(hit.body)
            passenger.end()
        else:
            passenger.send(hit.headers, hit.body)

    def _fly(self, call: Call, decision: Decision, reply: Reply, cache: str, started: float) -> None:
        match = decision.match
        key = match.cache_key
        score = decision.score.value if decision.score else None
        outcome = Outcome(match, decision.tier, score, decision.reasons)
        flight = Flight(outcome, key is not None, self._abandon, started + match.route.deadline_seconds)
        flight.join(Passenger(call, reply, outcome, cache, started, self._ledger))
        if key is not None:
            self._flights[key] = flight
        flight.task = asyncio.get_running_loop().create_task(self._run(call, decision, flight))
        flight.task.add_done_callback(lambda task: self._landed(flight, task))
        self._deadlines.watch(flight)

    async def _run(self, call: Call, decision: Decision, flight: Flight) -> None:
        key, ttl_seconds = decision.match.cache_key, decision.match.route.cache_ttl_seconds
        try:
            answer = await self._ask(call, decision, flight)
            if answer is not None and key is not None and ttl_seconds is not None:
                self._cache.put(key, answer, time.monotonic() + ttl_seconds)
        except TiermeshError as error:
            flight.fail(error)
        finally:
            # Before anything else runs: who joined now would wait for ever.
            self._forget(flight)

    async def _ask(self, call: Call, decision: Decision, flight: Flight) -> Answer | None:
        """Try the candidates in order, until one answers. Returns what may be kept."""
        for backend in decision.candidates[:-1]:
            try:
                return await self._ask_one(call, backend, flight)
            except TiermeshError as error:
                if error.code is Code.STREAM_CUT:
                    raise
                flight.outcome.passed_over(backend, error)
        return await self._ask_one(call, decision.candidates[-1], flight)

    async def _ask_one(self, call: Call, backend: Backend, flight: Flight) -> Answer | None:
        body = openai.body_for(call, backend.served_name)
        exchange = await self._client.send(backend.origin, backend.request(call.operation, call.request_id, body))
        flight.exchange = exchange
        content_type = exchange.headers.get(b"content-type", b"application/json")
        # Of a compressed stream nobody could tell the end: it is taken whole.
        plain = b"content-encoding" not in exchange.headers
        if exchange.status == 200 and call.stream and plain and content_type.startswith(openai.EVENT_STREAM):
            streams, headers = True, _passed_on(exchange)
            received = await self._stream(exchange, backend, headers, flight)
            if not openai.is_whole_stream(received):
                return None
        else:
            streams, headers = False, b"content-type: %b\r\n%b" % (content_type, _passed_on(exchange))
            received = await exchange.read()
            if exchange.status != 200:
                raise refusal(backend.name, exchange.status, exchange.headers, received)
            flight.outcome.answered_by(backend)
            flight.deliver(headers, received)
            if not exchange.delimited:
                return None
        return Answer(headers, received, streams, backend.name, backend.tier, flight.outcome.score)

    async def _stream(self, exchange: Exchange, backend: Backend, headers: Headers, flight: Flight) -> bytes:
        # Until its first byte the model may still fail without anybody noticing.
        await exchange.first_piece()
        flight.outcome.answered_by(backend)
        flight.start(exchange, headers)
        try:
            await exchange.done
        except TiermeshError as error:
            raise _cut(backend) from error
        if not flight.came_to_its_end:
            raise _cut(backend)
        flight.finish()
        return flight.recorded

    def _abandon(self, flight: Flight) -> None:
        """Nobody waits any more: stop the Model, and let nobody join what is being stopped."""
        self._forget(flight)
        if flight.task is not None:
            flight.task.cancel()

    def _landed(self, flight: Flight, task: asyncio.Task[None]) -> None:
        """The outermost handler of a flight: whatever happened, its connection is free and its callers are answered."""
        self._forget(flight)
        self._deadlines.forget(flight)
        flight.release()
        if not task.cancelled() and (error := task.exception()) is not None:
            _LOG.error("A flight failed in a way that it should not.", exc_info=error)
            flight.fail(TiermeshError(Code.INTERNAL, "The router failed.", "Report this with the x-request-id."))

    def _forget(self, flight: Flight) -> None:
        key = flight.outcome.match.cache_key
        if key is not None and self._flights.get(key) is flight:
            del self._flights[key]


def _cut(backend: Backend) -> TiermeshError:
    message = f"The answer of {backend.name!r} was cut off."
    return TiermeshError(Code.STREAM_CUT, message, "Discard what came and ask again.")


def _passed_on(exchange: Exchange) -> Headers:
    headers = exchange.headers
    return b"".join([b"%b: %b\r\n" % (name, headers[name]) for name in _PASSED_ON if name in headers])
