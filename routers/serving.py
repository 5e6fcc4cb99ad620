"""Serving: carries a decision out. Cache, shared flights, what an overloaded Route still gives, the deadline."""

import asyncio
import logging
import random
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.models import Protocol
from observability.metrics import RouterMetrics
from routers.asked import Asked
from routers.asking import Asker, Begun, cut
from routers.attempt import Attempt
from routers.attempts import Attempts
from routers.cache.exact import Answer, ExactCache
from routers.call import Call
from routers.crossroads import Crossroads
from routers.deadlines import Deadlines
from routers.decision import Decision, Load, Match
from routers.estimate import Vector
from routers.exchange import Exchange
from routers.flight import Flight
from routers.gauge import Gauge
from routers.http import Reply
from routers.ledger import Ledger
from routers.mirroring import Mirroring
from routers.outcome import Outcome
from routers.passenger import Passenger
from routers.pipeline import choose, has_score, lighten
from routers.place import Place
from routers.pondering import Pondering
from routers.quotas.desk import Desk
from routers.quotas.tab import Tab
from routers.resilience.breaker import Verdict
from routers.resilience.guards import EVERYBODY, Guards, RouteGuard
from routers.resilience.ladder import Step
from routers.shortcuts import Shortcuts
from routers.watching import Watching

if TYPE_CHECKING:
    from routers.cache.semantic import Found

_LOG = logging.getLogger(__name__)


class Serving:
    """Answers calls. Owns what outlives a snapshot: the cache and the flights under way."""

    def __init__(
        self,
        askers: Mapping[Protocol, Asker],
        cache: ExactCache,
        ledger: Ledger,
        desk: Desk,
        metrics: RouterMetrics,
        crossroads: Crossroads | None = None,
        watching: Watching | None = None,
        pondering: Pondering | None = None,
    ) -> None:
        """`askers` ask the Models, by the protocol that they speak. Without `crossroads`, no Route's questions are
        compared by meaning; without `pondering`, no text is embedded for a learned router."""
        self._pondering = pondering
        self._watching = watching or Watching()
        self.guards = Guards(metrics)
        self.mirroring = Mirroring(askers, metrics)
        self._shortcuts = Shortcuts(cache, ledger)
        self._askers = askers
        self._cache = cache
        self._ledger = ledger
        self._desk = desk
        self._flights: dict[bytes, Flight] = {}
        self._crossroads = crossroads
        if crossroads is not None:
            crossroads.lead(self._shortcuts, self._go_on, cache.purge)
        self._deadlines = Deadlines()

    def expected_cache(self, match: Match) -> str:
        """What the cache would say now."""
        key = match.cache_key
        if key is None:
            return "bypass"
        if self._cache.get(key, time.monotonic()) is not None:
            return "hit-exact"
        return "coalesced" if key in self._flights else "miss"

    async def vector(self, call: Call, match: Match) -> Vector:
        """The embedding of what a call says, where its Route's learned router needs one."""
        gains = match.route.gains
        if gains is None or not gains.embedding or self._pondering is None:
            return ()
        return await self._pondering.vector(call, match)

    def answer(self, call: Call, match: Match, reply: Reply) -> None:
        """Answer now from the cache, or later from a flight.

        Raises TiermeshError(INVALID_REQUEST) where no Model of the Route can do the operation.
        """
        started = time.monotonic()
        key = match.cache_key
        if key is None:
            self._fly(call, match, reply, "bypass", started)
        elif hit := self._cache.get(key, started):
            self._shortcuts.replay(call, match, hit, reply, "hit-exact", started)
        elif (flight := self._flights.get(key)) and flight.joinable:
            flight.join(Passenger(call, match, reply, flight.outcome, "coalesced", started, self._ledger))
        elif (
            match.route.semantic is None
            or self._crossroads is None
            or not self._crossroads.wait(Asked(call, match, reply, started))
        ):
            self._fly(call, match, reply, "miss", started)

    def _go_on(self, asked: Asked, found: "Found | None", cache: str = "miss", vector: Vector | None = None) -> None:
        """What it waited for is known, and no answer: a model, or a flight that began in the meantime, has to."""
        call, match, reply, started = asked
        flight = None if match.cache_key is None else self._flights.get(match.cache_key)
        if flight is not None and flight.joinable:
            flight.join(Passenger(call, match, reply, flight.outcome, "coalesced", started, self._ledger))
        else:
            self._fly(call, match, reply, cache, started, found, vector)

    def _fly(
        self,
        call: Call,
        match: Match,
        reply: Reply,
        cache: str,
        started: float,
        found: "Found | None" = None,
        vector: Vector | None = None,
    ) -> None:
        """`vector` is None before it was asked for."""
        guard = self.guards.of(match.route)
        pressure = guard.admission.pressure
        if pressure >= 1 and has_score(call.operation):
            # Every place is taken: which step it is does not depend on the score, which is not worked out for nothing.
            step = guard.ladder.lowest(started, pressure)
            if step > Step.LIGHT:
                self._shortcuts.give_less(step, call, Outcome.undecided(match), guard, reply, cache, started)
                return
        gains = match.route.gains
        waits = gains is not None and gains.embedding and vector is None and has_score(call.operation)
        if waits and self._pondering is not None:
            asked = Asked(call, match, reply, started)
            self._pondering.wait(asked, lambda asked, vector: self._go_on(asked, found, cache, vector))
            return
        try:
            decision, load = choose(call, match, vector=vector or ()), None
            match = decision.match
        except TiermeshError as error:
            if match.assignment is None:
                raise
            # An arm may be why nobody can answer: then it is the arm's answer, and counts for it.
            Passenger(call, match, reply, Outcome.undecided(match), cache, started, self._ledger).refuse(error)
            return
        score = decision.score
        if score is not None and (step := guard.ladder.place(started, pressure, score.value, random.random)):
            if step is not Step.LIGHT:
                self._shortcuts.give_less(step, call, Outcome.of(decision), guard, reply, cache, started)
                return
            decision, load = lighten(call, decision), Load(step, pressure)
        outcome = Outcome.of(decision, load)
        if found is not None and found.look.explores:
            outcome.note("semantic-explores", "its answer shows whether the cache's would have been right")
        passenger = Passenger(call, match, reply, outcome, cache, started, self._ledger)
        seconds = match.route.deadline_seconds
        tab = self._tab(call, decision) if match.tenant.limits is not None else None
        standing = self.guards.standings.get(call.tenant, EVERYBODY)
        try:
            place = Place(guard.admission, call.tenant, standing, started, seconds)
        except TiermeshError as error:
            outcome.note("shed", error.message)
            passenger.refuse(error)
            return
        flight = Flight(outcome, match.cache_key is not None, self._abandon, started + seconds)
        if tab is not None:
            flight.counter = tab
        elif match.assignment is not None:
            flight.counter = gauge = Gauge(call)
            call = gauge.call
        flight.join(passenger)
        if match.cache_key is not None:
            self._flights[match.cache_key] = flight
        flight.task = asyncio.get_running_loop().create_task(
            self._run(call, decision, flight, guard, place, tab, found)
        )
        flight.task.add_done_callback(lambda task: self._landed(flight, place, task))
        self._deadlines.watch(flight)
        if match.route.router is not None and load is None:
            # Whom an overload moves to the light tier does not depend on the tier that was drawn.
            self._watching.note(call, decision)
        if guard.shadow is not None:
            self.mirroring.copy(call, match.route, guard.shadow)
        if match.rehearsal is not None:
            self.mirroring.rehearse(match.rehearsal)

    async def _run(
        self,
        call: Call,
        decision: Decision,
        flight: Flight,
        guard: RouteGuard,
        place: Place,
        tab: Tab | None,
        found: "Found | None",
    ) -> None:
        match = decision.match
        try:
            if place.queued:
                await _granted(place, guard, flight.outcome)
            if tab is not None:
                call = await tab.open()
            attempts = Attempts(call, decision, flight.outcome, guard, self._askers, flight.deadline, self._deadlines)
            answer = await self._give(await attempts.first_answer(), flight)
            if answer is not None and match.cache_key is not None and match.route.cache_ttl_seconds is not None:
                expires_at = time.monotonic() + match.route.cache_ttl_seconds
                self._cache.put(
                    match.cache_key, answer, expires_at, guard.policy.ladder.stale_seconds, match.route.name
                )
                if found is not None and self._crossroads is not None:
                    self._crossroads.tell(found, answer, match.route)
        except TiermeshError as error:
            if tab is not None and error.code is not Code.STREAM_CUT:
                tab.cancel()
            flight.fail(error)
        finally:
            if tab is not None:
                tab.close(flight.outcome.model)
            # Before anything else runs: who joined now would wait for ever.
            self._forget(flight)

    def _tab(self, call: Call, decision: Decision) -> Tab | None:
        """Who pays for the answer: a tenant whose tokens or money are limited, or nobody."""
        tenant = decision.match.tenant
        if tenant.limits is None or not tenant.limits.counts_use:
            return None
        prices = {backend.name: backend.price for backend in decision.candidates}
        return Tab(self._desk, tenant, decision.match.route.deadline_seconds, call, prices)

    async def _give(self, attempt: Attempt, flight: Flight) -> Answer | None:
        """Give callers the answer that has begun, to its end. Returns what may be kept."""
        begun, backend = attempt.begun, attempt.backend
        assert begun is not None, "it has reached its commit point"
        flight.outcome.answered_by(backend)
        if begun.exchange is not None:
            received = await self._stream(begun, begun.exchange, attempt, flight)
            kept = received != b""
        else:
            attempt.end(Verdict.GOOD)
            received, kept = begun.body, begun.delimited
            flight.deliver(begun.headers, received)
        streams = begun.exchange is not None
        answer = Answer(begun.headers, received, streams, backend.name, backend.tier, flight.outcome.score)
        return answer if kept else None

    async def _stream(self, begun: Begun, exchange: Exchange, attempt: Attempt, flight: Flight) -> bytes:
        verdict = Verdict.GOOD  # also where its callers leave: it has answered
        try:
            flight.start(begun)
            await exchange.done
            flight.require_end()
        except TiermeshError as error:
            verdict = Verdict.BAD
            raise cut(attempt.backend, error.hint) from error
        finally:
            attempt.end(verdict)
        flight.finish()
        return flight.recorded

    def _abandon(self, flight: Flight) -> None:
        """Nobody waits any more: stop the Model, and let nobody join what is being stopped."""
        self._forget(flight)
        if flight.task is not None:
            flight.task.cancel()

    def _landed(self, flight: Flight, place: Place, task: asyncio.Task[None]) -> None:
        """The outermost handler of a flight: whatever happened, its connection and its place are free and its callers
        are answered."""
        place.leave()
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


async def _granted(place: Place, guard: RouteGuard, outcome: Outcome) -> None:
    outcome.note("queued", f"{guard.admission.queued} waited for a place")
    try:
        await place.granted()
    except TiermeshError as error:
        outcome.note("shed", error.message)
        raise
