import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest

from benchmarks.harness import fleet
from benchmarks.harness.crowd import Crowd
from benchmarks.harness.spender import ALL, Spender
from control_plane.spec import documents
from routers.http import Reply, Request
from tests.unit.routers.raw import site


@asynccontextmanager
async def listening(spender: Spender) -> AsyncIterator[httpx2.AsyncClient]:
    async with (
        site(spender) as (_, port),
        httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http,
    ):
        yield http


def asked(question: str, **fields: Any) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": question}], "max_tokens": 10, **fields}


async def test_it_books_what_it_says_that_it_used() -> None:
    async with listening(Spender(seed=3)) as http:
        requests = (http.post("/v1/chat/completions", json=asked(f"{number}")) for number in range(20))
        usages = [response.json()["usage"] for response in await asyncio.gather(*requests)]
        told = (await http.get("/")).json()
    assert all(usage["completion_tokens"] <= 10 for usage in usages)
    assert told["microdollars"] == sum(usage["prompt_tokens"] + 4 * usage["completion_tokens"] for usage in usages)
    assert (told["answers"], told["most_at_once"] > 1) == (20, True)


@pytest.mark.parametrize("includes", [True, False])
async def test_a_stream_ends_with_its_usage_where_that_is_asked_for(includes: bool) -> None:
    options = {"stream": True, "stream_options": {"include_usage": includes}}
    async with listening(Spender(seed=3)) as http:
        text = (await http.post("/v1/chat/completions", json=asked(ALL, **options))).text
    assert text.endswith("data: [DONE]\n\n")
    assert re.findall(r'"completion_tokens":(\d+)', text) == (["10"] if includes else [])


def test_the_documents_of_a_fleet_are_valid() -> None:
    found = [documents.parse(document) for document in fleet.documents(1, "crowd", 5)]
    assert [document.kind for document in found] == ["Model", "Route", "Tenant"]


async def test_a_crowd_asks_until_the_budget_is_spent() -> None:
    spender, served = Spender(seed=3), 0

    def twenty(request: Request, reply: Reply) -> None:
        nonlocal served
        served += 1
        if served > 20:
            reply.send(429, b"content-type: application/json\r\n", b'{"error": {"code": "insufficient_quota"}}')
        else:
            spender(request, reply)

    async with site(twenty) as (_, port):
        crowd = Crowd("key", 10, asyncio.get_running_loop().time() + 30)
        await crowd.gather([port], callers=3)
    assert crowd.codes["answered"] + crowd.codes["left"] == 20
    assert crowd.codes["insufficient_quota"] == 3
