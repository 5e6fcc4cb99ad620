"""The shadow sees a share of the requests; callers, breakers and budgets never notice."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest

from control_plane.spec.documents import Document
from tests.stub_upstream import Behaviour, StubUpstream, answer, error, held, raw, stream
from tests.unit.routers.mesh import Mesh, mesh, said
from tests.unit.routers.samples import model, route


@asynccontextmanager
async def mirrored(**mirror: Any) -> AsyncIterator[tuple[Mesh, StubUpstream]]:
    """A mesh whose Route has a shadow."""
    async with mesh() as whole, StubUpstream() as shadow:
        resilience = {"mirror": {"model": "shadow", "share": 1, **mirror}}
        documents: list[Document] = [
            model("light", url=whole.light.url),
            model("shadow", "heavy", shadow.url),
            route(heavy=[], resilience=resilience, cache={"exact": {"enabled": False}}),
        ]
        whole.put_in_force(documents)
        try:
            yield whole, shadow
        finally:
            whole.serving.mirroring.close()


def counted(whole: Mesh, outcome: str) -> bool:
    text = "".join(whole.metrics.exposition())
    return f'tiermesh_router_mirrored_total{{outcome="{outcome}",route="shop"}}' in text


async def until_counted(whole: Mesh, outcome: str) -> None:
    while not counted(whole, outcome):
        await asyncio.sleep(0)


@pytest.mark.parametrize("streams", [False, True])
async def test_the_shadow_sees_the_request_under_its_own_name_and_the_caller_not_its_answer(streams: bool) -> None:
    async with mirrored() as (whole, shadow):
        whole.light.default = stream("light") if streams else answer("light")
        shadow.default = stream("shadow") if streams else answer("shadow")
        response = await whole.chat("hello", stream=streams)
        assert b"shadow" not in response.content
        received = await shadow.received()
        assert orjson.loads(received.body)["model"] == "shadow"
        assert received.fields["messages"] == whole.light.requests[0].fields["messages"]
        await until_counted(whole, "answered")


@pytest.mark.parametrize("failure", [error(500), error(429), raw(b"")])
async def test_a_shadow_that_fails_is_counted_and_nothing_else(failure: Behaviour) -> None:
    async with mirrored() as (whole, shadow):
        shadow.default = failure
        assert (await whole.chat()).status_code == 200
        await until_counted(whole, "failed")
        text = "".join(whole.metrics.exposition())
        assert 'tiermesh_router_attempts_total{model="shadow"' not in text
        assert list(whole.guard.models) == ["light"]


async def test_a_shadow_that_is_slow_delays_nobody_and_gets_no_more_than_it_may_have() -> None:
    async with mirrored(maxConcurrent=1) as (whole, shadow):
        shadow.default = held()
        for _ in range(5):
            assert said(await whole.chat()) == "ok"
        await shadow.received()
        assert len(shadow.requests) == 1
        assert counted(whole, "dropped")


async def test_what_is_not_in_the_sample_is_not_sent() -> None:
    async with mirrored(share=1e-9) as (whole, shadow):
        for _ in range(5):
            await whole.chat()
        assert shadow.requests == []


async def test_a_router_that_stops_stops_its_copies() -> None:
    async with mirrored() as (whole, shadow):
        slow = held()
        shadow.default = slow
        await whole.chat()
        await slow.begun.wait()
        whole.serving.mirroring.close()
        await shadow.requests[0].left.wait()
