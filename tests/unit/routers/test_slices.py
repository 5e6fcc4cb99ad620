"""Long work in small pieces."""

import asyncio
import gc
import time

import pytest

from routers.slices import SLICE_SECONDS, Steps, at_once, in_slices, lasting


def counting(count: int, seconds: float = 0) -> Steps[int]:
    for _ in range(count):
        time.sleep(seconds)
        yield
    return count


async def test_others_have_their_turn_in_between() -> None:
    turns = 0

    async def take_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    other = asyncio.create_task(take_turns())
    assert await in_slices(counting(10, SLICE_SECONDS)) == 10
    other.cancel()
    assert turns >= 10


def test_what_lasts_is_left_alone_by_the_collector_which_works_again_afterwards_also_after_a_failure() -> None:
    known = gc.get_freeze_count()
    with pytest.raises(ValueError, match="no"), lasting():
        assert not gc.isenabled()
        lasts: list[list[int]] = [[] for _ in range(1000)]
        raise ValueError("no")
    assert gc.isenabled()
    assert gc.get_freeze_count() > known + len(lasts)
    gc.unfreeze()


def test_at_once_is_the_same_without_a_pause() -> None:
    assert at_once(counting(3)) == 3
