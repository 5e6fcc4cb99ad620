import asyncio
from typing import Any

import pytest

from routers.quotas.pipeline import Pipeline, Run


class Answering:
    """A Redis, as far as a pipeline uses one: it answers what it was sent a moment later."""

    def __init__(self) -> None:
        self.sent: list[tuple[Any, ...]] = []

    def pipeline(self, transaction: bool) -> "Answering":
        return self

    def evalsha(self, *arguments: Any) -> None:
        self.sent.append(arguments)

    async def execute(self, raise_on_error: bool) -> list[Any]:
        await asyncio.sleep(0)
        return [[b""]]


@pytest.mark.parametrize("turns", range(8))
async def test_it_closes_after_what_those_who_heard_of_the_last_have_added(turns: int) -> None:
    redis, heard = Answering(), list[str]()
    pipeline = Pipeline(redis)  # type: ignore[arg-type]  # as far as a pipeline uses one

    def then(result: object) -> None:
        heard.append("first")
        pipeline.add(Run("second", (), (), lambda result: heard.append("second")))

    pipeline.add(Run("first", (), (), then))
    for _ in range(turns):
        await asyncio.sleep(0)
    await pipeline.close()
    assert (heard, len(redis.sent)) == (["first", "second"], 2)
