"""One leads; where it is gone, another does."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from psycopg import sql

from benchmarks.harness.postgres import PostgresServer
from control_plane.spec.snapshots import Content
from control_plane.store import leadership, notices, snapshots
from control_plane.store.database import Database
from control_plane.store.leadership import Leadership
from control_plane.store.provenance import Provenance

_LIMIT_SECONDS = 30


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leadership, "BEAT_SECONDS", 0.1)
    monkeypatch.setattr(notices, "_RETRY_SECONDS", 0.1)


@asynccontextmanager
async def _seeking(name: str, url: str) -> AsyncIterator[tuple[Leadership, list[bool]]]:
    changes: list[bool] = []
    one = Leadership(name, changes.append)
    task = asyncio.create_task(one.seek(Database(url).url))
    try:
        yield one, changes
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _until(what: object, holds: object) -> None:
    async with asyncio.timeout(_LIMIT_SECONDS):
        while not holds(what):  # type: ignore[operator]
            await asyncio.sleep(0.02)


async def test_one_leads_and_all_know_who(postgres_url: str) -> None:
    async with _seeking("one", postgres_url) as (one, _), _seeking("other", postgres_url) as (other, _):
        await _until(None, lambda _: one.leader and one.leader == other.leader)
        assert [one.leads, other.leads].count(True) == 1
        assert one.leader == ("one" if one.leads else "other")


async def test_the_next_leads_when_the_first_ends(postgres_url: str) -> None:
    async with _seeking("one", postgres_url) as (one, changes):
        await _until(one, lambda it: it.leads)
        async with _seeking("other", postgres_url) as (other, _):
            await _until(other, lambda it: it.leader == "one")
            assert not other.leads
    async with _seeking("other", postgres_url) as (other, _):
        await _until(other, lambda it: it.leads)
    assert changes == [True, False]


async def test_who_loses_the_connection_leads_no_more(postgres_server: PostgresServer, postgres_url: str) -> None:
    database = postgres_url.partition("?")[0].rpartition("/")[2]
    cut = sql.SQL("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'one'")
    async with _seeking("one", postgres_url) as (one, changes):
        await _until(one, lambda it: it.leads)
        await asyncio.to_thread(postgres_server.execute, cut, database)
        await _until(changes, lambda seen: seen == [True, False, True])


async def test_two_databases_of_one_server_have_a_leader_each(postgres_server: PostgresServer) -> None:
    urls = [postgres_server.empty() for _ in range(2)]
    async with _seeking("one", urls[0]) as (one, _), _seeking("other", urls[1]) as (other, _):
        await _until(None, lambda _: one.leads and other.leads)
        assert (one.leader, other.leader) == ("one", "other")


async def test_a_commit_wakes_who_listens_and_a_rollback_does_not(postgres_url: str) -> None:
    database = Database(postgres_url)
    database.migrate()
    heard: asyncio.Queue[None] = asyncio.Queue()

    async def hear() -> None:
        heard.put_nowait(None)

    def publish(keep: bool) -> None:
        with database.write(keep=keep) as transaction:
            snapshots.append(transaction, Content(), 0, Provenance("alice", "", datetime.now(UTC)))

    listening = asyncio.create_task(notices.follow(database.url, hear))
    async with asyncio.timeout(notices.POLL_SECONDS - 0.5):  # what comes later is no notice
        await heard.get()
        await asyncio.to_thread(publish, False)
        await asyncio.to_thread(publish, True)
        await heard.get()
    assert heard.empty()
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
    database.close()


async def test_where_no_notice_comes_through_a_slow_look_makes_it_good(
    postgres_server: PostgresServer, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notices, "POLL_SECONDS", 0.05)
    heard: asyncio.Queue[None] = asyncio.Queue()

    async def hear() -> None:
        heard.put_nowait(None)

    listening = asyncio.create_task(notices.follow(Database(postgres_url).url, hear))
    async with asyncio.timeout(_LIMIT_SECONDS):
        for _ in range(3):
            await heard.get()
        cut = sql.SQL("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'")
        await asyncio.to_thread(postgres_server.execute, cut)
        for _ in range(3):
            await heard.get()
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
