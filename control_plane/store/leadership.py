"""Leadership: of the control planes on one PostgreSQL, one does what is to be done once."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import psycopg
from sqlalchemy import URL

from control_plane.store import postgres

logger = logging.getLogger(__name__)

BEAT_SECONDS = 1.0
"""Between two looks: at whether the lock is free, and at whether the connection that holds it still lives."""
_LONGEST_NAME = 63
"""What PostgreSQL keeps of an application's name."""

_WHO = """
SELECT activity.application_name FROM pg_locks AS locks JOIN pg_stat_activity AS activity USING (pid)
WHERE locks.locktype = 'advisory' AND locks.granted AND locks.objsubid = 1
AND (locks.classid::bigint << 32 | locks.objid::bigint) = %s
AND locks.database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


class Leadership:
    """Who leads. The lock belongs to one connection: where that is lost, the lock and the leadership are.

    Two may believe to lead for up to a beat, when the connection of one was cut. What a leader does has to bear that:
    writes take turns anyway, and publishing what is in force already does nothing.
    """

    def __init__(self, name: str, on_change: Callable[[bool], None] = lambda _: None) -> None:
        """`on_change` is called in the event loop, with whether this process leads from now on."""
        self.name = name[:_LONGEST_NAME]
        self.leader: str | None = None
        """Who leads, as far as this process knows; None where nobody does or the database does not answer."""
        self._on_change = on_change
        self._leads = False

    @property
    def leads(self) -> bool:
        """Whether this process leads."""
        return self._leads

    def take(self) -> None:
        """Lead for good: there is nobody else."""
        self.leader = self.name
        self._become(True)

    async def seek(self, url: URL) -> None:
        """Lead as soon as nobody else does, for ever."""
        arguments = {**postgres.arguments(url), "application_name": self.name}
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(**arguments, autocommit=True) as connection:
                    while True:
                        await self._look(connection)
                        await asyncio.sleep(BEAT_SECONDS)
            except (psycopg.Error, TimeoutError) as error:
                logger.warning("no connection to lead by", extra={"fields": {"error": type(error).__name__}})
                self.leader = None
                self._become(False)
                await asyncio.sleep(BEAT_SECONDS)
            finally:
                self._become(False)

    async def _look(self, connection: psycopg.AsyncConnection[Any]) -> None:
        async with asyncio.timeout(3 * BEAT_SECONDS):
            if self._leads:
                await connection.execute("SELECT 1")
                return
            row = await (await connection.execute(f"SELECT pg_try_advisory_lock({postgres.LEADING})")).fetchone()
            found = await (await connection.execute(_WHO, (postgres.LEADING,))).fetchone()
        self.leader = found[0] if found else None
        self._become(bool(row and row[0]))

    def _become(self, leads: bool) -> None:
        if leads is not self._leads:
            self._leads = leads
            logger.info("leads" if leads else "leads no more", extra={"fields": {"name": self.name}})
            self._on_change(leads)
