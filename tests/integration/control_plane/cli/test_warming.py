"""Warming a real router: its cache has the answers afterwards, and has learned nothing."""

import asyncio

from control_plane.cli import warming
from control_plane.cli.warming import Pace, Question, Tally
from routers.cache.semantic import SemanticCache
from tests.stub_upstream import Received, answer
from tests.unit.routers.mesh import Mesh, cache_of, mesh
from tests.unit.routers.test_serving_semantic import SEMANTIC, Words

ASKED = [Question(f"Of my parcel {word}", "shop") for word in ("now", "then", "soon", "late", "ever")]


async def warmed(whole: Mesh, asked: list[Question], at_once: int = 2) -> Tally:
    told: list[None] = []
    there = warming.Mesh(f"http://127.0.0.1:{whole.port}/v1", None, "shop", {})
    tally = await warming.warm(asked, there, Pace(1000, at_once), lambda: told.append(None))
    assert len(told) == tally.asked == len(asked)
    return tally


async def test_each_question_is_answered_once_and_kept() -> None:
    async with mesh(cache={}) as whole:
        whole.light.default = answer("There.")
        first = await warmed(whole, ASKED)
        assert (first.answered, first.cached, first.failed) == (5, 0, 0)
        again = await warmed(whole, ASKED)
        assert (again.answered, again.cached, again.failed) == (0, 5, 0)
        assert len(whole.light.requests) == 5
        assert cache_of(await whole.chat(ASKED[0].text)) == "hit-exact"


async def test_nothing_is_learned_from_them_but_their_answers_are_kept() -> None:
    cache = SemanticCache(2**20, Words)
    async with mesh(lambda: cache, cache=SEMANTIC) as whole:
        whole.light.default = answer("There.")
        await warmed(whole, ASKED)
        (standing,) = await cache.standings()
        assert (standing.entries, standing.exams + standing.lessons) == (5, 0)
        await whole.chat("Of my parcel again")
        (standing,) = await cache.standings()
        assert (standing.entries, standing.exams + standing.lessons) == (6, 1)


async def test_what_fails_is_counted_with_why_and_the_rest_goes_on() -> None:
    async with mesh(cache={}) as whole:
        whole.light.default = answer("There.")
        tally = await warmed(whole, [*ASKED[:2], Question("Why?", "shpo")])
        assert (tally.answered, tally.failed) == (2, 1)
        ((error, count),) = tally.errors.items()
        assert ("404" in error and "shpo" in error, count) == (True, 1)


async def test_no_more_are_under_way_than_may_be() -> None:
    async with mesh(cache={}) as whole:
        most = under_way = 0

        async def slow(received: Received, writer: asyncio.StreamWriter) -> None:
            nonlocal most, under_way
            under_way += 1
            most = max(most, under_way)
            await asyncio.sleep(0.01)
            under_way -= 1
            await answer("There.")(received, writer)

        whole.light.default = slow
        await warmed(whole, ASKED, at_once=2)
        assert most == 2
