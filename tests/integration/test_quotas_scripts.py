"""The scripts in a real Redis count as the account in memory does, and outlive routers that die."""

from random import Random
from typing import Any

import pytest
from redis import Redis

from routers.quotas.accounts import DAY, SLOT, SLOTS, Account, Hold, Refusal
from routers.quotas.limits import SECOND, Limits
from routers.quotas.shared import text_of
from tests.integration.redis_quotas import running as running
from tests.integration.redis_quotas import server as server
from tests.redis_server import RedisServer
from tests.unit.routers.quotas.samples import NOON, limits

KEYS = ("account", "places", "holds")


class Scripts:
    """The scripts of one tenant at a time of the test's own."""

    def __init__(self, client: Redis, given: Limits) -> None:
        self._client = client
        self._given = given
        self._number = 0
        self.now = NOON

    def _run(self, name: str, *arguments: object) -> list[bytes]:
        clock = f"{{{self.now // SECOND}, {self.now % SECOND}}}"
        text = text_of(name).replace("redis.call('TIME')", clock)
        assert text != text_of(name)
        found: list[bytes] = self._client.eval(text, 3, *KEYS, *map(str, arguments))
        return found

    def enter(self, lease: int = 1000 * DAY) -> Refusal | str:
        self._number += 1
        given = self._given
        concurrent = -1 if given.concurrent is None else given.concurrent
        interval = -1 if given.interval is None else given.interval
        place = str(self._number)
        answer = self._run("reserve", place, lease, 1, interval, given.burst, concurrent, 0, -1, 0, -1, 0)
        return _refusal(answer) or place

    def reserve(self, tokens: int, money: int, lease: int = 1000 * DAY) -> Refusal | bytes:
        self._number += 1
        amounts = (tokens, self._given.tokens or -1, money, self._given.microdollars or -1, int(self._given.hard))
        answer = self._run("reserve", self._number, lease, 0, -1, 1, -1, *amounts)
        return _refusal(answer) or answer[2]

    def leave(self, place: str) -> None:
        self._run("settle", place, "", 0, 0)

    def settle(self, hold: bytes, tokens: int, money: int) -> None:
        self._run("settle", "", hold.decode(), tokens, money)

    def field(self, name: str) -> int:
        return int(self._client.hget("account", name) or 0)


def _refusal(answer: list[bytes]) -> Refusal | None:
    wait = int(answer[1])
    return Refusal(answer[0].decode(), None if wait < 0 else wait) if answer[0] else None


def scripts(server: RedisServer, **quotas: Any) -> Scripts:
    return Scripts(Redis(port=server.port), limits(**quotas))


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("hard", [True, False])
def test_the_scripts_count_as_the_account_in_memory_does(server: RedisServer, seed: int, hard: bool) -> None:
    random = Random(seed)
    quotas = {"requestsPerSecond": 0.7, "burst": 3, "concurrentRequests": 4, "tokensPerMinute": 900, "usdPerDay": 0.002}
    shared, account, given = scripts(server, **quotas, hard=hard), Account(), limits(**quotas, hard=hard)
    places: list[str] = []
    holds: list[tuple[bytes, Hold]] = []
    for _ in range(250):
        shared.now += random.choice([0, 1, SECOND // 3, SECOND, SLOT, SLOT * SLOTS // 2, DAY // 9])
        action = random.choice(["enter", "leave", "reserve", "reserve", "settle"])
        tokens, money = random.randrange(500), random.randrange(900)
        if action == "enter":
            place, refusal = shared.enter(), account.enter(given, shared.now)
            assert refusal == (place if isinstance(place, Refusal) else None)
            places += [place] if isinstance(place, str) else []
        elif action == "leave" and places:
            shared.leave(places.pop())
            account.leave()
        elif action == "reserve":
            theirs, ours = shared.reserve(tokens, money), account.reserve(given, tokens, money, shared.now)
            if isinstance(ours, Refusal):
                assert theirs == ours
            else:
                assert isinstance(theirs, bytes)
                holds.append((theirs, ours))
        elif holds:
            theirs, ours = holds.pop(random.randrange(len(holds)))
            tokens, money = (min(tokens, ours.tokens), min(money, ours.microdollars)) if hard else (tokens, money)
            shared.settle(theirs, tokens, money)
            account.settle(ours, tokens, money, shared.now)
            assert (shared.field("spent"), shared.field("held")) == (account.spent, account.held)


def test_the_places_of_a_router_that_died_come_back_when_their_leases_end(server: RedisServer) -> None:
    shared = scripts(server, concurrentRequests=1)
    shared.enter(lease=10 * SECOND)
    assert shared.enter() == Refusal("concurrent", SECOND)
    shared.now += 10 * SECOND
    assert isinstance(shared.enter(), str)


@pytest.mark.parametrize(("hard", "spent"), [(False, 0), (True, 1000)])
def test_reservations_of_a_router_that_died_come_back_unless_nothing_may_be_overspent(
    server: RedisServer, hard: bool, spent: int
) -> None:
    shared = scripts(server, usdPerDay=0.001, tokensPerMinute=100, hard=hard)
    hold = shared.reserve(100, 1000, lease=10 * SECOND)
    assert isinstance(shared.reserve(1, 1), Refusal)
    shared.now += 10 * SECOND
    assert isinstance(shared.reserve(100, 1000), Refusal if hard else bytes)
    assert (shared.field("spent"), shared.field("held")) == (spent, 0 if hard else 1000)
    # The dead router's word, should it come after all, counts no more.
    assert isinstance(hold, bytes)
    shared.settle(hold, 5, 5)
    assert shared.field("spent") == spent


def test_what_is_settled_twice_is_booked_once(server: RedisServer) -> None:
    shared = scripts(server, usdPerDay=0.001)
    hold = shared.reserve(0, 600)
    assert isinstance(hold, bytes)
    shared.settle(hold, 0, 500)
    shared.settle(hold, 0, 500)
    assert (shared.field("spent"), shared.field("held")) == (500, 0)


def test_what_nobody_uses_any_more_is_forgotten(server: RedisServer) -> None:
    shared = scripts(server, usdPerDay=0.001, concurrentRequests=1)
    shared.enter()
    shared.reserve(0, 1)
    with Redis(port=server.port) as client:
        assert all(0 < int(client.ttl(key)) <= 2 * 86400 for key in KEYS)


# Desks that share.
