"""Bench: where judges are asked, beside the callers' own requests and never in their way.

No tenant pays for what they take, and no breaker, place or retry budget hears of them. Nobody is asked again.
"""

import asyncio
import random
from collections import Counter, defaultdict

from observability.metrics import RouterMetrics
from routers.asking import OpenAIAsker
from routers.call import Call
from routers.protocols import completion
from routers.protocols.completion import Kind
from routers.quotas import metering
from routers.runtime import Backend
from routers.upstream import UpstreamClient, UpstreamLimits

MOST_WAITING = 64
"""Cases that are before one judge Model or wait for it; one more is dropped."""
MOST_AT_ONCE = 8
"""That it is asked about at once."""
SECONDS = 60.0
"""For what it says, from when its turn has come."""
MOST_ANSWER_BYTES = 256 * 1024
"""Of what a judge answers: none needs as much."""
_PICODOLLARS = 1e12
"""Of a dollar."""


class Bench:
    """Asks judges, a few at once. Belongs to one event loop."""

    def __init__(self, metrics: RouterMetrics, seconds: float = SECONDS) -> None:
        """A judge has so many `seconds`."""
        # Connections of their own: a slow judge takes none from callers.
        self._client = UpstreamClient(UpstreamLimits(max_answer_bytes=MOST_ANSWER_BYTES))
        self._asker = OpenAIAsker(self._client)
        self._metrics = metrics
        self._seconds = seconds
        self._waiting: Counter[str] = Counter()
        self._turns: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(MOST_AT_ONCE))

    def enter(self, judge: Backend) -> bool:
        """Take a place before a judge, until `leave`. False where all are taken."""
        if self._waiting[judge.name] >= MOST_WAITING:
            return False
        self._waiting[judge.name] += 1
        return True

    def leave(self, judge: Backend) -> None:
        """Give the place back."""
        self._waiting[judge.name] -= 1

    async def ask(self, call: Call, judge: Backend) -> str:
        """What a judge says to a call, once its turn has come.

        Raises TimeoutError where it is late, and TiermeshError where it fails.
        """
        async with self._turns[judge.name]:
            async with asyncio.timeout(self._seconds):
                begun = await self._asker.begin(call, judge, random.choice(judge.endpoints), self._seconds)
        self._count(judge, metering.usage(begun.body))
        said = completion.read_answer(begun.body)
        return "".join([piece.text for piece in said.pieces if piece.kind is Kind.TEXT])

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def _count(self, judge: Backend, usage: metering.Usage | None) -> None:
        if usage is None:
            return
        price = judge.price
        cost = usage.prompt * price.input_picodollars_per_token + usage.answer * price.output_picodollars_per_token
        self._metrics.judge_cost(judge.name, usage.prompt + usage.answer, cost / _PICODOLLARS)
