"""Notices: what one control plane publishes wakes who waits at the others."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

import psycopg
from sqlalchemy import URL, text

from control_plane.store import postgres
from control_plane.store.database import Transaction

logger = logging.getLogger(__name__)

_CHANNEL = "tiermesh_snapshots"
POLL_SECONDS = 5.0
"""How late news are at most while no notice comes through: between two looks at the database itself."""
_RETRY_SECONDS = 1.0


def announce(transaction: Transaction, number: int) -> None:
    """Tell the others with the commit, and not at all where there is none."""
    if transaction.dialect.name == "postgresql":
        transaction.execute(text("SELECT pg_notify(:channel, :number)"), {"channel": _CHANNEL, "number": str(number)})


async def follow(url: URL, on_news: Callable[[], Awaitable[None]]) -> None:
    """Call `on_news` when a snapshot may have been published, for ever: at each notice, after each pause, and when the
    connection was lost, since notices may have been, too.

    It has a connection of its own, in the driver's own terms: a pooled one goes back too soon to hear anything.
    """
    while True:
        try:
            async with await psycopg.AsyncConnection.connect(**postgres.arguments(url), autocommit=True) as connection:
                await connection.execute(f"LISTEN {_CHANNEL}")
                while True:
                    await on_news()
                    async for _ in connection.notifies(timeout=POLL_SECONDS, stop_after=1):
                        pass
        except psycopg.Error as error:
            logger.warning("no notices from the database", extra={"fields": {"error": type(error).__name__}})
            await on_news()
            await asyncio.sleep(_RETRY_SECONDS)
