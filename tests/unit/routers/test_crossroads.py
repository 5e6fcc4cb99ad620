"""Where questions wait: whatever becomes of the look-up, whoever waits is answered."""

import asyncio
import threading

import pytest

from routers.cache.semantic import SemanticCache
from tests.stub_upstream import answer
from tests.unit.routers.mesh import Mesh, cache_of, code_of, mesh, said
from tests.unit.routers.test_serving_semantic import SEMANTIC, Words


class Slow(Words):
    """Embeds nothing before it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.go = threading.Event(), threading.Event()

    def knows(self, text: str) -> bool:
        self.begun.set()
        self.go.wait(20)
        return super().knows(text)


async def waiting(whole: Mesh, slow: Slow) -> None:
    """Until a first question is in the cache's thread."""
    await asyncio.to_thread(slow.begun.wait, 20)
    assert whole.light.requests == []


@pytest.fixture
def slow() -> Slow:
    return Slow()


async def test_who_waits_behind_a_cancelled_look_up_is_answered_by_a_model(slow: Slow) -> None:
    cache = SemanticCache(2**20, lambda: slow)
    async with mesh(lambda: cache, cache=SEMANTIC) as whole:
        whole.light.default = answer("Tomorrow.")
        first = await whole.many(1, "parcel")
        await waiting(whole, slow)
        second = await whole.many(2, "refund")
        await cache.close()  # its queue is dropped, and with it the second question's look-up
        answers = await asyncio.gather(*second)
        slow.go.set()
        assert {(said(each), cache_of(each)) for each in answers} <= {("Tomorrow.", "miss"), ("Tomorrow.", "coalesced")}
        assert said(await first[0]) == "Tomorrow."


async def test_who_waits_when_the_router_stops_hears_of_it(slow: Slow) -> None:
    async with mesh(lambda: SemanticCache(2**20, lambda: slow), cache=SEMANTIC) as whole:
        asking = await whole.many(2, "parcel")
        await waiting(whole, slow)
        assert whole.crossroads is not None
        await whole.crossroads.close()
        answers = await asyncio.gather(*asking)
        slow.go.set()
        assert {(each.status_code, code_of(each)) for each in answers} == {(503, "unavailable")}
        assert whole.light.requests == []


async def test_who_waits_for_a_cache_that_is_still_opening_hears_of_it_too(slow: Slow) -> None:
    def open_slowly() -> SemanticCache:
        slow.knows("")
        return SemanticCache(2**20, lambda: slow)

    async with mesh(open_slowly, cache=SEMANTIC) as whole:
        asking = await whole.many(1, "parcel")
        await waiting(whole, slow)
        assert whole.crossroads is not None
        await whole.crossroads.close()
        assert code_of(await asking[0]) == "unavailable"
        slow.go.set()
