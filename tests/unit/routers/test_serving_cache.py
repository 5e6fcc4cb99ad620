"""The cache as callers see it: what is kept, what never is, and whose it is."""

import asyncio
from typing import Any

import pytest

from tests.stub_upstream import (
    DONE,
    Steps,
    answer,
    chunk,
    error,
    event,
    held,
    raw,
    stream,
)
from tests.unit.routers.mesh import cache_of, mesh, said
from tests.unit.routers.samples import HARD


async def test_the_same_question_is_answered_from_the_cache() -> None:
    async with mesh() as whole:
        first, second = await whole.chat(), await whole.chat()
        assert (cache_of(first), cache_of(second)) == ("miss", "hit-exact")
        assert second.content == first.content
        for name in ("model", "tier", "score", "revision"):
            assert second.headers[f"x-tiermesh-{name}"] == first.headers[f"x-tiermesh-{name}"]
        assert second.headers["x-tiermesh-reasons"] == "route,cache-hit"
        assert second.headers["x-request-id"] != first.headers["x-request-id"]
        assert len(whole.light.requests) == 1


async def test_a_streamed_answer_is_streamed_from_the_cache() -> None:
    async with mesh() as whole:
        whole.light.script(stream("one", "two"))
        first, second = await whole.chat(stream=True), await whole.chat(stream=True)
        assert (cache_of(first), cache_of(second)) == ("miss", "hit-exact")
        assert second.content == first.content == event("one") + event("two") + DONE
        assert second.headers["content-type"] == "text/event-stream"


async def test_a_whole_answer_and_a_stream_are_two_entries() -> None:
    async with mesh() as whole:
        whole.light.script(answer("whole"), stream("streamed"))
        await whole.chat()
        assert cache_of(await whole.chat(stream=True)) == "miss"


@pytest.mark.parametrize(
    "spoiled",
    [
        Steps([event("one")], last=None),
        Steps([event("one")], last=chunk(b"")),
        Steps([event("one"), b'data: {"error": {"message": "boom"}}\n\n']),
    ],
    ids=["cut", "no [DONE]", "error inside"],
)
async def test_a_stream_that_is_not_whole_is_never_kept(spoiled: Steps) -> None:
    async with mesh() as whole:
        spoiled.go()
        whole.light.script(spoiled, stream("whole"))
        await whole.chat(stream=True)
        assert len(whole.cache) == 0
        response = await whole.chat(stream=True)
        assert (cache_of(response), response.content) == ("miss", event("whole") + DONE)


@pytest.mark.parametrize("last", [None, chunk(b"")], ids=["cut", "empty"])
async def test_a_stream_that_ends_before_its_first_byte_leaves_the_answer_to_the_next_model(last: bytes | None) -> None:
    async with mesh() as whole:
        empty = Steps([], last)
        empty.go()
        whole.light.script(empty)
        whole.heavy.script(stream("heavy"))
        response = await whole.chat(stream=True)
        assert (response.headers["x-tiermesh-model"], response.content) == ("heavy", event("heavy") + DONE)


async def test_an_answer_whose_end_cannot_be_told_from_a_cut_is_passed_on_but_not_kept() -> None:
    async with mesh() as whole:
        whole.light.script(raw(b'HTTP/1.0 200 OK\r\n\r\n{"choices": "maybe cut"}'))
        assert (await whole.chat()).content == b'{"choices": "maybe cut"}'
        assert cache_of(await whole.chat()) == "miss"


async def test_an_answer_that_was_cut_leaves_it_to_the_next_model() -> None:
    async with mesh() as whole:
        whole.light.script(raw(b'HTTP/1.0 200 OK\r\n\r\n{"choices": "surely cut'))
        assert (await whole.chat()).headers["x-tiermesh-model"] == "heavy"


async def test_an_error_is_never_kept() -> None:
    async with mesh() as whole:
        whole.heavy.script(error(429), answer("later"))
        await whole.chat(HARD)
        assert said(await whole.chat(HARD)) == "later"


@pytest.mark.parametrize(
    ("spec", "fields", "headers", "reason"),
    [
        ({}, {}, {"cache-control": "no-cache"}, "cache-refused"),
        ({}, {}, {"cache-control": "no-store"}, "cache-refused"),
        ({}, {"tools": [{"type": "function"}]}, {}, "cache-tools"),
        ({"cache": {"exact": {"enabled": False}}}, {}, {}, "cache-off"),
    ],
)
async def test_what_must_be_fresh_goes_past_the_cache_and_leaves_nothing_there(
    spec: dict[str, Any], fields: dict[str, Any], headers: dict[str, str], reason: str
) -> None:
    async with mesh(**spec) as whole:
        for _ in range(2):
            response = await whole.chat(headers=headers, **fields)
            assert cache_of(response) == "bypass"
            assert reason in response.headers["x-tiermesh-reasons"].split(",")
        assert len(whole.light.requests) + len(whole.heavy.requests) == 2
        assert len(whole.cache) == 0


async def test_requests_that_must_be_fresh_do_not_share_a_flight() -> None:
    async with mesh() as whole:
        slow = held()
        whole.light.script(slow, answer("fresh"))
        waiting = asyncio.create_task(whole.chat())
        await slow.begun.wait()
        assert said(await whole.chat(headers={"cache-control": "no-cache"})) == "fresh"
        slow.go.set()
        assert said(await waiting) == "ok"


async def test_a_new_revision_of_the_route_starts_with_an_empty_cache() -> None:
    async with mesh() as whole:
        await whole.chat()
        whole.put_in_force(whole.documents(complexity={"threshold": 0.8}), number=2)
        assert cache_of(await whole.chat()) == "miss"
        whole.put_in_force(whole.documents(), number=3)
        response = await whole.chat()
        assert (cache_of(response), response.headers["x-tiermesh-snapshot"]) == ("hit-exact", "3")


async def test_a_tenant_that_the_caller_claims_changes_nothing() -> None:
    async with mesh() as whole:
        await whole.chat(headers={"x-tiermesh-tenant": "a"})
        assert cache_of(await whole.chat(headers={"x-tiermesh-tenant": "b"})) == "hit-exact"
