"""Books: what need not be written down at once is, every few seconds and at the end."""

import asyncio
import logging
from dataclasses import dataclass

from control_plane.api.witness import Witness
from control_plane.auth.authenticator import Authenticator
from control_plane.spec.errors import TiermeshError

logger = logging.getLogger(__name__)

_EVERY_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Books:
    """The last use of each token, and refusals that were counted together."""

    authenticator: Authenticator
    witness: Witness

    async def keep(self) -> None:
        """Until it is cancelled."""
        while True:
            await asyncio.sleep(_EVERY_SECONDS)
            await self.witness.count()
            await self._note_uses()

    async def close(self) -> None:
        """Write down all that is left."""
        await self.witness.count(ending=True)
        await self._note_uses()

    async def _note_uses(self) -> None:
        try:
            await self.authenticator.note_uses()
        except TiermeshError as error:
            logger.warning("uses of tokens not noted", extra={"fields": {"error": str(error)}})
