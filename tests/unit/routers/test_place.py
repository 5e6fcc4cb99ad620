"""A place is taken once, waited for where there is none, and given back wherever its request was."""

import asyncio

import pytest

from control_plane.spec import resilience
from control_plane.spec.errors import Code, TiermeshError
from routers.place import Place
from routers.resilience.admission import Admission
from routers.resilience.queues import Standing


def admission(places: int = 1, queued: int = 1) -> Admission:
    return Admission(resilience.Admission.model_validate({"maxConcurrent": places, "maxQueued": queued}))


def place(of: Admission, tenant: str = "a") -> Place:
    return Place(of, tenant, Standing(), 0, 60)


async def test_a_free_place_is_granted_at_once() -> None:
    free = admission()
    taken = place(free)
    assert not taken.queued
    await taken.granted()
    taken.leave()
    assert free.under_way == 0


async def test_who_waits_is_granted_the_place_of_who_leaves() -> None:
    full = admission()
    first, second = place(full), place(full)
    assert second.queued
    waiting = asyncio.create_task(second.granted())
    await asyncio.sleep(0)
    assert not waiting.done()
    first.leave()
    await waiting
    second.leave()
    assert (full.under_way, full.queued) == (0, 0)


async def test_a_full_queue_takes_nobody() -> None:
    full = admission(queued=0)
    place(full)
    with pytest.raises(TiermeshError) as refused:
        place(full)
    assert refused.value.code is Code.QUEUE_FULL


async def test_who_is_shed_while_waiting_hears_it() -> None:
    full = admission(queued=2)
    place(full, "flood")
    flood = [place(full, "flood"), place(full, "flood")]
    place(full, "quiet")
    assert flood[1].queued
    with pytest.raises(TiermeshError, match="less than their share") as shed:
        await flood[1].granted()
    assert shed.value.retry_after_seconds is not None
    flood[1].leave()
    assert (full.under_way, full.queued) == (1, 2)


async def test_who_leaves_in_the_moment_of_being_granted_gives_the_place_on() -> None:
    full = admission(queued=2)
    first, second, third = place(full), place(full), place(full)
    waiting = asyncio.create_task(second.granted())
    await asyncio.sleep(0)
    first.leave()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    second.leave()
    await third.granted()
    third.leave()
    assert (full.under_way, full.queued) == (0, 0)
