"""A router's own desk: who enters, who is refused, and what is given back."""

import pytest

from control_plane.spec.errors import Code, TiermeshError
from routers.quotas.costs import Use
from routers.quotas.memory import MemoryDesk
from routers.tenants import Tenant
from tests.unit.routers.quotas.samples import Clock, Door, Kept, tenant


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def desk(clock: Clock) -> MemoryDesk:
    return MemoryDesk(clock)


def ask(desk: MemoryDesk, by: Tenant, door: Door) -> Kept:
    """One request; the reply of the server."""
    reply = Kept()
    desk.admit(by, 60, reply, door.serve, door.refuse)
    return reply


def test_a_place_comes_back_however_the_answer_ends(desk: MemoryDesk) -> None:
    acme = tenant(concurrentRequests=1)
    for end in ("send", "stream", "abort", "disconnect"):
        door = Door()
        reply = ask(desk, acme, door)
        ask(desk, acme, door)
        assert [error.code for error in door.refused] == [Code.RATE_LIMITED], end
        (served,) = door.served
        if end == "send":
            served.send(200, b"", b"")
        elif end == "stream":
            served.start(200, b"")
            served.write(b"a")
            served.end()
        elif end == "abort":
            served.abort()
        else:
            reply.disconnect()
    assert reply.on_disconnect is None


def test_who_serves_hears_that_the_caller_has_left(desk: MemoryDesk) -> None:
    door, heard = Door(), []
    reply = ask(desk, tenant(concurrentRequests=1), door)
    door.served[0].on_disconnect = lambda: heard.append("left")
    reply.disconnect()
    reply.disconnect()
    assert heard == ["left"]


def test_tenants_do_not_share(desk: MemoryDesk) -> None:
    door = Door()
    ask(desk, tenant("a", concurrentRequests=1), door)
    ask(desk, tenant("b", concurrentRequests=1), door)
    assert len(door.served) == 2


def test_an_answer_says_what_is_left_and_a_refusal_too(desk: MemoryDesk) -> None:
    acme, door = tenant(requestsPerSecond=2), Door()
    reply = ask(desk, acme, door)
    ask(desk, acme, door)
    door.served[0].send(200, b"a: b\r\n", b"")
    assert reply.headers.startswith(b"a: b\r\nx-ratelimit-limit-requests: 2\r\nx-ratelimit-remaining-requests: 0\r\n")
    assert b"x-ratelimit-remaining-requests: 0\r\n" in ask(desk, acme, door).headers


def test_a_tenant_whose_requests_are_not_limited_enters_always(desk: MemoryDesk) -> None:
    acme, door = tenant(tokensPerMinute=10), Door()
    reply = ask(desk, acme, door)
    door.served[0].start(200, b"")
    assert b"x-ratelimit-remaining-tokens: 10" in reply.headers


async def test_what_is_reserved_is_settled_for_what_it_took(desk: MemoryDesk, clock: Clock) -> None:
    acme = tenant(tokensPerMinute=100, usdPerDay=0.0001)
    settle = await desk.reserve(acme, 60, Use(100, 100))
    with pytest.raises(TiermeshError) as caught:
        await desk.reserve(acme, 60, Use(1, 0))
    assert caught.value.code is Code.RATE_LIMITED
    settle(Use(30, 40))
    with pytest.raises(TiermeshError) as caught:
        await desk.reserve(acme, 60, Use(0, 61))
    assert (caught.value.code, caught.value.retry_after_seconds) == (Code.INSUFFICIENT_QUOTA, 12 * 3600)
    await desk.reserve(acme, 60, Use(70, 60))
    clock.pass_seconds(12 * 3600)
    await desk.reserve(acme, 60, Use(100, 100))
