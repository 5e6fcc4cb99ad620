"""Presence: whether Redis answers. Each change is one line of the log; a metric says it all the time."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

from redis.exceptions import RedisError

from observability.metrics import RouterMetrics

_LOG = logging.getLogger(__name__)

PROBE_SECONDS = 1.0
"""Between two looks: so long requests may still be refused, or let through uncounted, after Redis has come back."""


class Presence:
    """Looks again and again. Nobody waits for a Redis that is known to be away."""

    def __init__(self, look: Callable[[], Awaitable[object]], consequence: str, metrics: RouterMetrics) -> None:
        """`look` raises where Redis does not answer; `consequence` says what then becomes of requests."""
        self._look = look
        self._consequence = consequence
        self._metrics = metrics
        self._task: asyncio.Task[None] | None = None
        self._known = False
        self.up = False

    async def start(self) -> None:
        """Look once, and go on looking."""
        await self._check()
        self._task = asyncio.create_task(self._watch())

    async def close(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def lost(self, why: RedisError) -> None:
        """It did not answer."""
        if self.up or not self._known:
            fields = {"why": str(why)[:200], "consequence": self._consequence}
            _LOG.error("Redis is away: quotas cannot be counted.", extra={"fields": fields})
        self._set(False)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(PROBE_SECONDS)
            await self._check()

    async def _check(self) -> None:
        try:
            await self._look()
        except (RedisError, OSError, TimeoutError) as error:
            self.lost(RedisError(str(error)))
            return
        if not self.up:
            _LOG.info("Redis answers: quotas are counted for all routers together.")
        self._set(True)

    def _set(self, up: bool) -> None:
        self._known, self.up = True, up
        self._metrics.quotas_redis_up.set(int(up))
