"""Attempt: one try at one endpoint, and what it says about the Model once it is over."""

import time

from control_plane.spec.errors import Code, TiermeshError
from routers.asking import Begun
from routers.resilience.breaker import Permit, State, Verdict
from routers.resilience.guards import ModelGuard
from routers.resilience.outliers import Endpoint
from routers.runtime import Backend

_VERDICTS = {
    Code.ABSTAINED: Verdict.GOOD,
    Code.INVALID_REQUEST: Verdict.GOOD,
    Code.QUEUE_FULL: Verdict.NONE,
}
"""A Model that says no is well; one that is full is busy, and leaving it alone would waste what it can do."""


def verdict_of(error: TiermeshError) -> Verdict:
    """What a failed try says about its Model."""
    return _VERDICTS.get(error.code, Verdict.BAD)


class Attempt:
    """Holds a breaker's permit and an endpoint's place until its end, which comes exactly once."""

    __slots__ = ("_begun_at", "_over", "backend", "begun", "endpoint", "model", "permit", "seconds")

    def __init__(self, backend: Backend, model: ModelGuard, endpoint: Endpoint, permit: Permit, now: float) -> None:
        self.backend = backend
        self.model = model
        self.endpoint = endpoint
        self.permit = permit
        self.begun: Begun | None = None
        """The answer, from the commit point on."""
        self.seconds = 0.0
        """To the commit point; for how long none came, where none did."""
        self._begun_at = now
        self._over = False

    def commit(self, begun: Begun) -> None:
        """The first content is here."""
        now = time.monotonic()
        self.begun = begun
        self.seconds = now - self._begun_at
        if self.model.breaker.state is not State.CLOSED:
            # A probe need not last as long as its answer.
            self.model.breaker.record(self.permit, now, Verdict.GOOD, self.seconds)

    def end(self, verdict: Verdict) -> None:
        """It is over. What comes after the first end changes nothing."""
        if self._over:
            return
        self._over = True
        now = time.monotonic()
        if self.begun is None:
            self.seconds = now - self._begun_at
        self.model.breaker.record(self.permit, now, verdict, self.seconds)
        self.model.endpoints.release(self.endpoint, now, verdict, self.seconds)
        self.model.metrics.attempt(self.model.name, verdict)

    def lose(self) -> None:
        """Another try was faster: let go of what this one has."""
        if self.begun is not None and self.begun.exchange is not None:
            self.begun.exchange.close()
        self.end(Verdict.NONE)
