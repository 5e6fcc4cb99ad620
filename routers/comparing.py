"""Comparing: a judge says of which kind an answer is, for the semantic cache, once its caller has it.

Whatever is not a clear yes is a no: a judge that is late, fails, says something else or has too much to do makes
answers different, never the same. And a yes comes sooner than a no, but is not told sooner: each partition hears of its
answers in their order. So none is missing in what the cache learns from because of what it was.
"""

import asyncio
import logging
from collections import OrderedDict, deque
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, NamedTuple
from uuid import uuid4

from control_plane.spec.errors import TiermeshError
from observability.metrics import RouterMetrics
from routers import sameness
from routers.bench import Bench

if TYPE_CHECKING:
    from routers.cache.answers import Kind  # whose packages are for those who use them
    from routers.runtime import Backend

_LOG = logging.getLogger(__name__)

MOST_COMPARED = 3
"""Kinds that an answer is compared with, one after the other, until it is of one."""
_MOST_KNOWN = 4096
"""Verdicts that are remembered, as numbers: a judge is not asked twice about the same two texts."""
MOST_HELD = 256
"""Answers that wait, for a verdict or behind one; one more is not told, whatever it is."""
_Pair = tuple[str, str, int, int]

Then = Callable[["Kind | None"], object]
"""Hears of which kind an answer is; None: of none of those that it was compared with."""


class Comparison(NamedTuple):
    """An answer, and what it may be the same as."""

    judge: "Backend"
    route: str
    partition: bytes
    """Of the cache: in each, answers are told in their order."""
    text: str
    kinds: "tuple[Kind, ...]"
    """None at all: there is nothing to ask."""


class _Turn:
    """Of one answer, in its partition's line."""

    __slots__ = ("kind", "over", "then")

    def __init__(self, then: Then) -> None:
        self.then = then
        self.kind: Kind | None = None
        self.over = False


class Comparing:
    """Has answers compared. Belongs to one event loop."""

    def __init__(self, bench: Bench, metrics: RouterMetrics) -> None:
        """The `bench` is closed with it."""
        self._bench = bench
        self._metrics = metrics
        self._known: OrderedDict[_Pair, bool] = OrderedDict()
        self._lines: dict[bytes, deque[_Turn]] = {}
        self._held = 0
        self._under_way: set[asyncio.Task[Kind | None]] = set()
        self._closed = False

    def begin(self, comparison: Comparison, then: Then) -> None:
        """Tell `then`, now or later, of which kind the answer is."""
        if self._closed:
            return
        if self._held >= MOST_HELD:
            self._metrics.compared(comparison.route, "dropped")
            return
        self._held += 1
        turn = _Turn(then)
        self._lines.setdefault(comparison.partition, deque()).append(turn)
        if not comparison.kinds:
            self._tell(comparison.partition, turn, None)
        elif not self._bench.enter(comparison.judge):
            self._metrics.compared(comparison.route, "dropped")
            self._tell(comparison.partition, turn, None)
        else:
            task = asyncio.get_running_loop().create_task(self._compare(comparison))
            self._under_way.add(task)
            task.add_done_callback(partial(self._over, comparison, turn))

    def close(self) -> None:
        """Stop what is under way: nobody hears of it."""
        self._closed = True
        for task in self._under_way:
            task.cancel()
        self._bench.close()

    async def _compare(self, comparison: Comparison) -> "Kind | None":
        for kind in comparison.kinds[:MOST_COMPARED]:
            if kind.text is not None and await self._is_same(comparison, kind.text):
                return kind
        return None

    async def _is_same(self, comparison: Comparison, first: str) -> bool:
        judge, route, _, text, _ = comparison
        if not (sameness.is_readable(first) and sameness.is_readable(text)):
            return False
        pair = (judge.name, judge.version, hash(first), hash(text))
        if (known := self._known.get(pair)) is not None:
            return known
        same = sameness.verdict(await self._bench.ask(sameness.call(judge, first, text, uuid4().hex), judge))
        self._metrics.compared(route, {True: "same", False: "different", None: "unclear"}[same])
        if same is not None:
            self._known[pair] = same
            if len(self._known) > _MOST_KNOWN:
                self._known.popitem(last=False)
        return same is True

    def _over(self, comparison: Comparison, turn: _Turn, task: "asyncio.Task[Kind | None]") -> None:
        self._bench.leave(comparison.judge)
        self._under_way.discard(task)
        if task.cancelled() or self._closed:
            return
        error = task.exception()
        if error is not None:
            self._metrics.compared(comparison.route, "failed")
            if not isinstance(error, TiermeshError | TimeoutError):
                _LOG.error("A judge failed in a way that it should not.", exc_info=error)
        self._tell(comparison.partition, turn, None if error is not None else task.result())

    def _tell(self, partition: bytes, turn: _Turn, kind: "Kind | None") -> None:
        """It is known; told are all that nobody stands before any more."""
        turn.kind, turn.over = kind, True
        line = self._lines[partition]
        while line and line[0].over:
            first = line.popleft()
            self._held -= 1
            first.then(first.kind)
        if not line:
            self._lines.pop(partition, None)
