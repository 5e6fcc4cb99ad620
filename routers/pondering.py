"""Pondering: where a call waits until its text is embedded, for a learned router that needs that."""

import asyncio
import logging
from collections.abc import Callable, Sequence

from control_plane.spec.errors import Code, TiermeshError
from routers.call import Call
from routers.crossroads import Asked
from routers.decision import Match
from routers.embedding import Embedding
from routers.estimate import text_of
from routers.ledger import Ledger
from routers.outcome import Outcome
from routers.passenger import Passenger

_LOG = logging.getLogger(__name__)

GoOn = Callable[[Asked, Sequence[float]], None]
"""Has a call answered, given the vector of its text."""


class Pondering:
    """Has texts embedded. Lives on the event loop."""

    def __init__(self, ledger: Ledger, embedding: Embedding) -> None:
        self._ledger = ledger
        self._embedding = embedding
        self._tasks: set[asyncio.Task[None]] = set()

    def wait(self, asked: Asked, go_on: GoOn) -> None:
        """Take a call in; it goes on with its vector, or without where there is none to be had."""
        task = asyncio.get_running_loop().create_task(self._ponder(asked, go_on))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        asked.reply.on_disconnect = lambda: self._leave(asked, task)

    async def _ponder(self, asked: Asked, go_on: GoOn) -> None:
        """The outermost handler of what waited: whatever happens, its caller is answered."""
        vector = await self.vector(asked.call, asked.match)
        asked.reply.on_disconnect = None
        try:
            go_on(asked, vector)
        except Exception as error:  # noqa: BLE001 - its caller must not be left without an answer
            if not isinstance(error, TiermeshError):
                _LOG.error("A request failed in a way that it should not.", exc_info=error)
                error = TiermeshError(Code.INTERNAL, "The router failed.", "Report this with the x-request-id.")
            self._passenger(asked).refuse(error)

    async def vector(self, call: Call, match: Match) -> Sequence[float]:
        """Of what a call says; empty where there is none to be had."""
        fields = call.fields if match.prompted is None else match.prompted.asked
        try:
            return await self._embedding.vector(text_of(fields))
        except Exception as error:  # noqa: BLE001 - whatever the encoder does, the heavy tier can answer
            _LOG.error("A text cannot be embedded; the heavy tier answers.", exc_info=error)
            return ()

    def _leave(self, asked: Asked, task: "asyncio.Task[None]") -> None:
        task.cancel()
        self._passenger(asked).close(499, None)

    def _passenger(self, asked: Asked) -> Passenger:
        return Passenger(
            asked.call, asked.match, asked.reply, Outcome.undecided(asked.match), "miss", asked.started, self._ledger
        )

    def close(self) -> None:
        """Stop what is under way, and let go of the thread."""
        for task in self._tasks:
            task.cancel()
        self._embedding.close()
