"""Lease: of several operators one leads. Who cannot renew in time ends, before another may lead.

As client-go does it: nobody trusts another's clock. A Lease is free when it has not changed for as long as it lasts,
by one's own.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Protocol

from control_plane.spec.errors import Code, TiermeshError

logger = logging.getLogger(__name__)

RENEWALS = 5
"""In the time that a Lease lasts: a few may fail."""
_SURRENDER = 2 / 3
"""Of that time: who has not renewed by then leads no more. The rest is for what is under way to end."""


@dataclass(frozen=True, slots=True)
class Holding:
    """What a Lease says."""

    holder: str
    """Empty: nobody."""
    seconds: int
    transitions: int = 0
    acquired: str | None = None
    renewed: str | None = None
    version: str | None = None
    """Its resourceVersion; None: there is no such Lease yet."""


class Store(Protocol):
    """Where the Lease is kept."""

    async def read(self) -> Holding | None:
        """What it says now; None where there is none. Raises TiermeshError."""

    async def write(self, holding: Holding) -> Holding:
        """Write it over `holding.version`. Raises TiermeshError(CONFLICT) where somebody else was faster."""


class Lease:
    """One process's part in it."""

    def __init__(
        self,
        store: Store,
        name: str,
        seconds: int,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`name` is who this is, `seconds` how long the Lease lasts, `clock` a monotonic one."""
        self._store = store
        self._name = name
        self._seconds = seconds
        self._clock = clock
        self._sleep = sleep
        self._seen: Holding | None = None
        self._seen_at = 0.0
        self._held: Holding | None = None

    async def acquire(self) -> None:
        """Come back once this process leads."""
        while True:
            try:
                if await self._try():
                    logger.info("leads", extra={"fields": {"name": self._name}})
                    return
            except TiermeshError as error:
                if error.code is not Code.CONFLICT:
                    logger.warning("the Lease cannot be asked", extra={"fields": {"why": str(error)}})
            await self._sleep(self._seconds / RENEWALS)

    async def hold(self) -> None:
        """Renew for ever. Raises TiermeshError(UNAVAILABLE) once this process leads no more."""
        renewed_at = self._clock()
        while True:
            await self._sleep(self._seconds / RENEWALS)
            try:
                async with asyncio.timeout(self._seconds / RENEWALS):
                    self._held = await self._renew()
                renewed_at = self._clock()
            except (TiermeshError, TimeoutError) as error:
                lost = isinstance(error, TiermeshError) and error.code is Code.CONFLICT
                if lost or self._clock() - renewed_at >= self._seconds * _SURRENDER:
                    message = f"The Lease is lost: {str(error) or 'the API server takes too long.'}"
                    raise TiermeshError(Code.UNAVAILABLE, message, "Another operator leads now.") from error

    async def release(self) -> None:
        """Let another one lead at once."""
        if self._held is None:
            return
        try:
            await self._store.write(replace(self._held, holder="", seconds=1, renewed=_now()))
        except TiermeshError as error:
            logger.info("the Lease was not released", extra={"fields": {"why": str(error)}})
        self._held = None

    async def _try(self) -> bool:
        found = await self._store.read()
        if found != self._seen:
            self._seen, self._seen_at = found, self._clock()
        if found is not None and found.holder not in ("", self._name) and not self._has_lapsed(found):
            return False
        changes = found is not None and found.holder != self._name
        self._held = await self._store.write(
            Holding(
                holder=self._name,
                seconds=self._seconds,
                transitions=(found.transitions + changes) if found else 0,
                acquired=_now(),
                renewed=_now(),
                version=found.version if found else None,
            )
        )
        return True

    def _has_lapsed(self, found: Holding) -> bool:
        return self._clock() - self._seen_at >= found.seconds

    async def _renew(self) -> Holding:
        assert self._held is not None  # only who leads renews
        try:
            return await self._store.write(replace(self._held, renewed=_now()))
        except TiermeshError as error:
            found = await self._store.read() if error.code is Code.CONFLICT else None
            if found is None or found.holder != self._name:
                raise
            return found  # somebody wrote a label on it


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
