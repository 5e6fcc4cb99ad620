"""The door to Redis: one connection pool for each that asks."""

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from control_plane.spec.errors import Code, TiermeshError

TIMEOUT_SECONDS = 2.0
"""Of one batch: Redis answers in milliseconds, or it is away."""


def connect(url: str, timeout_seconds: float = TIMEOUT_SECONDS) -> Redis:
    """A client that sends nothing twice: what came of a batch whose answer was lost is for its sender to judge.

    Raises TiermeshError(SETUP) for a bad URL.
    """
    try:
        return Redis.from_url(
            url,
            socket_timeout=timeout_seconds,
            socket_connect_timeout=timeout_seconds,
            retry=Retry(NoBackoff(), 0),
        )
    except ValueError as error:
        message = "TIERMESH_ROUTER_REDIS_URL is not the address of a Redis."
        raise TiermeshError(Code.SETUP, message, "Write it as redis://HOST:PORT/DATABASE.") from error
