"""Serving: carries a decision out. Cache, shared flights, the models one after the other, the deadline."""

import asyncio
import logging
import time

from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.models import Tier
from observability.access import AccessLog
from observability.metrics import RouterMetrics
from routers.cache.exact import Answer, ExactCache
from routers.call import Call
from routers.decision import Decision, Reason
from routers.flight import Flight, Passenger
from routers.http import Headers, Reply
from routers.protocols import openai
from routers.refusals import refusal
from routers.runtime import Backend
from routers.upstream import Exchange, UpstreamClient

_LOG = logging.getLogger(__name__)

_PASSED_ON = (b"content-encoding", b"x-tiermesh-confidence")
"""Headers of a model's answer that callers see, beside its content type."""


class Outcome:
    """What became of one decision; shared by all callers of a flight."""

    __slots__ = ("model", "reasons", "tier")

    def __init__(self, decision: Decision) -> None:
        self.model = ""
        self.tier = decision.tier
        self.reasons = list(decision.reasons)

    def answered_by(self, backend: Backend) -> None:
        """This Model's answer is the one that goes out."""
        self.model = backend.name
        self.tier = backend.tier

    def passed_over(self, backend: Backend, error: TiermeshError) -> None:
        """This Model gave no answer; the next one may."""
        light = backend.tier is Tier.LIGHT
        code = "light-abstained" if error.code is Code.ABSTAINED else "light-failed" if light else "failed"
        self.reasons.append(Reason(code, f"{backend.name}: {error.message}"))


class Serving:
    """Answers calls. Owns what outlives a snapshot: the cache and the flights under way."""

    def __init__(self, client: UpstreamClient, cache: ExactCache, metrics: RouterMetrics, log: AccessLog) -> None:
        self._client = client
        self._cache = cache
        self._metrics = metrics
        self._log = log
        self._flights: dict[bytes, Flight] = {}

    def expected_cache(self, decision: Decision) -> str:
        """What the cache would say now; changes nothing but the order of use."""
        key = decision.cache_key
        if key is None:
            return "bypass"
        if self._cache.get(key, time.monotonic()) is not None:
            return "hit-exact"
        return "coalesced" if key in self._flights else "miss"

    def answer(self, call: Call, decision: Decision, reply: Reply) -> None:
        """Answer now from the cache, or later from a flight."""
        started = time.monotonic()
        key = decision.cache_key
        if key is None:
            self._fly(call, decision, reply, "bypass", started)
        elif hit := self._cache.get(key, started):
            self._replay(call, decision, hit, reply, started)
        elif flight := self._flights.get(key):
            outcome = Outcome(decision)
            outcome.reasons.append(Reason("coalesced", "the same question is being answered right now"))
            flight.join(self._passenger(call, decision, outcome, reply, "coalesced", started))
        else:
            self._fly(call, decision, reply, "miss", started)

    def _replay(self, call: Call, decision: Decision, hit: Answer, reply: Reply, started: float) -> None:
        outcome = Outcome(decision)
        outcome.model, outcome.tier = hit.model, hit.tier
        outcome.reasons.append(Reason("cache-hit", "the same question was answered before"))
        passenger = self._passenger(call, decision, outcome, reply, "hit-exact", started)
        headers: Headers = [(b"content-type", hit.content_type), *passenger.headers()]
        if hit.stream:
            reply.start(200, headers)
            reply.write(hit.body)
            reply.end()
        else:
            reply.send(200, headers, hit.body)
        passenger.close(200, None)

    def _fly(self, call: Call, decision: Decision, reply: Reply, cache: str, started: float) -> None:
        outcome = Outcome(decision)
        flight = Flight(recording=decision.cache_key is not None, abandoned=lambda: self._abandon(decision, flight))
        flight.join(self._passenger(call, decision, outcome, reply, cache, started))
        if decision.cache_key is not None:
            self._flights[decision.cache_key] = flight
        flight.task = asyncio.get_running_loop().create_task(self._run(call, decision, outcome, flight))
        flight.task.add_done_callback(lambda task: self._landed(decision, flight, task))

    async def _run(self, call: Call, decision: Decision, outcome: Outcome, flight: Flight) -> None:
        try:
            async with asyncio.timeout(decision.route.deadline_seconds):
                answer = await self._ask(call, decision, outcome, flight)
            self._keep(decision, answer)
        except TiermeshError as error:
            flight.fail(error)
        except TimeoutError:
            seconds = decision.route.deadline_seconds
            message = f"No whole answer within the Route's {seconds:g} seconds."
            hint = "Ask for fewer tokens, or raise spec.resilience.deadlineSeconds."
            flight.fail(TiermeshError(Code.DEADLINE_EXCEEDED, message, hint))

    def _abandon(self, decision: Decision, flight: Flight) -> None:
        """Nobody waits any more: stop the model, and let nobody join what is being stopped."""
        self._forget(decision, flight)
        if flight.task is not None:
            flight.task.cancel()

    def _landed(self, decision: Decision, flight: Flight, task: asyncio.Task[None]) -> None:
        """The outermost handler of a flight: whatever happened, its connection is free and its callers have an
        answer."""
        self._forget(decision, flight)
        if flight.exchange is not None:
            flight.exchange.close()
        if not task.cancelled() and (error := task.exception()) is not None:
            _LOG.error("A flight failed in a way that it should not.", exc_info=error)
            flight.fail(TiermeshError(Code.INTERNAL, "The router failed.", "Report this with the x-request-id."))

    def _forget(self, decision: Decision, flight: Flight) -> None:
        if decision.cache_key is not None and self._flights.get(decision.cache_key) is flight:
            del self._flights[decision.cache_key]

    async def _ask(self, call: Call, decision: Decision, outcome: Outcome, flight: Flight) -> Answer | None:
        """Try the candidates in order, until one answers. Returns what may be kept."""
        for backend in decision.candidates[:-1]:
            try:
                return await self._ask_one(call, backend, outcome, flight)
            except TiermeshError as error:
                if error.code is Code.STREAM_CUT:
                    raise
                outcome.passed_over(backend, error)
        return await self._ask_one(call, decision.candidates[-1], outcome, flight)

    async def _ask_one(self, call: Call, backend: Backend, outcome: Outcome, flight: Flight) -> Answer | None:
        body = openai.body_for(call, backend.served_name)
        exchange = await self._client.send(backend.origin, backend.request(call.operation, call.request_id, body))
        flight.exchange = exchange
        content_type = exchange.headers.get(b"content-type", b"application/json")
        if call.stream and exchange.status == 200 and content_type.startswith(openai.EVENT_STREAM):
            return await self._stream(exchange, backend, content_type, outcome, flight)
        received = await exchange.read()
        if exchange.status != 200:
            raise refusal(backend.name, exchange.status, exchange.headers, received)
        outcome.answered_by(backend)
        extra = [(b"content-type", content_type), *_passed_on(exchange)]
        flight.deliver(exchange.status, extra, received)
        return Answer(content_type, received, False, backend.name, backend.tier)

    async def _stream(
        self, exchange: Exchange, backend: Backend, content_type: bytes, outcome: Outcome, flight: Flight
    ) -> Answer | None:
        outcome.answered_by(backend)
        flight.start(exchange, content_type)
        try:
            await exchange.done
        except TiermeshError as error:
            message = f"The answer of {backend.name!r} was cut off."
            raise TiermeshError(Code.STREAM_CUT, message, "Discard what came and ask again.") from error
        flight.finish()
        body = flight.recorded
        whole = openai.is_whole_stream(body)
        return Answer(content_type, body, True, backend.name, backend.tier) if whole else None

    def _keep(self, decision: Decision, answer: Answer | None) -> None:
        if answer is not None and decision.cache_key is not None and decision.route.cache_ttl_seconds is not None:
            self._cache.put(decision.cache_key, answer, time.monotonic() + decision.route.cache_ttl_seconds)
            self._metrics.cache_size(self._cache.size_bytes, len(self._cache))

    def _passenger(
        self, call: Call, decision: Decision, outcome: Outcome, reply: Reply, cache: str, started: float
    ) -> Passenger:
        def headers() -> Headers:
            return response_headers(call.request_id, decision, outcome, cache)

        def close(status: int, error: TiermeshError | None) -> None:
            seconds = time.monotonic() - started
            self._metrics.request(decision.route.name, outcome.tier.value, outcome.model, cache, status, seconds)
            self._log.request(_log_fields(call, decision, outcome, cache, status, error, seconds))

        return Passenger(reply, headers, close)


def response_headers(request_id: str, decision: Decision, outcome: Outcome, cache: str) -> Headers:
    """What a caller is told about how it was answered."""
    headers: Headers = [
        (b"x-request-id", request_id.encode()),
        (b"x-tiermesh-route", decision.route.name.encode()),
        (b"x-tiermesh-revision", decision.route.revision.encode()),
        (b"x-tiermesh-snapshot", b"%d" % decision.snapshot),
        (b"x-tiermesh-arm", decision.arm.encode()),
        (b"x-tiermesh-tier", outcome.tier.value.encode()),
        (b"x-tiermesh-cache", cache.encode()),
        (b"x-tiermesh-reasons", ",".join([reason.code for reason in outcome.reasons]).encode()),
    ]
    if decision.score is not None:
        headers.append((b"x-tiermesh-score", b"%.3f" % decision.score.value))
    if outcome.model:
        headers.append((b"x-tiermesh-model", outcome.model.encode()))
    return headers


def _log_fields(
    call: Call,
    decision: Decision,
    outcome: Outcome,
    cache: str,
    status: int,
    error: TiermeshError | None,
    seconds: float,
) -> dict[str, object]:
    return {
        "request_id": call.request_id,
        "operation": call.operation.value,
        "route": decision.route.name,
        "snapshot": decision.snapshot,
        "arm": decision.arm,
        "tier": outcome.tier.value,
        "model": outcome.model,
        "score": decision.score.value if decision.score else None,
        "cache": cache,
        "status": status,
        "seconds": round(seconds, 6),
        "stream": call.stream,
        "reasons": [f"{reason.code}: {reason.text}" for reason in outcome.reasons],
        "error": error.code.value if error else None,
    }


def _passed_on(exchange: Exchange) -> Headers:
    return [(name, exchange.headers[name]) for name in _PASSED_ON if name in exchange.headers]
