"""Quotas of all routers together, in Redis: exact across them, each step one atomic script.

Places and reservations are leased. Where a router dies, its places come back when their requests can no longer last,
and so do its reservations, but for those of a hard quota: nobody can tell what was spent of them.
"""

import asyncio
import secrets
from collections.abc import Callable
from functools import cache, partial
from itertools import count
from pathlib import Path
from typing import Literal

from redis.exceptions import RedisError

from control_plane.spec.errors import Code, TiermeshError
from observability.metrics import RouterMetrics
from routers.http import Reply
from routers.quotas import headers, refusals
from routers.quotas.accounts import SLOT, SLOTS, Refusal, Standing
from routers.quotas.costs import Use
from routers.quotas.desk import Refuse, Serve, Settle
from routers.quotas.entered import Entered
from routers.quotas.limits import SECOND, Limits
from routers.quotas.pipeline import Pipeline, Result, Run
from routers.quotas.presence import Presence
from routers.redis_client import connect
from routers.tenants import Tenant

LEASE_SLACK_SECONDS = 15.0
"""A lease outlasts its request by this, so that what was taken is booked before it ends."""

_NOTHING = Use(0, 0)
_CONSEQUENCES = {
    "refuse": "requests of tenants with quotas are refused (503)",
    "allow": "requests of tenants with quotas are let through uncounted",
}

Known = Result | RedisError
"""What a script returned, or why that is not known."""


class SharedDesk:
    """A `routers.quotas.desk.Desk`."""

    def __init__(self, url: str, without_redis: Literal["refuse", "allow"], metrics: RouterMetrics) -> None:
        """`without_redis`: what becomes of requests while Redis is away. Raises TiermeshError(SETUP) for a bad URL."""
        # A script whose answer was lost may have run: sent again, it would count twice.
        self._redis = connect(url)
        self._pipeline = Pipeline(self._redis)
        self._presence = Presence(self._redis.ping, _CONSEQUENCES[without_redis], metrics)
        self._allows = without_redis == "allow"
        self.metrics = metrics
        self._heard: dict[str, Result] = {}
        """What Redis last said of each tenant."""
        # Ids are unique among all routers, also after a restart.
        self._ids = map(f"{secrets.token_hex(8)}-{{}}".format, count())
        self.start = self._presence.start

    async def close(self) -> None:
        """Book what is still to be booked."""
        await self._presence.close()
        await self._pipeline.close()
        await self._redis.aclose()

    def admit(self, tenant: Tenant, lease_seconds: float, reply: Reply, serve: Serve, refuse: Refuse) -> None:
        limits = _limits(tenant)
        entered = Entered(reply, partial(self._left, tenant))
        if not limits.counts_requests:
            serve(entered)
            return
        place = next(self._ids)
        enter = (1, _or_none(limits.interval), limits.burst, _or_none(limits.concurrent), 0, -1, 0, -1, 0)

        def judged(result: Known) -> None:
            leave = partial(self._settle, tenant, place, b"", _NOTHING) if limits.concurrent is not None else None
            try:
                self._judge(tenant, result)
            except TiermeshError as error:
                refuse(error, entered)
                return
            if not entered.gone:
                entered.leave = leave
                serve(entered)
            elif leave is not None:
                leave()

        self._run(tenant, "reserve", (place, _lease(lease_seconds), *enter), judged)

    async def reserve(self, tenant: Tenant, lease_seconds: float, use: Use) -> Settle:
        limits = _limits(tenant)
        answered: asyncio.Future[Known] = asyncio.get_running_loop().create_future()
        # What is not limited is not counted.
        tokens = use.tokens if limits.tokens is not None else 0
        money = use.microdollars if limits.microdollars is not None else 0
        amounts = (tokens, _or_none(limits.tokens), money, _or_none(limits.microdollars), int(limits.hard))

        def known(result: Known) -> None:
            if answered.cancelled():
                self._settle(tenant, "", _hold(result), _NOTHING)
            else:
                answered.set_result(result)

        self._run(tenant, "reserve", (next(self._ids), _lease(lease_seconds), 0, -1, 1, -1, *amounts), known)
        try:
            result = await answered
        except asyncio.CancelledError:
            if not answered.cancelled():  # it came in the very moment in which nobody waited any more
                self._settle(tenant, "", _hold(answered.result()), _NOTHING)
            raise
        self._judge(tenant, result)
        return partial(self._settle, tenant, "", _hold(result))

    def _settle(self, tenant: Tenant, place: str, hold: bytes, use: Use) -> None:
        if place or hold:
            limits = _limits(tenant)
            tokens = use.tokens if limits.tokens is not None else 0
            money = use.microdollars if limits.microdollars is not None else 0
            # Where Redis does not hear of it, the lease does the rest.
            self._run(tenant, "settle", (place, hold, tokens, money), lambda result: None)

    def _run(
        self, tenant: Tenant, script: str, arguments: tuple[str | bytes | int, ...], then: Callable[[Known], None]
    ) -> None:
        if not self._presence.up:
            then(RedisError("it does not answer"))
            return

        def heard(result: Known) -> None:
            if isinstance(result, RedisError):
                self._presence.lost(result)
            else:
                self._heard[tenant.name] = result
            then(result)

        keys = [f"tiermesh:{{{tenant.name}}}:{part}" for part in ("account", "places", "holds")]
        self._pipeline.add(Run(text_of(script), keys, arguments, heard))

    def _judge(self, tenant: Tenant, result: Known) -> None:
        """Raises TiermeshError where the request must not go on."""
        if isinstance(result, RedisError):
            if not self._allows:
                message = "Your quotas cannot be counted at the moment."
                raise TiermeshError(Code.UNAVAILABLE, message, "Try again in a moment.", retry_after_seconds=1)
            self.metrics.quotas_uncounted.inc()
        elif what := result[0].decode():
            wait = int(result[1])
            raise refusals.error(Refusal(what, None if wait < 0 else wait), _limits(tenant))

    def _left(self, tenant: Tenant) -> bytes:
        result = self._heard.get(tenant.name)
        return b"" if result is None else headers.render(_limits(tenant), _standing(_limits(tenant), result))


def _limits(tenant: Tenant) -> Limits:
    assert tenant.limits is not None, "only tenants with limits come to a desk"
    return tenant.limits


def _hold(result: Known) -> bytes:
    return b"" if isinstance(result, RedisError) else result[2]


def _or_none(limit: int | None) -> int:
    return -1 if limit is None else limit


def _lease(seconds: float) -> int:
    return round((seconds + LEASE_SLACK_SECONDS) * SECOND)


def _standing(limits: Limits, result: Result) -> Standing:
    ahead, window, slot, now = (int(number) for number in result[3:])
    requests = limits.burst - (-(-ahead // limits.interval) if limits.interval else 0)
    reset = (slot + SLOTS) * SLOT - now if window else 0
    return max(0, requests), ahead, max(0, (limits.tokens or 0) - window), reset


@cache
def text_of(name: str) -> str:
    folder = Path(__file__).with_name("scripts")
    return (folder / "account.lua").read_text() + (folder / f"{name}.lua").read_text()
