"""Embedding off the event loop: each text once, for cache and learned router alike; without it, the heavy tier."""

import asyncio
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from control_plane.spec.compile import compile
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.learned import name_of
from control_plane.spec.prompts import Pins
from routers.admin import explanation
from routers.cache.semantic import SemanticCache
from routers.embedding import MOST_REMEMBERED, MOST_WAITING, Embedding, OneEncoder
from routers.encoder import Vectors
from routers.http import Request
from routers.runtime import Runtime
from routers.shelf import Shelf
from tests.learned import complexity, pins, saved, text
from tests.unit.routers.mesh import Mesh, code_of, mesh
from tests.unit.routers.samples import chat, snapshot

KNOWS = text(embedding=(1.0, 0.0))
"""What it estimates is the length's part, and 1 more for what the encoder finds hard."""
EASY, HARD = "Where is my parcel?", "Where is my theorem?"


class Words:
    """An encoder that finds theorems hard. It counts, and waits while it is told to."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.threads: set[int] = set()
        self.begun = threading.Event()
        self.may = threading.Event()
        self.may.set()

    def embed(self, texts: Sequence[str]) -> Vectors:
        self.begun.set()
        self.may.wait(10)
        self.asked += texts
        self.threads.add(threading.get_ident())
        return np.array([[1, 0] if "theorem" in text else [0, 1] for text in texts], dtype=np.float32)

    def knows(self, text: str) -> bool:
        return text.isascii()


def fails(_self: Any, _texts: Sequence[str]) -> Vectors:
    raise TiermeshError(Code.SETUP, "It is not installed.")


def in_force(whole: Mesh, folder: Path, **spec: Any) -> None:
    saved(folder, KNOWS)
    documents = whole.documents(complexity=complexity(name_of(KNOWS), exploration=0), **spec)
    ready = Runtime.build(snapshot(compile(documents, pins=Pins({}, routers=pins(KNOWS)))), shelf=Shelf(folder))
    whole.serving.guards.follow(ready)
    whole.router.runtime = ready


async def test_the_embedding_decides_and_the_event_loop_embeds_nothing(tmp_path: Path) -> None:
    words = Words()
    async with mesh(encoder=OneEncoder(lambda: words)) as whole:
        in_force(whole, tmp_path)
        answers = [await whole.chat(asked) for asked in (EASY, HARD)]
    assert [one.headers["x-tiermesh-tier"] for one in answers] == ["light", "heavy"]
    assert words.asked == [EASY, HARD]
    assert threading.get_ident() not in words.threads


async def test_a_route_without_such_a_router_embeds_nothing() -> None:
    words = Words()
    async with mesh(encoder=OneEncoder(lambda: words)) as whole:
        await whole.chat(EASY)
    assert words.asked == []


async def test_the_semantic_cache_and_the_learned_router_embed_the_same_text_once(tmp_path: Path) -> None:
    words = Words()
    encoder = OneEncoder(lambda: words)
    async with mesh(lambda: SemanticCache(1_000_000, lambda: encoder), encoder=encoder) as whole:
        in_force(whole, tmp_path, cache={"semantic": {}})
        answer = await whole.chat(HARD)
    assert answer.headers["x-tiermesh-tier"] == "heavy"
    assert words.asked == [HARD]


async def test_the_same_question_asked_by_many_at_once_is_one_flight(tmp_path: Path) -> None:
    words = Words()
    async with mesh(encoder=OneEncoder(lambda: words)) as whole:
        in_force(whole, tmp_path)
        words.may.clear()
        tasks = await whole.many(10, HARD)
        words.may.set()
        answers = [await task for task in tasks]
    assert {one.status_code for one in answers} == {200}
    assert words.asked == [HARD]
    assert len(whole.heavy.requests) == 1


async def test_where_the_text_cannot_be_embedded_the_heavy_tier_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Words, "embed", fails)
    async with mesh(encoder=OneEncoder(Words)) as whole:
        in_force(whole, tmp_path)
        answer = await whole.chat(EASY)
    assert answer.headers["x-tiermesh-tier"] == "heavy"
    assert answer.headers["x-tiermesh-reasons"] == "route,unembedded"


async def test_who_leaves_while_it_waits_is_not_answered(tmp_path: Path) -> None:
    words = Words()
    async with mesh(encoder=OneEncoder(lambda: words)) as whole:
        in_force(whole, tmp_path)
        words.may.clear()
        task = asyncio.create_task(whole.chat(HARD))
        await asyncio.to_thread(words.begun.wait)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        while not (logged := whole.logged()):
            await asyncio.sleep(0)
        words.may.set()
        assert (await whole.chat(EASY)).status_code == 200
    assert logged[0]["status"] == 499
    assert whole.heavy.requests == []


async def test_who_waits_when_the_router_stops_hears_of_it(tmp_path: Path) -> None:
    words = Words()
    async with mesh(encoder=OneEncoder(lambda: words)) as whole:
        in_force(whole, tmp_path)
        words.may.clear()
        asking = await whole.many(2, HARD)
        await asyncio.to_thread(words.begun.wait)
        assert whole.pondering is not None
        whole.pondering.close()
        answers = await asyncio.gather(*asking)
        words.may.set()
    assert {(each.status_code, code_of(each)) for each in answers} == {(503, "unavailable")}


async def test_explain_embeds_too(tmp_path: Path) -> None:
    words = Words()
    async with mesh(encoder=OneEncoder(lambda: words)) as whole:
        in_force(whole, tmp_path)
        request = Request(b"POST", "/explain", {}, orjson.dumps(chat(HARD)))
        assert explanation(await whole.router.explain(request))["tier"] == "heavy"
    assert words.asked == [HARD]


async def test_too_many_that_wait_are_not_embedded() -> None:
    words = Words()
    words.may.clear()
    embedding = Embedding(OneEncoder(lambda: words))
    tasks = [asyncio.create_task(embedding.vector(f"text {number}")) for number in range(MOST_WAITING + 1)]
    await asyncio.sleep(0)
    words.may.set()
    vectors = [await task for task in tasks]
    embedding.close()
    assert [len(vector) for vector in vectors] == [2] * MOST_WAITING + [0]


def test_the_last_texts_are_remembered_and_no_more() -> None:
    words = Words()
    encoder = OneEncoder(lambda: words)
    for number in range(MOST_REMEMBERED + 1):
        encoder.embed([str(number)])
    encoder.embed([str(MOST_REMEMBERED)])
    assert len(words.asked) == MOST_REMEMBERED + 1
    encoder.embed(["0"])
    assert len(words.asked) == MOST_REMEMBERED + 2
