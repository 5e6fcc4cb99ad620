"""Telling: decisions as Events of Kubernetes, so that `kubectl describe` shows them. Nothing waits for them."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from control_plane.spec.errors import Code, TiermeshError
from observability.operator_metrics import OperatorMetrics
from operators.conditions import Happening
from operators.resource import Resource

logger = logging.getLogger(__name__)

MOST_WAITING = 1000
BURST = 100
_REMEMBERED = 5000
_SAME_SECONDS = 600.0
"""What was told is not told again for so long."""

Write = Callable[[Resource, Happening, str], Awaitable[None]]
"""Writes an Event with its time. Raises TiermeshError."""


class Telling:
    """A bounded queue before a bounded rate."""

    def __init__(self, write: Write, per_second: float, metrics: OperatorMetrics) -> None:
        self._write = write
        self._per_second = per_second
        self._metrics = metrics
        self._waiting: asyncio.Queue[tuple[Resource, Happening, datetime]] = asyncio.Queue(MOST_WAITING)
        self._told: OrderedDict[tuple[str, Happening], datetime] = OrderedDict()

    def tell(self, resource: Resource, happening: Happening) -> None:
        """Have it told, soon or, where there is too much to tell, never."""
        now = datetime.now(UTC)
        fields = {"resource": str(resource.key), "reason": happening.reason, "message": happening.message}
        logger.log(logging.WARNING if happening.warning else logging.INFO, "decided", extra={"fields": fields})
        if self._was_told(resource, happening, now):
            self._metrics.events.labels("repeated").inc()
            return
        try:
            self._waiting.put_nowait((resource, happening, now))
        except asyncio.QueueFull:
            self._metrics.events.labels("dropped").inc()

    async def run(self) -> None:
        """Write what is told, for ever."""
        loop = asyncio.get_running_loop()
        tokens, filled = float(BURST), loop.time()
        while True:
            resource, happening, at = await self._waiting.get()
            tokens, filled = min(BURST, tokens + (loop.time() - filled) * self._per_second), loop.time()
            if tokens < 1:
                await asyncio.sleep((1 - tokens) / self._per_second)
            tokens -= 1
            try:
                await self._write(resource, happening, at.strftime("%Y-%m-%dT%H:%M:%SZ"))
                self._metrics.events.labels("written").inc()
            except TiermeshError as error:
                self._metrics.events.labels("dropped").inc()
                level = logging.WARNING if error.code is Code.FORBIDDEN else logging.DEBUG
                logger.log(level, "an Event was not written", extra={"fields": {"why": str(error)}})

    def _was_told(self, resource: Resource, happening: Happening, now: datetime) -> bool:
        key = (resource.uid, happening)
        before = self._told.get(key)
        if before is not None and (now - before).total_seconds() < _SAME_SECONDS:
            return True
        self._told[key] = now
        self._told.move_to_end(key)
        if len(self._told) > _REMEMBERED:
            self._told.popitem(last=False)
        return False
