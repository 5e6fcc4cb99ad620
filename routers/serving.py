"""Serving: carries a decision out. Cache, shared flights, the Models one after the other, the deadline."""

import asyncio
import logging
import time

from control_plane.spec.errors import Code, TiermeshError
from observability.access import AccessLog
from observability.metrics import RouterMetrics
from routers.cache.exact import Answer, ExactCache
from routers.call import Call
from routers.decision import Decision, Match, Reason
from routers.flight import Flight, Passenger
from routers.http import Headers, Reply
from routers.outcome import Outcome
from routers.pipeline import choose
from routers.protocols import openai
from routers.refusals import refusal
from routers.runtime import Backend
from routers.upstream import Exchange, UpstreamClient

_LOG = logging.getLogger(__name__)

_PASSED_ON = (b"content-encoding", b"x-tiermesh-confidence")
"""Headers of a model's answer that callers see and the cache keeps, beside its content type."""


class Serving:
    """Answers calls. Owns what outlives a snapshot: the cache and the flights under way."""

    def __init__(self, client: UpstreamClient, cache: ExactCache, metrics: RouterMetrics, log: AccessLog) -> None:
        self._client = client
        self._cache = cache
        self._metrics = metrics
        self._log = log
        self._flights: dict[bytes, Flight] = {}

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
            flight.join(self._passenger(call, flight.outcome, reply, "coalesced", started))
        else:
            self._fly(call, choose(call, match), reply, "miss", started)

    def _replay(self, call: Call, match: Match, hit: Answer, reply: Reply, started: float) -> None:
        reasons = (*match.reasons, Reason("cache-hit", "the same question was answered before"))
        outcome = Outcome(match, hit.tier, hit.score, reasons, hit.model)
        headers = hit.headers + outcome.headers(call.request_id, "hit-exact")
        if hit.stream:
            reply.start(200, headers)
            reply.write(hit.body)
            reply.end()
        else:
            reply.send(200, headers, hit.body)
        self._record(call, outcome, "hit-exact", started, 200, None)

    def _fly(self, call: Call, decision: Decision, reply: Reply, cache: str, started: float) -> None:
        key = decision.match.cache_key
        score = decision.score.value if decision.score else None
        outcome = Outcome(decision.match, decision.tier, score, decision.reasons)
        flight = Flight(outcome, recording=key is not None, abandoned=lambda: self._abandon(key, flight))
        flight.join(self._passenger(call, outcome, reply, cache, started))
        if key is not None:
            self._flights[key] = flight
        loop = asyncio.get_running_loop()
        flight.task = loop.create_task(self._run(call, decision, flight))
        flight.deadline = loop.call_later(decision.match.route.deadline_seconds, self._expire, decision, flight)
        flight.task.add_done_callback(lambda task: self._landed(key, flight, task))

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
            self._forget(key, flight)

    def _expire(self, decision: Decision, flight: Flight) -> None:
        """The deadline has come: say so, and stop the model."""
        seconds = decision.match.route.deadline_seconds
        message = f"No whole answer within the Route's {seconds:g} seconds."
        hint = "Ask for fewer tokens, or raise spec.resilience.deadlineSeconds."
        flight.fail(TiermeshError(Code.DEADLINE_EXCEEDED, message, hint))
        self._abandon(decision.match.cache_key, flight)

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
        headers: Headers = [(b"content-type", content_type), *_passed_on(exchange)]
        # Of a compressed stream nobody could tell the end: it is taken whole.
        plain = b"content-encoding" not in exchange.headers
        streams = call.stream and plain and content_type.startswith(openai.EVENT_STREAM)
        if exchange.status == 200 and streams:
            received = await self._stream(exchange, backend, headers, flight)
            if not openai.is_whole_stream(received):
                return None
        else:
            received = await exchange.read()
            if exchange.status != 200:
                raise refusal(backend.name, exchange.status, exchange.headers, received)
            flight.outcome.answered_by(backend)
            flight.deliver(200, headers, received)
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

    def _abandon(self, key: bytes | None, flight: Flight) -> None:
        """Nobody waits any more: stop the Model, and let nobody join what is being stopped."""
        self._forget(key, flight)
        if flight.task is not None:
            flight.task.cancel()

    def _landed(self, key: bytes | None, flight: Flight, task: asyncio.Task[None]) -> None:
        """The outermost handler of a flight: whatever happened, its connection is free and its callers are answered."""
        self._forget(key, flight)
        flight.release()
        if not task.cancelled() and (error := task.exception()) is not None:
            _LOG.error("A flight failed in a way that it should not.", exc_info=error)
            flight.fail(TiermeshError(Code.INTERNAL, "The router failed.", "Report this with the x-request-id."))

    def _forget(self, key: bytes | None, flight: Flight) -> None:
        if key is not None and self._flights.get(key) is flight:
            del self._flights[key]

    def _passenger(self, call: Call, outcome: Outcome, reply: Reply, cache: str, started: float) -> Passenger:
        return Passenger(
            reply,
            headers=lambda: outcome.headers(call.request_id, cache),
            close=lambda status, error: self._record(call, outcome, cache, started, status, error),
        )

    def _record(
        self, call: Call, outcome: Outcome, cache: str, started: float, status: int, error: TiermeshError | None
    ) -> None:
        seconds = time.monotonic() - started
        self._metrics.request(outcome.match.route.name, outcome.tier.value, outcome.model, cache, status, seconds)
        self._log.request({"seconds": round(seconds, 6), **outcome.log_fields(call, cache, status, error)})


def _cut(backend: Backend) -> TiermeshError:
    message = f"The answer of {backend.name!r} was cut off."
    return TiermeshError(Code.STREAM_CUT, message, "Discard what came and ask again.")


def _passed_on(exchange: Exchange) -> Headers:
    return [(name, exchange.headers[name]) for name in _PASSED_ON if name in exchange.headers]
