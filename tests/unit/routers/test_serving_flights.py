"""Flights as callers see them: one answer for all who ask the same at once, whoever comes and goes."""

import asyncio
from typing import Any

import orjson

from routers.http import Request
from tests.stub_upstream import (
    DONE,
    Steps,
    answer,
    error,
    event,
    held,
)
from tests.unit.routers.mesh import cache_of, mesh, said
from tests.unit.routers.raw import Heard, narrow, stalled
from tests.unit.routers.samples import HARD, chat


async def test_fifty_identical_requests_at_once_are_one_request_to_the_model() -> None:
    async with mesh() as whole:
        slow = held(answer("shared"))
        whole.light.script(slow)
        asking = await whole.many(50)
        slow.go.set()
        responses = await asyncio.gather(*asking)
        assert {said(response) for response in responses} == {"shared"}
        assert sorted(map(cache_of, responses)) == ["coalesced"] * 49 + ["miss"]
        assert len({response.headers["x-request-id"] for response in responses}) == 50
        followers = [response for response in responses if cache_of(response) == "coalesced"]
        assert {response.headers["x-tiermesh-reasons"] for response in followers} == {"route,below-threshold,coalesced"}
        assert len(whole.light.requests) == 1


async def test_an_error_reaches_everyone_who_waits() -> None:
    async with mesh() as whole:
        slow = held(error(429))
        whole.heavy.script(slow)
        asking = await whole.many(5, HARD)
        slow.go.set()
        assert {response.status_code for response in await asyncio.gather(*asking)} == {429}


async def test_who_asks_in_the_moment_between_an_error_and_its_flights_end_is_answered() -> None:
    async with mesh() as whole:
        whole.heavy.script(error(429), error(429))
        record = whole.ledger.record

        def recorded(*entry: Any) -> None:
            """The first answer is written and its flight is not yet gone: the same question comes once more."""
            whole.ledger.record = record  # type: ignore[method-assign]
            record(*entry)
            request = Request(b"POST", "/v1/chat/completions", {}, orjson.dumps(chat(HARD)))
            asyncio.get_running_loop().call_soon(whole.router, request, late)

        late = Heard()
        whole.ledger.record = recorded  # type: ignore[assignment,method-assign]
        assert (await whole.chat(HARD)).status_code == 429
        assert await late.status == 429


async def test_followers_stay_when_the_leader_leaves() -> None:
    async with mesh() as whole:
        slow = held(answer("shared"))
        whole.light.script(slow)
        leader = asyncio.create_task(whole.chat())
        await slow.begun.wait()
        followers = await whole.many(2)
        leader.cancel()
        await asyncio.gather(leader, return_exceptions=True)
        slow.go.set()
        assert [said(response) for response in await asyncio.gather(*followers)] == ["shared"] * 2
        assert not whole.light.requests[0].left.is_set()


async def test_when_the_last_one_leaves_the_model_is_stopped_and_nobody_joins_what_is_stopped() -> None:
    async with mesh() as whole:
        slow = held()
        whole.light.script(slow, answer("anew"))
        asking = await whole.many(3)
        await slow.begun.wait()
        for task in asking:
            task.cancel()
        await (await whole.light.received()).left.wait()
        response = await whole.chat()
        assert (said(response), cache_of(response)) == ("anew", "miss")
        await asyncio.gather(*asking, return_exceptions=True)
        assert [line["status"] for line in whole.logged()].count(499) == 3


async def test_when_the_caller_of_a_stream_leaves_the_model_is_stopped() -> None:
    async with mesh() as whole:
        steps = Steps([event("one"), event("two")])
        whole.light.script(steps)
        steps.step()
        async with whole.streamed() as response:
            assert await anext(response.aiter_bytes()) == event("one")
        await whole.light.requests[0].left.wait()
        assert len(whole.cache) == 0


async def test_who_joins_a_stream_late_gets_all_of_it() -> None:
    async with mesh() as whole:
        steps = Steps([event("one"), event("two")])
        whole.light.script(steps)
        steps.step()
        async with whole.streamed() as first:
            early = first.aiter_bytes()
            assert await anext(early) == event("one")
            async with whole.streamed() as second:
                assert cache_of(second) == "coalesced"
                late = second.aiter_bytes()
                assert await anext(late) == event("one")
                steps.go()
                assert b"".join([piece async for piece in late]) == event("two") + DONE
            assert b"".join([piece async for piece in early]) == event("two") + DONE
        assert len(whole.light.requests) == 1


async def test_who_joins_a_stream_that_a_stalled_caller_has_stopped_sets_it_going_again() -> None:
    piece = event("x" * 60_000)
    async with mesh() as whole:
        steps = Steps([piece] * 60)
        whole.light.script(steps)
        async with stalled(whole.port) as stuck:
            stuck.post(orjson.dumps(chat(stream=True)), "/v1/chat/completions")
            await whole.light.received()
            narrow(whole.server)
            steps.step(60)
            while not any(connection.congested for connection in whole.server.connections):
                await asyncio.sleep(0)
            async with whole.streamed() as second:
                steps.go()
                received = b"".join([piece async for piece in second.aiter_bytes()])
            assert received == piece * 60 + DONE
