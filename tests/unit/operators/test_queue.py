"""Each key is with one worker at a time, and nothing that happened meanwhile is forgotten."""

import asyncio

from operators.queue import Queue


async def test_a_key_that_was_added_often_comes_once() -> None:
    queue: Queue[str] = Queue()
    for key in ("a", "b", "a"):
        queue.add(key)
    assert [await queue.get(), await queue.get(), len(queue)] == ["a", "b", 2]


async def test_what_is_added_while_it_is_looked_at_comes_again_and_not_before() -> None:
    queue: Queue[str] = Queue()
    queue.add("a")
    await queue.get()
    queue.add("a")
    queue.add("b")
    assert await queue.get() == "b"
    waiting = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    assert not waiting.done()
    queue.done("a")
    assert await waiting == "a"


async def test_the_earliest_of_several_times_counts_and_now_is_earlier_than_all() -> None:
    queue: Queue[str] = Queue()
    queue.add("a", 3600)
    queue.add("a", 0.001)
    queue.add("a", 3600)
    async with asyncio.timeout(5):
        assert await queue.get() == "a"
    queue.done("a")
    queue.add("b", 0.001)
    queue.add("b")
    assert await queue.get() == "b"
    queue.done("b")
    await asyncio.sleep(0.005)
    assert len(queue) == 0
