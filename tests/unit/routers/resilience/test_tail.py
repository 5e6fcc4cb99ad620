"""Choice of endpoint and hedging together, in virtual time: one slow replica of three does not show."""

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from control_plane.spec import resilience
from routers.resilience.breaker import Verdict
from routers.resilience.hedging import SAVED_HEDGES, Hedger
from routers.resilience.outliers import Endpoint, Endpoints

REPLICAS = 3
SECONDS = 0.1
"""Mean time to the first token of a healthy replica."""
GAP_SECONDS = 0.02
"""Mean time between two requests."""


@dataclass
class Request:
    """One request and the tries for it."""

    begun: float
    tries: list[tuple[Endpoint, float]] = field(default_factory=list)
    answered: bool = False


class Replicas:
    """Three replicas under a steady load, and a clock that jumps from event to event."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.endpoints = Endpoints(REPLICAS, resilience.Outliers())
        self.hedger = Hedger(resilience.Hedging())
        self.slowness = 1.0
        self.seconds: list[float] = []
        self.hedges = 0
        self._now = 0.0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._scheduled = 0

    def p99_of(self, requests: int) -> float:
        """Seconds to the first token that 99 of 100 of so many requests stay under."""
        self.seconds, self.hedges = [], 0
        for number in range(requests):
            self._at(number * GAP_SECONDS * self.chance.uniform(0.5, 1.5), self._come)
        while self._events:
            self._now, _, happen = heapq.heappop(self._events)
            happen()
        return sorted(self.seconds)[int(0.99 * requests)]

    def _at(self, delay: float, happen: Callable[[], None]) -> None:
        self._scheduled += 1
        heapq.heappush(self._events, (self._now + delay, self._scheduled, happen))

    def _come(self) -> None:
        request = Request(self._now)
        delay = self.hedger.delay()
        self._try(request)
        if delay is not None:
            self._at(delay, lambda: self._late(request))

    def _late(self, request: Request) -> None:
        if not request.answered and self.hedger.spend():
            self.hedges += 1
            self._try(request)

    def _try(self, request: Request) -> None:
        tried = [endpoint.index for endpoint, _ in request.tries]
        endpoint = self.endpoints.choose(self._now, self.chance.random, tried)
        request.tries.append((endpoint, self._now))
        seconds = SECONDS * self.chance.gammavariate(4, 0.25) * (self.slowness if endpoint.index == 0 else 1)
        self._at(seconds, lambda: self._answer(request, endpoint))

    def _answer(self, request: Request, winner: Endpoint) -> None:
        if request.answered:
            return
        request.answered = True
        self.seconds.append(self._now - request.begun)
        for endpoint, begun in request.tries:
            verdict = Verdict.GOOD if endpoint is winner else Verdict.NONE
            self.endpoints.release(endpoint, self._now, verdict, self._now - begun)
            self.hedger.heard(self._now - begun)


def test_one_of_three_replicas_twenty_times_slower_hardly_shows_and_costs_at_most_a_twentieth() -> None:
    requests = 5000
    replicas = Replicas(seed=1)
    replicas.p99_of(requests)
    healthy = replicas.p99_of(requests)
    replicas.slowness = 20
    replicas.p99_of(requests)
    assert replicas.p99_of(requests) < 1.3 * healthy
    assert replicas.hedges <= 0.05 * requests + SAVED_HEDGES
