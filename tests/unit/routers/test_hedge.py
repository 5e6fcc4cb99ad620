"""Who arrives first wins, the other is cancelled, and a cancellation from outside stays one."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from control_plane.spec.errors import Code, TiermeshError
from routers.hedge import Hedge

AT_ONCE = 0.0
NEVER = 1e6


class Runner:
    """Arrives, or fails, when the test says so."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.begun = asyncio.Event()
        self.cancelled = False
        self._end: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def arrive(self) -> None:
        self._end.set_result(self.name)

    def fail(self) -> None:
        self._end.set_exception(TiermeshError(Code.UPSTREAM_FAILED, self.name))

    async def run(self) -> str:
        self.begun.set()
        try:
            return await self._end
        except asyncio.CancelledError:
            self.cancelled = True
            raise


class Race:
    """Two runners, the second late enough to be started only by the first's delay."""

    def __init__(self, delay: float, starts: bool = True) -> None:
        self.first, self.second = Runner("first"), Runner("second")
        self.starts = starts
        self.task = asyncio.create_task(Hedge(self._start).run(self.first.run(), delay))

    def _start(self) -> Coroutine[Any, Any, str] | None:
        return self.second.run() if self.starts else None


async def test_a_first_that_is_in_time_runs_alone() -> None:
    race = Race(NEVER)
    race.first.arrive()
    assert await race.task == "first"
    assert not race.second.begun.is_set()


async def test_a_second_that_arrives_before_a_late_first_wins_and_the_first_is_cancelled() -> None:
    race = Race(AT_ONCE)
    await race.second.begun.wait()
    race.second.arrive()
    assert await race.task == "second"
    assert race.first.cancelled
    assert race.task.cancelling() == 0


async def test_a_late_first_that_still_arrives_before_the_second_wins_and_the_second_is_cancelled() -> None:
    race = Race(AT_ONCE)
    await race.second.begun.wait()
    race.first.arrive()
    assert await race.task == "first"
    await asyncio.sleep(0)
    assert race.second.cancelled


async def test_a_late_first_goes_on_where_no_second_may_run() -> None:
    race = Race(AT_ONCE, starts=False)
    await asyncio.sleep(0.001)
    race.first.arrive()
    assert await race.task == "first"


async def test_where_the_first_fails_the_second_may_still_arrive() -> None:
    race = Race(AT_ONCE)
    await race.second.begun.wait()
    race.first.fail()
    await asyncio.sleep(0)
    race.second.arrive()
    assert await race.task == "second"


async def test_where_the_second_fails_the_first_may_still_arrive() -> None:
    race = Race(AT_ONCE)
    await race.second.begun.wait()
    race.second.fail()
    await asyncio.sleep(0)
    race.first.arrive()
    assert await race.task == "first"


@pytest.mark.parametrize("second_fails_last", [False, True])
async def test_where_both_fail_the_firsts_error_counts(second_fails_last: bool) -> None:
    race = Race(AT_ONCE)
    await race.second.begun.wait()
    for runner in (race.first, race.second) if second_fails_last else (race.second, race.first):
        runner.fail()
        await asyncio.sleep(0)
    with pytest.raises(TiermeshError, match="first"):
        await race.task


@pytest.mark.parametrize("both_run", [False, True])
async def test_a_cancellation_from_outside_ends_both(both_run: bool) -> None:
    race = Race(AT_ONCE if both_run else NEVER)
    await (race.second if both_run else race.first).begun.wait()
    race.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await race.task
    await asyncio.sleep(0)
    assert race.first.cancelled
    assert race.second.cancelled is both_run


@pytest.mark.parametrize("turns", [0, 1, 2])
async def test_a_cancellation_from_outside_counts_also_where_the_second_has_just_arrived(turns: int) -> None:
    race = Race(AT_ONCE)
    await race.second.begun.wait()
    race.second.arrive()
    for _ in range(turns):
        await asyncio.sleep(0)
    race.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await race.task


async def test_a_cancellation_from_outside_after_the_firsts_failure_ends_the_second() -> None:
    race = Race(AT_ONCE)
    await race.second.begun.wait()
    race.first.fail()
    await asyncio.sleep(0)
    race.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await race.task
    assert race.second.cancelled


async def test_both_arriving_at_the_same_moment_is_one_win() -> None:
    race = Race(AT_ONCE)
    await race.second.begun.wait()
    race.first.arrive()
    race.second.arrive()
    assert await race.task in ("first", "second")
    assert race.task.cancelling() == 0
