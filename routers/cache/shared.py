"""Shared: what routers tell each other of the semantic cache, through one stream in Redis.

Each router writes what it keeps and learns, and reads what all have written, from the stream's beginning when it
starts: so a restart keeps entries, and several routers learn together. While Redis is away, each answers from its own
memory and says so; what it would have told the others meanwhile is lost to them, and counted.
"""

import asyncio
import logging
import secrets
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

from redis.exceptions import RedisError

from control_plane.spec.errors import Code, TiermeshError
from observability.metrics import RouterMetrics
from routers.cache import wire
from routers.cache.shelf import Lying, Shelf
from routers.cache.wire import Fields, Purged, Record
from routers.redis_client import connect

_LOG = logging.getLogger(__name__)

_FORMAT = 1
"""Routers that write another way have another stream."""
_BLOCK_SECONDS = 1.0
"""How long a read waits for more; so often what is too old is taken away."""
_TIMEOUT_SECONDS = 5.0
_RETRY_SECONDS = 1.0
_AT_ONCE = 64
"""Records of a batch: a question waits for no more than these."""
MOST_WAITING = 256
"""Records that are to be written; one more is not shared."""
_UNREAD_SECONDS = 24 * 3600.0
"""How long a record that is none may lie there: it may be of a router that writes more than this one knows."""


class Seen(NamedTuple):
    """What was read from the stream."""

    fields: Fields
    own: bool
    """Whether this router has written it."""
    old: bool
    """Whether it lay there when this router began to read."""


Absorb = Callable[[Sequence[Seen]], Awaitable[Sequence[Record | None]]]
"""Takes what others have written in; returns what each was, None for what is none."""

_AWAY = (RedisError, OSError, TimeoutError)


class SharedStream:
    """Belongs to one event loop; only `say` is for other threads too."""

    def __init__(self, url: str, encoder: str, max_bytes: int, metrics: RouterMetrics) -> None:
        """Vectors of another `encoder` are in another stream. Raises TiermeshError(SETUP) for a bad URL."""
        self._redis = connect(url, _TIMEOUT_SECONDS)
        self._key = f"tiermesh:semantic:{_FORMAT}:{encoder}"
        self._metrics = metrics
        self._me = secrets.token_bytes(8)
        self._shelf = Shelf(max_bytes)
        self._forgotten: list[bytes] = []
        """Ids that are to be taken out of Redis."""
        self._waiting: deque[Record] = deque()
        self._more = asyncio.Event()
        self._writing = asyncio.Lock()
        self._progress = asyncio.Condition()
        self._ends = 0.0
        self._last = b"0-0"
        self._began: tuple[int, int] | None = None
        self._closed = False
        self._known = self._up = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, absorb: Absorb, purged: Callable[[str | None], object]) -> None:
        """Read and write from now on. `purged` hears, on the event loop, of every purge that any router was told."""
        loop = self._loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(work) for work in (self._write_all(), self._read_all(absorb, purged))]
        for task in self._tasks:
            task.add_done_callback(self._ended)

    async def close(self) -> None:
        """Neither read nor write any more."""
        self._closed = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._redis.aclose()

    def say(self, records: Sequence[Record]) -> None:
        """Tell the others, some time soon."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._add, records)

    async def purge(self, route: str | None) -> None:
        """Have every router forget a Route, or with None all, and take its records out of Redis. Returns when this one
        has.

        Raises TiermeshError(UNAVAILABLE) where Redis is away.
        """
        self._waiting = deque(record for record in self._waiting if not _is_of(record, route))
        purge: dict[Any, Any] = wire.write(Purged(route, time.time() + wire.LEARNED_SECONDS))
        try:
            async with self._writing:  # a purge comes after what was written before it
                name: Any = await self._redis.xadd(self._key, purge)
            async with asyncio.timeout(_TIMEOUT_SECONDS), self._progress:
                # What others wrote before it may have been taken in just now, and goes with it.
                await self._progress.wait_for(lambda: _place(self._last) >= _place(name))
        except _AWAY as error:
            self._lost(error)
            message = "This router has forgotten; the others and Redis could not be told: Redis is away."
            raise TiermeshError(Code.UNAVAILABLE, message, "Purge again when Redis is back.") from error

    def _add(self, records: Sequence[Record]) -> None:
        for record in records:
            if len(self._waiting) < MOST_WAITING:
                self._waiting.append(record)
            else:
                self._metrics.semantic_unshared.inc()
        self._more.set()

    async def _write_all(self) -> None:
        while not self._closed:
            await self._more.wait()
            self._more.clear()
            while self._waiting:
                batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), _AT_ONCE))]
                try:
                    await self._write(batch)
                except _AWAY as error:
                    self._lost(error)
                    self._metrics.semantic_unshared.inc(len(batch))

    async def _write(self, records: Sequence[Record]) -> None:
        pipeline = self._redis.pipeline(transaction=False)
        for record in records:
            try:
                fields: dict[Any, Any] = {**wire.write(record), b"by": self._me}
                pipeline.xadd(self._key, fields)
            except ValueError:
                self._metrics.semantic_unshared.inc()
        self._ends = max(self._ends, *(record.expires_at for record in records))
        pipeline.expireat(self._key, int(self._ends) + 1)  # where no router is left to take away what is too old
        async with self._writing:
            await pipeline.execute()

    async def _read_all(self, absorb: Absorb, purged: Callable[[str | None], object]) -> None:
        while not self._closed:
            try:
                batch = await self._read()
            except _AWAY as error:
                self._lost(error)
                await self._redis.connection_pool.disconnect(inuse_connections=False)  # they are broken too
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            self._found()
            await self._take_in(batch, absorb, purged)
            self._forgotten += self._shelf.overdue(time.time())
            try:
                await self._remove_forgotten()
            except _AWAY as error:
                self._lost(error)

    async def _read(self) -> list[tuple[bytes, Fields]]:
        if self._began is None:
            newest: Any = await self._redis.xrevrange(self._key, count=1)
            self._began = _place(newest[0][0]) if newest else (0, 0)
        block = int(_BLOCK_SECONDS * 1000)
        streams: Any = await self._redis.xread({self._key: self._last}, count=_AT_ONCE, block=block)
        batch: list[tuple[bytes, Fields]] = streams[0][1] if streams else []
        return batch

    async def _take_in(
        self, batch: Sequence[tuple[bytes, Fields]], absorb: Absorb, purged: Callable[[str | None], object]
    ) -> None:
        if not batch or self._closed:
            return
        seen = [Seen(fields, fields.get(b"by") == self._me, self._is_old(name)) for name, fields in batch]
        records = await absorb(seen)
        for (name, fields), record in zip(batch, records, strict=True):
            size_bytes = sum(len(part) for field in fields.items() for part in field)
            if record is None:
                self._metrics.semantic_unread.inc()
                self._shelf.put(name, Lying(size_bytes, time.time() + _UNREAD_SECONDS, None))
                continue
            self._ends = max(self._ends, record.expires_at)
            self._shelf.put(name, Lying(size_bytes, record.expires_at, _route_of(record)))
            if isinstance(record, Purged):
                if not self._is_old(name):
                    purged(record.route)
                self._forgotten += self._shelf.purge(record.route)
        self._last = batch[-1][0]
        async with self._progress:
            self._progress.notify_all()

    def _is_old(self, name: bytes) -> bool:
        return self._began is not None and _place(name) <= self._began

    async def _remove_forgotten(self) -> None:
        while self._forgotten:
            await self._redis.xdel(self._key, *self._forgotten[:_AT_ONCE])
            del self._forgotten[:_AT_ONCE]

    def _ended(self, task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._metrics.semantic_redis_away.set(1)
            _LOG.error("The semantic cache is no longer shared: this is a bug.", exc_info=error)

    def _lost(self, why: BaseException) -> None:
        if self._up or not self._known:
            fields = {"why": str(why)[:200], "consequence": "each router answers from its own memory"}
            _LOG.error("Redis is away: the semantic cache is not shared.", extra={"fields": fields})
        self._known, self._up = True, False
        self._metrics.semantic_redis_away.set(1)

    def _found(self) -> None:
        if not self._up:
            _LOG.info("Redis answers: the semantic cache is shared with the other routers.")
        self._known = self._up = True
        self._metrics.semantic_redis_away.set(0)


def _place(name: bytes) -> tuple[int, int]:
    """Of an id in the stream."""
    milliseconds, _, number = name.partition(b"-")
    return int(milliseconds), int(number)


def _route_of(record: Record) -> str | None:
    return None if isinstance(record, Purged) else record.scope.owner.route


def _is_of(record: Record, route: str | None) -> bool:
    return not isinstance(record, Purged) and route in (None, record.scope.owner.route)
