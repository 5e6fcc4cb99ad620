"""A wait ends when it is time to, and a cancellation from outside stays one."""

import asyncio

import pytest

from routers.deadlines import Deadlines
from routers.patience import Patience


class Waiting:
    """A wait for what comes when the test says so."""

    def __init__(self, seconds: float) -> None:
        self.awaited: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.patience = Patience(seconds)
        self.task = asyncio.create_task(self.patience.wait(self._come(), Deadlines()))

    async def _come(self) -> str:
        return await self.awaited


async def test_what_comes_in_time_is_there() -> None:
    waiting = Waiting(60)
    await asyncio.sleep(0)
    waiting.awaited.set_result("here")
    assert await waiting.task == "here"


async def test_what_does_not_come_in_time_is_cancelled_and_the_task_goes_on() -> None:
    waiting = Waiting(0)
    with pytest.raises(TimeoutError):
        await waiting.task
    assert waiting.awaited.cancelled()
    assert waiting.task.cancelling() == 0


@pytest.mark.parametrize("expired", [False, True])
async def test_a_cancellation_from_outside_stays_one_also_at_the_end_of_patience(expired: bool) -> None:
    waiting = Waiting(60)
    await asyncio.sleep(0)
    if expired:
        waiting.patience.expire()
    waiting.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting.task


async def test_patience_that_ends_after_the_answer_ends_nothing() -> None:
    waiting = Waiting(60)
    await asyncio.sleep(0)
    waiting.awaited.set_result("here")
    await waiting.task
    waiting.patience.expire()
    assert waiting.task.cancelling() == 0


async def test_an_error_of_what_is_waited_for_passes() -> None:
    waiting = Waiting(60)
    await asyncio.sleep(0)
    waiting.awaited.set_exception(ValueError("broken"))
    with pytest.raises(ValueError, match="broken"):
        await waiting.task
