"""Courier: hands what waits to the control plane, in bounded batches and far from any request."""

import asyncio
import logging
import random
from abc import ABC, abstractmethod

from control_plane.spec.errors import TiermeshError

PAUSE_SECONDS = 1.0
"""Between two looks at what waits: how old it may be before the control plane has it."""
LONGEST_PAUSE_SECONDS = 10.0
"""While the control plane is away."""
LAST_SECONDS = 2.0
"""At the end of the process, for what is left."""


class Courier(ABC):
    """Sends for ever; what cannot be sent now stays where it waits."""

    what = "records"
    """In the log's words."""

    @property
    def _log(self) -> logging.Logger:
        return logging.getLogger(type(self).__module__)

    @abstractmethod
    async def step(self) -> None:
        """Send all that waits. Raises TiermeshError where the control plane is away; nothing is lost by that."""

    @abstractmethod
    async def _let_go(self) -> None:
        """Close what sends."""

    @property
    @abstractmethod
    def waiting(self) -> int:
        """How much waits."""

    async def run(self) -> None:
        """Until cancelled."""
        pause = PAUSE_SECONDS
        while True:
            await asyncio.sleep(pause * random.uniform(0.8, 1))
            try:
                await self.step()
                pause = PAUSE_SECONDS
            except TiermeshError as error:
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
                fields = {"why": str(error), "waiting": self.waiting, "retry_seconds": pause}
                self._log.warning(f"The {self.what} cannot be sent.", extra={"fields": fields})

    async def close(self) -> None:
        """Send what is left, if that is quickly done."""
        try:
            async with asyncio.timeout(LAST_SECONDS):
                await self.step()
        except (TiermeshError, TimeoutError) as error:
            fields = {"why": str(error) or "no time", "waiting": self.waiting}
            self._log.warning(f"The last {self.what} were not sent.", extra={"fields": fields})
        await self._let_go()
