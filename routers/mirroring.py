"""Mirroring: copies of requests to a shadow Model, beside the callers' own and never in their way."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping

from control_plane.spec.errors import TiermeshError
from control_plane.spec.models import Protocol
from observability.metrics import RouterMetrics
from routers.asking import Asker
from routers.call import Call
from routers.decision import Rehearsal
from routers.pipeline import choose
from routers.resilience.mirror import Shadow
from routers.runtime import Backend, Route

_LOG = logging.getLogger(__name__)

MAX_REHEARSALS = 8
"""Copies for candidates under way; one more is dropped and counted."""


class Mirroring:
    """Sends copies and throws their answers away. No breaker, budget or result ever hears of them."""

    def __init__(self, askers: Mapping[Protocol, Asker], metrics: RouterMetrics) -> None:
        self._askers = askers
        self._metrics = metrics
        self._under_way: set[asyncio.Task[None]] = set()
        self._rehearsals = 0

    def copy(self, call: Call, route: Route, shadow: Shadow) -> None:
        """Send a copy, if this request is in the sample and the shadow keeps up."""
        backend = route.shadow
        if backend is None or call.operation not in backend.operations or not shadow.draws(call.request_id):
            return
        if not shadow.enter():
            self._metrics.mirrored(route.name, "dropped")
            return
        self._start(call, route, backend, shadow.leave)

    def rehearse(self, rehearsal: Rehearsal) -> None:
        """Have the candidate of a Rollout answer a copy, if it keeps up."""
        call, match = rehearsal
        if self._rehearsals >= MAX_REHEARSALS:
            self._metrics.mirrored(match.route.name, "dropped")
            return
        try:
            backend = choose(call, match).candidates[0]
        except TiermeshError:
            self._metrics.mirrored(match.route.name, "failed")
            return
        self._rehearsals += 1
        self._start(call, match.route, backend, self._rehearsed)

    def _rehearsed(self) -> None:
        self._rehearsals -= 1

    def _start(self, call: Call, route: Route, backend: Backend, leave: Callable[[], None]) -> None:
        task = asyncio.get_running_loop().create_task(self._send(call, route, backend))
        self._under_way.add(task)
        task.add_done_callback(lambda done: self._over(route, leave, done))

    def close(self) -> None:
        """Stop what is under way."""
        for task in self._under_way:
            task.cancel()

    async def _send(self, call: Call, route: Route, backend: Backend) -> None:
        deadline = time.monotonic() + route.deadline_seconds
        async with asyncio.timeout(route.deadline_seconds):
            left = deadline - time.monotonic()
            begun = await self._askers[backend.protocol].begin(call, backend, backend.endpoints[0], left)
            if begun.exchange is None:
                return
            try:
                begun.exchange.attach(_Nowhere())
                await begun.exchange.done
            finally:
                begun.exchange.close()

    def _over(self, route: Route, leave: Callable[[], None], task: asyncio.Task[None]) -> None:
        leave()
        self._under_way.discard(task)
        error = None if task.cancelled() else task.exception()
        self._metrics.mirrored(route.name, "failed" if task.cancelled() or error else "answered")
        if error is not None and not isinstance(error, TiermeshError | TimeoutError):
            _LOG.error("A copy to a shadow failed in a way that it should not.", exc_info=error)


class _Nowhere:
    """A `routers.exchange.Sink` that keeps nothing."""

    def on_body(self, data: bytes) -> None:
        pass
