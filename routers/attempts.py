"""Attempts: the Models for one call, asked one after the other until one answers.

Before the commit point what fails is tried again: at another endpoint of the Model, at the next Model, or, where there
is neither, once more at the same endpoint after a pause; all under the Route's retry budget and the deadline. A Model
whose breaker is open is passed over.
"""

import asyncio
import random
import time
from collections.abc import Coroutine, Mapping
from typing import Any

from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.models import Protocol
from control_plane.spec.resilience import WhenAllOpen
from routers.asking import Asker, Begun
from routers.attempt import Attempt, verdict_of
from routers.call import Call
from routers.deadlines import Deadlines
from routers.decision import Decision
from routers.hedge import Hedge
from routers.outcome import Outcome
from routers.patience import Patience
from routers.resilience.breaker import FOREIGN, Permit, State, Verdict
from routers.resilience.guards import ModelGuard, RouteGuard
from routers.resilience.hedging import Hedger
from routers.resilience.retries import RETRIED, backoff, may_repeat
from routers.runtime import Backend


class Attempts:
    """All tries for one call."""

    __slots__ = ("_askers", "_call", "_deadline", "_deadlines", "_decision", "_guard", "_outcome", "_place")

    def __init__(
        self,
        call: Call,
        decision: Decision,
        outcome: Outcome,
        guard: RouteGuard,
        askers: Mapping[Protocol, Asker],
        deadline: float,
        deadlines: Deadlines,
    ) -> None:
        """`deadline` is of `time.monotonic`; what happens is noted in `outcome`."""
        self._call = call
        self._decision = decision
        self._outcome = outcome
        self._guard = guard
        self._askers = askers
        self._deadline = deadline
        self._deadlines = deadlines
        self._place = 0

    async def first_answer(self) -> Attempt:
        """The try that has reached its commit point. Its end is still to be told to it.

        Raises the last Model's TiermeshError where none answers, UNAVAILABLE where none may be asked.
        """
        self._guard.budget.deposit()
        failure: TiermeshError | None = None
        for place, backend in enumerate(self._decision.candidates):
            self._place = place
            model = self._guard.models[backend.name]
            permit = model.breaker.allow(time.monotonic())
            if permit is None:
                self._outcome.note("breaker-open", f"{backend.name} is left alone after failures")
            elif failure is not None and failure.code in RETRIED and not self._may_retry():
                model.breaker.record(permit, time.monotonic(), Verdict.NONE, 0)
                break
            else:
                if place and backend.name in self._guard.policy.fallbacks:
                    self._outcome.note("fallback", f"{backend.name} is a fallback of the Route")
                try:
                    return await self._ask(backend, model, permit)
                except TiermeshError as error:
                    self._outcome.passed_over(backend, error)
                    failure = error
        if failure is not None:
            raise failure
        return await self._ask_in_spite_of_breakers()

    async def _ask_in_spite_of_breakers(self) -> Attempt:
        now = time.monotonic()
        models = self._guard.models
        backend = min(self._decision.candidates, key=lambda each: models[each.name].breaker.retry_at(now))
        if self._guard.policy.breaker.when_all_open is WhenAllOpen.TRY_LEAST_BAD:
            self._outcome.note("least-bad", f"all Models are left alone; {backend.name} is asked all the same")
            return await self._ask(backend, models[backend.name], FOREIGN)
        seconds = max(1, round(models[backend.name].breaker.retry_at(now) - now + 0.5))
        message = f"All Models of {self._call.model!r} are left alone after failures."
        hint = f"Try again in {seconds} s."
        raise TiermeshError(Code.UNAVAILABLE, message, hint, retry_after_seconds=seconds)

    async def _ask(self, backend: Backend, model: ModelGuard, permit: Permit) -> Attempt:
        """One Model, at one endpoint after the other."""
        tried: list[int] = []
        if model.endpoints.ejected:
            self._outcome.note("endpoint-ejected", f"{model.endpoints.ejected} of {backend.name} are left out")
        while True:
            attempt = self._attempt(backend, model, permit, tried)
            try:
                if model.endpoints.count > 1:
                    return await self._begin(attempt, self._patience(model, tried))
                if len(self._decision.candidates) > 1:
                    return await self._try(attempt, self._patience(model, tried))
                return await self._try(attempt, None)
            except TiermeshError as error:
                again = await self._again(backend, model, error, tried)
                if again is None:
                    raise
                self._outcome.note("retried", f"{backend.name}: {error.message}")
                permit = again

    async def _again(
        self, backend: Backend, model: ModelGuard, error: TiermeshError, tried: list[int]
    ) -> Permit | None:
        """Leave to ask the same Model again, once it is time to; None where another try is no use or not allowed."""
        policy, elsewhere = self._guard.policy.retries, model.endpoints.has_other(tried)
        # The next Model, where there is one, is better than a place that has just failed.
        if not elsewhere and backend is not self._decision.candidates[-1]:
            return None
        if not may_repeat(error, len(tried), policy, elsewhere):
            return None
        if not elsewhere:
            pause = backoff(policy, len(tried), self._seconds_left(), random.random)
            if pause is None:
                return None
            await asyncio.sleep(pause)
        permit = model.breaker.allow(time.monotonic())
        if permit is not None and not self._may_retry():
            model.breaker.record(permit, time.monotonic(), Verdict.NONE, 0)
            return None
        return permit

    def _may_retry(self) -> bool:
        if self._guard.budget.withdraw(time.monotonic()):
            return True
        self._outcome.note("retry-budget", "too many requests are being retried: this one is not")
        return False

    def _attempt(self, backend: Backend, model: ModelGuard, permit: Permit, tried: list[int]) -> Attempt:
        now = time.monotonic()
        endpoint = model.endpoints.choose(now, random.random, tried)
        tried.append(endpoint.index)
        return Attempt(backend, model, endpoint, permit, now)

    def _patience(self, model: ModelGuard, tried: list[int]) -> float | None:
        """How many seconds the last one `tried` has to its commit point: a share of what is left where somebody else
        can be asked after it, else None, all of it."""
        policy, guards = self._guard.policy.retries, self._guard.models
        if policy.try_share == 1:
            return None
        for later in self._decision.candidates[self._place + 1 :]:
            if guards[later.name].breaker.state is State.CLOSED:
                return policy.try_share * self._seconds_left()
        endpoints = model.endpoints
        if endpoints.count > 1 and len(tried) < policy.attempts and endpoints.has_other(tried):
            return policy.try_share * self._seconds_left()
        return None

    async def _begin(self, attempt: Attempt, patience: float | None) -> Attempt:
        """Up to the commit point, with a second endpoint's help where the first is late."""
        model, call = attempt.model, self._call
        if call.fields.get("tools"):
            return await self._try(attempt, patience)
        hedger = model.hedgers.of(call.operation, call.stream)
        delay = hedger.delay()
        if delay is None:
            answered = await self._try(attempt, patience)
        else:
            answered = await self._hedged(attempt, hedger, delay, patience)
        hedger.heard(answered.seconds)
        return answered

    async def _hedged(self, first: Attempt, hedger: Hedger, delay: float, patience: float | None) -> Attempt:
        second: Attempt | None = None

        def start() -> Coroutine[Any, Any, Attempt] | None:
            nonlocal second
            second = self._second(first, hedger)
            return None if second is None else self._try(second, patience)

        winner = first
        try:
            winner = await Hedge(start).run(self._try(first, patience), delay)
        finally:
            if second is not None:
                loser = first if winner is second else second
                loser.lose()
        if winner is second:
            hedger.heard(first.seconds)
            self._outcome.note("hedge-won", f"a second endpoint of {winner.backend.name} answered first")
        return winner

    def _second(self, first: Attempt, hedger: Hedger) -> Attempt | None:
        """A try at another endpoint, where there is one and the extra load is within its bound."""
        model, tried = first.model, [first.endpoint.index]
        if not model.endpoints.has_other(tried) or model.breaker.state is not State.CLOSED or not hedger.spend():
            return None
        self._outcome.note("hedged", f"{first.backend.name} is late: a second endpoint is asked too")
        return self._attempt(first.backend, model, first.permit, tried)

    async def _try(self, attempt: Attempt, patience: float | None) -> Attempt:
        """One try, up to its commit point. Tells the attempt of every other end."""
        backend = attempt.backend
        endpoint = backend.endpoints[attempt.endpoint.index]
        seconds = self._deadline - time.monotonic()
        asked = self._askers[backend.protocol].begin(self._call, backend, endpoint, seconds)
        try:
            attempt.commit(await (asked if patience is None else self._within(patience, asked, backend)))
        except TiermeshError as error:
            attempt.end(verdict_of(error))
            raise
        except asyncio.CancelledError:
            attempt.end(Verdict.NONE if self._seconds_left() > 0 else Verdict.BAD)
            raise
        return attempt

    async def _within(self, seconds: float, asked: Coroutine[Any, Any, Begun], backend: Backend) -> Begun:
        try:
            return await Patience(seconds).wait(asked, self._deadlines)
        except TimeoutError as error:
            message = f"{backend.name!r} said nothing within {seconds:.3g} seconds."
            hint = "Look at the model's log, or raise spec.resilience.retries.tryShare."
            raise TiermeshError(Code.UPSTREAM_FAILED, message, hint) from error

    def _seconds_left(self) -> float:
        return self._deadline - time.monotonic()
