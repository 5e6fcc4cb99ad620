"""Following: what is to be known of the control plane and of the cluster, asked for in a few loops for all resources
together. Whoever is concerned by an answer that differs from the one before is looked at again.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Protocol

from control_plane.spec.courses import RolloutStatus
from control_plane.spec.documents import Model
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.names import Key
from control_plane.spec.records import Presence
from control_plane.spec.results import Results
from operators.cache import Cache
from operators.progress import of_experiment, of_rollout
from operators.serving import Served
from operators.upward import Upward
from operators.worker import Knowledge

logger = logging.getLogger(__name__)

SOON_SECONDS = 0.5
"""Between two questions while something waits for the answer."""
LATER_SECONDS = 5.0
PROGRESS_SECONDS = 2.0


class Plane(Protocol):
    """What the control plane is asked. Every method raises TiermeshError."""

    async def presence(self) -> Presence: ...
    async def served_models(self) -> list[Model]: ...
    async def rollout(self, key: Key) -> RolloutStatus: ...
    async def results(self, key: Key) -> Results: ...


class Following:
    """The loops, each for ever."""

    def __init__(
        self, plane: Plane, cache: Cache, upward: Upward, knowledge: Knowledge, look: Callable[[Key], None]
    ) -> None:
        """`look` is called with each custom resource that is to be looked at."""
        self._plane = plane
        self._cache = cache
        self._upward = upward
        self._knows = knowledge
        self._look = look

    async def routers(self) -> None:
        """Which are alive and what they serve."""
        while True:
            await _quietly(self._ask_routers)
            await asyncio.sleep(SOON_SECONDS if self._knows.unready else LATER_SECONDS)

    async def served(self) -> None:
        """Which versions of the model registry are to be served."""
        while True:
            if self._knows.referring or self._knows.served is None:
                await _quietly(self._ask_served)
            await asyncio.sleep(SOON_SECONDS if self._knows.served is None else LATER_SECONDS)

    async def progress(self) -> None:
        """How far Experiments and Rollouts are."""
        while True:
            for key in self._under_way():
                await _quietly(self._ask_progress, key)
            await asyncio.sleep(PROGRESS_SECONDS)

    async def _ask_routers(self) -> None:
        found = await self._plane.presence()
        before, self._knows.presence = self._knows.presence, found
        if before is None or _names(before) != _names(found):
            self._look_at(self._cache)
        elif _serving(before) != _serving(found):
            self._look_at(self._knows.unready)
        if before is not None and (found.snapshot or 0) < (before.snapshot or 0):
            logger.warning("the control plane was set up anew", extra={"fields": {"snapshot": found.snapshot}})
            self._upward.doubt(self._cache)

    async def _ask_served(self) -> None:
        found = Served.of(await self._plane.served_models())
        if found != self._knows.served:
            self._knows.served = found
            self._look_at(self._knows.referring)

    async def _ask_progress(self, key: Key) -> None:
        found = await self._progress(key)
        if found != self._knows.progress.get(key):
            self._knows.progress[key] = found
            self._look(key)

    async def _progress(self, key: Key) -> Mapping[str, Any]:
        return (
            of_rollout(await self._plane.rollout(key))
            if key.kind == "Rollout"
            else of_experiment(await self._plane.results(key))
        )

    def _under_way(self) -> Iterable[Key]:
        for key in self._cache:
            standing = self._upward.standing(key) if key.kind in ("Experiment", "Rollout") else None
            if standing is not None and standing.digest is not None and standing.accepted:
                yield key

    def _look_at(self, keys: Iterable[Key]) -> None:
        for key in [*keys]:
            self._look(key)


def _names(presence: Presence) -> frozenset[str]:
    return frozenset(one.name for one in presence.items)


def _serving(presence: Presence) -> Mapping[str, tuple[int | None, int | None]]:
    return {one.name: (one.snapshot, one.refused) for one in presence.items}


async def _quietly(ask: Callable[..., Awaitable[None]], *about: Key) -> None:
    """What nobody answers is asked again; whoever has to do with it says so where it matters."""
    try:
        await ask(*about)
    except TiermeshError as error:
        level = logging.DEBUG if error.code is Code.NOT_FOUND else logging.WARNING
        logger.log(level, "a question was not answered", extra={"fields": {"why": str(error)}})
