"""Pondering: where a call waits until its text is embedded, for a learned router that needs that."""

import asyncio
import logging
from collections.abc import Callable, Sequence

from routers.asked import Asked, stopping
from routers.call import Call
from routers.decision import Match
from routers.embedding import Embedding
from routers.estimate import text_of
from routers.ledger import Ledger

_LOG = logging.getLogger(__name__)

GoOn = Callable[[Asked, Sequence[float]], None]
"""Has a call answered, given the vector of its text."""


class Pondering:
    """Has texts embedded. Lives on the event loop."""

    def __init__(self, ledger: Ledger, embedding: Embedding) -> None:
        self._ledger = ledger
        self._embedding = embedding
        self._waiting: dict[asyncio.Task[None], Asked] = {}

    def wait(self, asked: Asked, go_on: GoOn) -> None:
        """Take a call in; it goes on with its vector, or without where there is none to be had."""
        task = asyncio.get_running_loop().create_task(self._ponder(asked, go_on))
        self._waiting[task] = asked
        task.add_done_callback(lambda done: self._waiting.pop(done, None))
        asked.reply.on_disconnect = lambda: self._leave(asked, task)

    async def _ponder(self, asked: Asked, go_on: GoOn) -> None:
        """The outermost handler of what waited: whatever happens, its caller is answered."""
        vector = await self.vector(asked.call, asked.match)
        asked.reply.on_disconnect = None
        try:
            go_on(asked, vector)
        except Exception as error:  # noqa: BLE001 - its caller must not be left without an answer
            asked.refuse(error, self._ledger)

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
        asked.leave(self._ledger)

    def close(self) -> None:
        """Let go of the thread. Who still waits hears that the router stops."""
        for task, asked in self._waiting.items():
            if task.cancel():
                asked.reply.on_disconnect = None
                asked.refuse(stopping(), self._ledger)
        self._embedding.close()
