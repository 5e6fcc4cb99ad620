"""Quotas in a real Redis: routers that share, die and lose it."""

import asyncio
import contextlib
import logging
import signal
from pathlib import Path
from typing import Any, Literal

import httpx2
import pytest
from redis import Redis

from control_plane.spec.documents import Document
from control_plane.spec.errors import Code, TiermeshError
from observability.metrics import RouterMetrics
from routers.quotas.costs import Use
from routers.quotas.limits import SECOND
from routers.quotas.shared import LEASE_SLACK_SECONDS, SharedDesk
from routers.tenants import Tenant
from tests.contract.router_process import RouterProcess
from tests.integration.redis_quotas import NONE, desk, enter, until
from tests.integration.redis_quotas import running as running
from tests.integration.redis_quotas import server as server
from tests.redis_server import RedisServer
from tests.stub_upstream import StubUpstream, held
from tests.unit.routers.quotas.samples import Door, Kept, tenant
from tests.unit.routers.samples import chat, model, route
from tests.unit.routers.tenants import authorized
from tests.unit.routers.tenants import tenant as tenant_document


async def test_many_callers_at_several_routers_never_get_more_than_the_budget(server: RedisServer) -> None:
    by = tenant(usdPerDay=0.01, tokensPerMinute=10**6)
    async with desk(server) as one, desk(server) as two, desk(server) as three:
        paid = 0

        async def call(at: SharedDesk, number: int) -> None:
            nonlocal paid
            try:
                settle = await at.reserve(by, 60, Use(100, 100))
            except TiermeshError as error:
                assert error.code in (Code.INSUFFICIENT_QUOTA, Code.RATE_LIMITED)
                return
            await asyncio.sleep(0)
            cost = number % 3 * 50
            paid += cost
            settle(Use(cost, cost))

        for _ in range(4):
            await asyncio.gather(*(call(at, number) for number in range(100) for at in (one, two, three)))
    with Redis(port=server.port) as client:
        account = {key.decode(): int(value) for key, value in client.hgetall("tiermesh:{acme}:account").items()}
    assert account["spent"] == paid <= 10_000
    assert account["held"] == 0
    assert account["window"] == paid


async def test_requests_at_several_routers_share_rate_and_places(server: RedisServer) -> None:
    by = tenant(concurrentRequests=3, requestsPerSecond=0.001, burst=4)
    async with desk(server) as one, desk(server) as two:
        door = Door()
        for at in (one, two, one, two):
            reply = await enter(at, by, door)
        assert (len(door.served), [error.code for error in door.refused]) == (3, [Code.RATE_LIMITED])
        door.served[0].send(200, b"", b"")
        await until_left(server, places=2)
        await enter(two, by, door)
        assert len(door.served) == 4
        door.served[1].send(200, b"", b"")
        await until_left(server, places=2)
        reply = await enter(one, by, door)
        assert "requests a second" in str(door.refused[-1])
        assert b"x-ratelimit-remaining-requests: 0\r\n" in reply.headers


async def until_left(server: RedisServer, places: int) -> None:
    with Redis(port=server.port) as client:

        async def left() -> bool:
            return int(client.zcard("tiermesh:{acme}:places")) == places

        await until(left)


async def test_a_caller_that_leaves_before_it_is_let_in_takes_no_place(server: RedisServer) -> None:
    by, door, reply = tenant(concurrentRequests=1), Door(), Kept()
    async with desk(server) as at:
        left = Door()
        at.admit(by, 60, reply, left.serve, left.refuse)
        reply.disconnect()

        async def another_is_served() -> bool:
            await enter(at, by, door)
            return bool(door.served)

        await until(another_is_served)
        assert (left.served, left.refused) == ([], [])


async def test_a_caller_that_leaves_before_its_reservation_gets_it_back(server: RedisServer) -> None:
    by = tenant(usdPerDay=0.001)
    async with desk(server) as at:
        leaving = asyncio.create_task(at.reserve(by, 60, Use(0, 1000)))
        await asyncio.sleep(0)
        leaving.cancel()
        await asyncio.gather(leaving, return_exceptions=True)

        async def free() -> bool:
            try:
                (await at.reserve(by, 60, Use(0, 1000)))(NONE)
            except TiermeshError:
                return False
            return True

        await until(free)


async def test_a_caller_that_leaves_as_its_reservation_comes_gets_it_back(server: RedisServer) -> None:
    by = tenant(usdPerDay=0.001)
    async with desk(server) as at:
        for turns in range(60):
            leaving = asyncio.create_task(at.reserve(by, 60, Use(0, 10)))
            for _ in range(turns):
                await asyncio.sleep(0)
            leaving.cancel()
            for settle in await asyncio.gather(leaving, return_exceptions=True):
                if not isinstance(settle, BaseException):
                    settle(NONE)
    with Redis(port=server.port) as client:
        assert client.hget("tiermesh:{acme}:account", "held") == b"0"
        assert client.zcard("tiermesh:{acme}:holds") == 0


async def test_a_redis_that_forgot_the_scripts_learns_them_again(server: RedisServer) -> None:
    by = tenant(usdPerDay=0.001)
    async with desk(server) as at:
        (await at.reserve(by, 60, Use(0, 1000)))(NONE)
        with Redis(port=server.port) as client:
            client.script_flush()
        (await at.reserve(by, 60, Use(0, 1000)))(NONE)


async def test_router_processes_share_a_budget_and_the_death_of_one_costs_no_place_for_ever(
    server: RedisServer, tmp_path: Path
) -> None:
    """Two real routers; one is killed with a request under way, whose lease outlives it."""
    async with StubUpstream() as upstream:
        spec: dict[str, Any] = {"cache": {"exact": {"enabled": False}}, "resilience": {"deadlineSeconds": 10}}
        quotas = {"concurrentRequests": 1, "usdPerDay": 1}
        given: list[Document] = [
            model("stub", url=upstream.url),
            route(light=["stub"], heavy=[], **spec),
            tenant_document(quotas=quotas),
        ]
        with contextlib.ExitStack() as stack:
            routers = []
            for name in ("one", "two"):
                (tmp_path / name).mkdir()
                process = RouterProcess(tmp_path / name, given, REDIS_URL=server.url)
                routers.append(await asyncio.to_thread(stack.enter_context, process))
            waiting = held()
            upstream.script(waiting)
            async with httpx2.AsyncClient(trust_env=False, headers=authorized("acme")) as http:
                asking = asyncio.create_task(http.post(f"{routers[0].base_url}/chat/completions", json=chat()))
                await waiting.begun.wait()
                refused = await http.post(f"{routers[1].base_url}/chat/completions", json=chat())
                assert (refused.status_code, refused.json()["error"]["code"]) == (429, "rate_limit_exceeded")
                routers[0].terminate(signal.SIGKILL)
                await asyncio.gather(asking, return_exceptions=True)
                assert (await http.post(f"{routers[1].base_url}/chat/completions", json=chat())).status_code == 429
                with Redis(port=server.port) as client:
                    ((_, ends),) = client.zrange("tiermesh:{acme}:places", 0, -1, withscores=True)
                    seconds, microseconds = client.time()
                assert 0 < ends / SECOND - seconds - microseconds / SECOND <= 10 + LEASE_SLACK_SECONDS


# Redis away.


async def reserve_somehow(at: SharedDesk, by: Tenant) -> str:
    try:
        (await at.reserve(by, 60, Use(1, 1)))(Use(1, 1))
    except TiermeshError as error:
        return error.code.value
    return "reserved"


@pytest.mark.parametrize(("setting", "becomes"), [("refuse", "unavailable"), ("allow", "reserved")])
async def test_while_redis_is_away_requests_are_refused_or_let_through_as_the_setting_says(
    tmp_path: Any, caplog: pytest.LogCaptureFixture, setting: Literal["refuse", "allow"], becomes: str
) -> None:
    caplog.set_level(logging.INFO)
    by = tenant(usdPerDay=1, concurrentRequests=5)
    with RedisServer(tmp_path) as server:
        async with desk(server, setting) as at:
            assert await reserve_somehow(at, by) == "reserved"
            server.kill()
            door = Door()
            for _ in range(5):
                assert await reserve_somehow(at, by) == becomes
                await enter(at, by, door)
            assert len(door.served) == (5 if setting == "allow" else 0)
            assert {error.status for error in door.refused} == (set() if setting == "allow" else {503})
            server.start()

            async def counted() -> bool:
                await reserve_somehow(at, by)
                with Redis(port=server.port) as client:
                    return bool(client.exists("tiermesh:{acme}:account"))

            await until(counted)
            metrics = "".join(at.metrics.exposition())
    assert "tiermesh_router_quotas_redis_up 1.0" in metrics
    uncounted = float(metrics.split("tiermesh_router_quotas_uncounted_total ")[-1].split()[0])
    assert (uncounted > 0) == (setting == "allow")
    messages = [record.message for record in caplog.records if "Redis" in record.message]
    assert [message.split(":")[0] for message in messages] == ["Redis answers", "Redis is away", "Redis answers"]


async def test_a_router_may_start_before_its_redis(tmp_path: Any, caplog: pytest.LogCaptureFixture) -> None:
    server = RedisServer(tmp_path)
    async with desk(server) as at:
        assert await reserve_somehow(at, tenant(usdPerDay=1)) == "unavailable"
    assert "Redis is away" in caplog.text


@pytest.mark.parametrize("url", ["", "localhost:6379", "http://h:1/"])
def test_an_address_that_is_none_is_refused_at_the_start(url: str) -> None:
    with pytest.raises(TiermeshError, match="TIERMESH_ROUTER_REDIS_URL") as caught:
        SharedDesk(url, "refuse", RouterMetrics())
    assert caught.value.code is Code.SETUP
