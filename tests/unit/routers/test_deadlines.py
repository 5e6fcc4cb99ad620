"""Deadlines: whatever is watched ends in time, once."""

import asyncio

from routers.deadlines import Deadlines


class Errand:
    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        self.expired: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    def expire(self) -> None:
        self.expired.set_result(asyncio.get_running_loop().time())


async def test_what_is_due_expires_after_its_deadline_and_the_rest_goes_on() -> None:
    now = asyncio.get_running_loop().time()
    deadlines, due, later = Deadlines(), Errand(now + 0.01), Errand(now + 60)
    deadlines.watch(due)
    deadlines.watch(later)
    assert await due.expired >= due.deadline
    assert not later.expired.done()
    deadlines.forget(later)


async def test_what_is_forgotten_never_expires() -> None:
    now = asyncio.get_running_loop().time()
    deadlines, ended, due = Deadlines(), Errand(now + 0.01), Errand(now + 0.02)
    deadlines.watch(ended)
    deadlines.watch(due)
    deadlines.forget(ended)
    await due.expired
    assert not ended.expired.done()


async def test_it_wakes_again_after_a_time_with_nothing_to_watch() -> None:
    deadlines = Deadlines()
    for _ in range(2):
        errand = Errand(asyncio.get_running_loop().time())
        deadlines.watch(errand)
        await errand.expired
        await asyncio.sleep(0.06)  # past the tick that finds nothing
