"""Following: looks at MLflow every few seconds for aliases that were moved there."""

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

from control_plane.spec.errors import TiermeshError

logger = logging.getLogger(__name__)


class Followed(Protocol):
    """Aliases in MLflow."""

    def follow(self) -> int:
        """Look once. Raises TiermeshError(UNAVAILABLE)."""


async def follow(
    aliases: Followed, stop: asyncio.Event, seconds: float, leads: Callable[[], bool] = lambda: True
) -> None:
    """Until `stop` is set. `leads` says whether this process is the one that does it; MLflow may come and go."""
    away = False
    while not await _set(stop, seconds):
        if not leads():
            continue
        try:
            await asyncio.to_thread(aliases.follow)
            if away:
                logger.info("aliases are followed again")
            away = False
        except TiermeshError as error:
            if not away:
                logger.warning("aliases are not followed", extra={"fields": {"why": str(error)}})
            away = True
        except Exception:  # the outermost handler: what MLflow holds must not end the control plane
            logger.exception("aliases are not followed, in a way that should not be")


async def _set(stop: asyncio.Event, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            return await stop.wait()
    except TimeoutError:
        return False
