"""Admission: how many requests of a Route are under way, how many wait, and when the others may come back."""

import math
from collections.abc import Callable

from control_plane.spec import resilience
from control_plane.spec.errors import Code, TiermeshError
from routers.resilience.queues import FairQueue, Standing, Ticket, Wait

LONGEST_RETRY_SECONDS = 60
"""Of Retry-After: what is farther away cannot be foretold from a queue's pace."""
PACE_SECONDS = 10.0
"""Memory of the queue's pace."""


class Admission:
    """The places of one Route. Each `enter` that gives a place, and each ticket that is admitted, ends in a `leave`."""

    __slots__ = ("__weakref__", "_left", "_max_concurrent", "_measured_since", "_places", "_queue", "under_way")

    def __init__(self, policy: resilience.Admission) -> None:
        self._max_concurrent = policy.max_concurrent if policy.enabled else math.inf
        self._places = self._max_concurrent + policy.max_queued
        self._queue = FairQueue(policy.max_queued)
        self._measured_since = 0.0
        self._left = 0
        self.under_way = 0

    @property
    def queued(self) -> int:
        """How many wait."""
        return self._queue.length

    @property
    def pressure(self) -> float:
        """The share of all places that is taken, in [0, 1]."""
        return (self.under_way + self._queue.length) / self._places

    def enter(self) -> bool:
        """Take a place, if one is free."""
        if self.under_way >= self._max_concurrent:
            return False
        self.under_way += 1
        return True

    def wait(self, tenant: str, standing: Standing, now: float, seconds: float, wake: Callable[[], None]) -> Ticket:
        """Wait for a place, at most `seconds` from now. `wake` is called when the ticket is admitted or shed.

        Raises TiermeshError(QUEUE_FULL) with Retry-After where the queue is full, or too slow for this request.
        """
        if not self._queue.length:
            self._measured_since, self._left = now, 0
        elif self.expected_wait(now) > seconds:
            raise self.refusal(now, "The queue is longer than this request's deadline.")
        ticket = self._queue.push(tenant, standing, wake)
        if ticket is None:
            raise self.refusal(now, "The queue is full.")
        return ticket

    def cancel(self, ticket: Ticket) -> None:
        """The caller has left. One that was already admitted goes by `leave`."""
        if ticket.state is Wait.QUEUED:
            self._queue.remove(ticket, Wait.LEFT)

    def leave(self) -> None:
        """A request is done; its place goes to the next one that waits."""
        self._left += 1
        if self._queue.length:
            self._queue.pop().wake()
        else:
            self.under_way -= 1

    def expected_wait(self, now: float) -> float:
        """Seconds that one who joined the queue's end now would wait, at its pace; 0 while nothing is known."""
        elapsed = now - self._measured_since
        if elapsed > PACE_SECONDS:
            self._measured_since += elapsed / 2
            self._left //= 2
            elapsed /= 2
        return (self._queue.length + 1) * elapsed / self._left if self._left else 0.0

    def refusal(self, now: float, why: str) -> TiermeshError:
        """429 with when to come back."""
        wait = self.expected_wait(now) if self._queue.length else 0.0
        seconds = max(1, min(math.ceil(wait), LONGEST_RETRY_SECONDS))
        return TiermeshError(Code.QUEUE_FULL, why, f"Try again in {seconds} s.", retry_after_seconds=seconds)
