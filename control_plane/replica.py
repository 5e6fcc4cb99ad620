"""Replica: this control plane among those that share its database: what each does, and what the leader does for all."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from control_plane.api.waiting import WaitingRoom
from control_plane.publisher import Publisher
from control_plane.spec.errors import TiermeshError
from control_plane.store import notices
from control_plane.store.database import Database
from control_plane.store.leadership import Leadership
from observability.control_plane_metrics import ControlPlaneMetrics

logger = logging.getLogger(__name__)


class Replica:
    """On SQLite it is the only one, and leads. On PostgreSQL it follows what others publish, and leads if it can."""

    def __init__(
        self, database: Database, publisher: Publisher, room: WaitingRoom, metrics: ControlPlaneMetrics, name: str
    ) -> None:
        self.leadership = Leadership(name, self._changed)
        self._database = database
        self._publisher = publisher
        self._room = room
        self._metrics = metrics
        self._led = asyncio.Event()

    def start(self) -> None:
        """Do what has to be done before anybody is answered."""
        if not self._database.shared:
            self.leadership.take()
            self._reconcile()

    def work(self) -> list[Coroutine[Any, Any, None]]:
        """What goes on until it is cancelled."""
        if not self._database.shared:
            return []
        url = self._database.url
        return [notices.follow(url, self._look), self.leadership.seek(url), self._lead()]

    def _changed(self, leads: bool) -> None:
        self._metrics.leader.set(int(leads))
        if leads:
            self._led.set()

    async def _lead(self) -> None:
        """Once this process leads: see that what is in force is what this program makes of the documents."""
        while True:
            await self._led.wait()
            self._led.clear()
            await asyncio.to_thread(self._reconcile)

    async def _look(self) -> None:
        try:
            await self._room.look()
        except TiermeshError as error:  # the database is away for a moment: the next look makes it good
            logger.warning("cannot look for news", extra={"fields": {"error": error.message}})

    def _reconcile(self) -> None:
        try:
            self._metrics.snapshot.set(self._publisher.reconcile().snapshot or 0)
        except TiermeshError as error:
            # A newer program may be stricter. Routers go on with the last snapshot; the next write has to mend it.
            logger.error("documents in force do not compile", extra={"fields": {"error": str(error)}})
