"""Pipeline: scripts on their way to Redis. What comes while a batch is under way goes with the next one: the more there
is to do, the less each costs."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from functools import cache
from hashlib import sha1
from typing import Any, NamedTuple

from redis.asyncio import Redis
from redis.exceptions import NoScriptError, RedisError

MOST_AT_ONCE = 256
"""Scripts of one batch: some milliseconds of Redis' time, which others wait for too."""

Result = list[bytes]


class Run(NamedTuple):
    """One script, and who hears of it."""

    script: str
    keys: Sequence[str]
    arguments: Sequence[str | bytes | int]
    then: Callable[[Result | RedisError], None]


class Pipeline:
    """One connection, one batch at a time. Belongs to one event loop."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._waiting: deque[Run] = deque()
        self._task: asyncio.Task[None] | None = None

    def add(self, run: Run) -> None:
        """Send it soon. `run.then` is called with what the script returned, or with why that is not known: it may have
        run all the same."""
        self._waiting.append(run)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._send_all())

    async def close(self) -> None:
        """Wait until all that was added is done, one way or the other."""
        while self._task is not None:
            await self._task

    async def _send_all(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), MOST_AT_ONCE))]
                for run, result in zip(batch, await self._send(batch), strict=True):
                    # On its own: what one caller makes of it must not keep the others from hearing.
                    loop.call_soon(run.then, result)
                await asyncio.sleep(0)  # who hears of it may have more to add
        finally:
            self._task = None

    async def _send(self, batch: list[Run]) -> Sequence[Result | RedisError]:
        try:
            results = await self._execute(batch)
            # A Redis that was started anew knows no scripts; what it does not know it has not run.
            unknown = [index for index, result in enumerate(results) if isinstance(result, NoScriptError)]
            if unknown:
                for script in {batch[index].script for index in unknown}:
                    await self._redis.script_load(script)
                for index, result in zip(
                    unknown, await self._execute([batch[index] for index in unknown]), strict=True
                ):
                    results[index] = result
        except (RedisError, OSError, TimeoutError) as error:
            known = error if isinstance(error, RedisError) else RedisError(str(error))
            return [known] * len(batch)
        return results

    async def _execute(self, batch: list[Run]) -> list[Any]:
        pipeline = self._redis.pipeline(transaction=False)
        for run in batch:
            pipeline.evalsha(_sha1(run.script), len(run.keys), *run.keys, *run.arguments)
        return await pipeline.execute(raise_on_error=False)


@cache
def _sha1(script: str) -> str:
    return sha1(script.encode(), usedforsecurity=False).hexdigest()
