"""What the three servers have in common: the handler, and a reply for servers whose `send` is awaited."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.models import Protocol
from observability.metrics import RouterMetrics
from routers.asking import OpenAIAsker
from routers.cache.exact import ExactCache
from routers.handler import Router
from routers.http import Headers
from routers.ledger import Ledger
from routers.quotas.memory import MemoryDesk
from routers.runtime import Runtime
from routers.serving import Serving
from routers.settings import RouterSettings
from routers.sources import FileSource
from routers.upstream import UpstreamClient, UpstreamLimits

_HIGH_WATER_BYTES = 64 * 1024
"""As asyncio's transports have it."""


async def router(settings: RouterSettings) -> Router:
    """The router's handler core with the documents of `TIERMESH_ROUTER_CONFIG`; no watcher, no admin port, no log.

    Raises TiermeshError where the documents are not valid.
    """
    metrics = RouterMetrics()
    client = UpstreamClient(UpstreamLimits())
    desk = MemoryDesk()
    askers = {Protocol.OPENAI: OpenAIAsker(client)}
    serving = Serving(askers, ExactCache(settings.cache_max_bytes), Ledger(metrics, None), desk, metrics)
    found = Router(serving, desk, metrics)
    first = await FileSource(settings.config).next(None) if settings.config else None
    if first is None:
        raise TiermeshError(Code.SETUP, "There are no documents to serve.", "Set TIERMESH_ROUTER_CONFIG.")
    found.runtime = Runtime.build(first.snapshot)
    return found


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole answer."""

    status: int
    headers: Headers
    body: bytes


@dataclass(frozen=True, slots=True)
class Start:
    """A stream begins; bytes follow, then END or ABORT."""

    status: int
    headers: Headers


END, ABORT = object(), object()


def pairs(headers: Headers) -> list[tuple[bytes, bytes]]:
    """Headers as other servers take them."""
    lines = [line.partition(b": ") for line in headers.splitlines()]
    return [(name, value) for name, _, value in lines]


class QueuedReply:
    """A `routers.http.Reply` that keeps what the handler writes until the server's coroutine takes it."""

    __slots__ = ("_left", "_loop", "_queue", "_waiter", "buffered_bytes", "congested", "on_disconnect", "on_drain")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._queue: deque[object] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._left = False
        self.buffered_bytes = 0
        self.congested = False
        self.on_disconnect: Callable[[], None] | None = None
        self.on_drain: Callable[[], None] | None = None

    def send(self, status: int, headers: Headers, body: bytes) -> None:
        self._put(Whole(status, headers, body))

    def start(self, status: int, headers: Headers) -> None:
        self._put(Start(status, headers))

    def write(self, data: bytes) -> None:
        if data and not self._left:
            self.buffered_bytes += len(data)
            self.congested = self.buffered_bytes > _HIGH_WATER_BYTES
            self._put(data)

    def end(self) -> None:
        self._put(END)

    def abort(self) -> None:
        self._put(ABORT)

    def _put(self, piece: object) -> None:
        if self._left:
            return
        self._queue.append(piece)
        if self._waiter and not self._waiter.done():
            self._waiter.set_result(None)

    async def take(self) -> object:
        """The next piece: Whole, Start, bytes, END or ABORT."""
        if not self._queue:
            self._waiter = self._loop.create_future()
            await self._waiter
        piece = self._queue.popleft()
        if isinstance(piece, bytes):
            self.buffered_bytes -= len(piece)
        if self.congested and not self._queue:
            self.congested = False
            if self.on_drain:
                self.on_drain()
        return piece

    def leave(self) -> None:
        """The caller has left: nothing more is written, and the handler hears of it."""
        if self._left:
            return
        self._put(ABORT)
        self._left = True
        if self.on_disconnect:
            self.on_disconnect()
