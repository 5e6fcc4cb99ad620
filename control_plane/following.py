"""Following: looks every few seconds at what goes on by itself: aliases that were moved in MLflow, Experiments and
Rollouts."""

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

from control_plane.spec.errors import TiermeshError

logger = logging.getLogger(__name__)

OUTSIDE = "MLflow"
"""Who asks for a move of an alias that was made past the mesh."""
FOLLOWER = "control-plane"
"""Who carries it out."""


class Followed(Protocol):
    """What goes on by itself."""

    def follow(self) -> int:
        """Look once. Raises TiermeshError(UNAVAILABLE)."""


async def follow(
    followed: Followed,
    stop: asyncio.Event,
    seconds: float,
    leads: Callable[[], bool] = lambda: True,
    what: str = "aliases",
) -> None:
    """Until `stop` is set. `leads` says whether this process is the one that does it; what is looked at may come and
    go."""
    away = False
    while not await _set(stop, seconds):
        if not leads():
            continue
        try:
            await asyncio.to_thread(followed.follow)
            if away:
                logger.info(f"{what} are followed again")
            away = False
        except TiermeshError as error:
            if not away:
                logger.warning(f"{what} are not followed", extra={"fields": {"why": str(error)}})
            away = True
        except Exception:  # the outermost handler: what is found there must not end the control plane
            logger.exception(f"{what} are not followed, in a way that should not be")


async def _set(stop: asyncio.Event, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            return await stop.wait()
    except TimeoutError:
        return False
