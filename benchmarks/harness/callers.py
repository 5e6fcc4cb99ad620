"""Callers who ask at a steady rate, whatever comes back, and say how each answer ended."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import httpx2

READY_SECONDS = 0.1
"""Between two looks at whether a router is ready."""
_EVENTS, _GAP_US = 20, 10_000
"""Of a stream: it is under way for 0.2 s, so that some are whenever something is killed."""


class Ending(StrEnum):
    """How an answer ended."""

    WHOLE = "whole"
    REFUSED = "an error before the first token"
    CUT = "an error after the first token, in the protocol's own shape"
    LOST = "broken, and nothing says so"


def ending(status: int, stream: bool, body: bytes) -> Ending:
    """How an answer ended that came with this status and body."""
    if status != 200:
        return Ending.REFUSED
    if not stream:
        return Ending.WHOLE if body.endswith(b"}") else Ending.LOST
    *events, last, rest = body.split(b"\n\n") if b"\n\n" in body else (b"", body)
    if rest:
        return Ending.LOST
    if last == b"data: [DONE]":
        return Ending.WHOLE if not any(event.startswith(b'data: {"error"') for event in events) else Ending.LOST
    if not last.startswith(b'data: {"error"'):
        return Ending.LOST
    return Ending.CUT if any(b'"content":"' in event for event in events) else Ending.REFUSED


@dataclass(slots=True)
class Tally:
    """What became of the requests so far."""

    endings: Counter[Ending] = field(default_factory=Counter)
    models: Counter[str] = field(default_factory=Counter)
    """Which Model answered."""

    @property
    def failed(self) -> int:
        """Requests that a caller could not but notice, cut streams aside."""
        return self.endings[Ending.REFUSED] + self.endings[Ending.LOST]

    def __str__(self) -> str:
        return f"{self.endings.total():,} asked, {self.failed} failed, {self.endings[Ending.CUT]} cut"


@dataclass(frozen=True, slots=True)
class Site:
    """Where a router is."""

    port: int
    admin_port: int


class Callers:
    """Ask the routers that say that they are ready, in turns."""

    def __init__(self, http: httpx2.AsyncClient, sites: list[Site]) -> None:
        self.tally = Tally()
        self._http = http
        self._sites = sites
        self._ready = list(sites)

    async def watch(self) -> None:
        """Look who is ready, for ever."""
        while True:
            found = await asyncio.gather(*map(self.is_ready, self._sites))
            self._ready = [site for site, ready in zip(self._sites, found, strict=True) if ready]
            await asyncio.sleep(READY_SECONDS)

    async def is_ready(self, site: Site) -> bool:
        """Whether this router takes requests."""
        try:
            return (await self._http.get(f"http://127.0.0.1:{site.admin_port}/readyz")).status_code == 200
        except httpx2.TransportError:
            return False

    async def ask(self, number: int) -> None:
        """One question, every other one streamed. Where a router cannot be connected to, the next one is asked: nothing
        has been sent then. Nothing else is tried again."""
        ready = self._ready or self._sites
        for turn in range(len(ready)):
            try:
                found = await self._ask(ready[(number + turn) % len(ready)], number)
            except httpx2.ConnectError:
                continue
            except httpx2.TransportError:
                found = Ending.LOST
            self.tally.endings[found] += 1
            return
        self.tally.endings[Ending.REFUSED] += 1

    async def _ask(self, site: Site, number: int) -> Ending:
        stream = number % 2 == 1
        asked: dict[str, Any] = {"model": "bench", "messages": [{"role": "user", "content": f"Parcel {number}?"}]}
        if stream:
            asked |= {"stream": True, "max_tokens": _EVENTS, "seed": _GAP_US}
        response = await self._http.post(f"http://127.0.0.1:{site.port}/v1/chat/completions", json=asked)
        self.tally.models[response.headers.get("x-tiermesh-model", "")] += 1
        return ending(response.status_code, stream, response.content)


async def at_rate(rate: float, seconds: float, ask: Callable[[int], Awaitable[None]]) -> None:
    """Call `ask` with 0, 1, 2 … on schedule, `rate` times a second; returns once all have ended."""
    loop = asyncio.get_running_loop()
    begin = loop.time()
    async with asyncio.TaskGroup() as group:
        for number in range(round(rate * seconds)):
            await asyncio.sleep(max(0.0, begin + number / rate - loop.time()))
            group.create_task(_called(ask, number))


async def _called(ask: Callable[[int], Awaitable[None]], number: int) -> None:
    await ask(number)
