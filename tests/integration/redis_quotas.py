"""Routers' desks over a real Redis."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Literal

import pytest
from redis import Redis

from observability.metrics import RouterMetrics
from routers.quotas.costs import Use
from routers.quotas.shared import SharedDesk
from routers.tenants import Tenant
from tests.redis_server import RedisServer
from tests.unit.routers.quotas.samples import Door, Kept

NONE = Use(0, 0)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def server(running: RedisServer) -> RedisServer:
    """A Redis that runs and knows nothing."""
    with Redis(port=running.port) as client:
        client.flushall()
        client.script_flush()
    return running


@asynccontextmanager
async def desk(server: RedisServer, without_redis: Literal["refuse", "allow"] = "refuse") -> AsyncIterator[SharedDesk]:
    """The desk of one router."""
    opened = SharedDesk(server.url, without_redis, RouterMetrics())
    await opened.start()
    try:
        yield opened
    finally:
        await opened.close()


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while not await holds():
            await asyncio.sleep(0.02)


async def enter(at: SharedDesk, by: Tenant, door: Door, seconds: float = 60) -> Kept:
    """One request, until it is known what becomes of it."""
    reply, before = Kept(), len(door.served) + len(door.refused)
    at.admit(by, seconds, reply, door.serve, door.refuse)

    async def known() -> bool:
        return len(door.served) + len(door.refused) > before

    await until(known)
    return reply
