"""Crossroads: where a question waits while the semantic cache looks for another that means the same.

The same question asked by many at once is looked up once; whoever waits for it gets what is found, or goes on to the
same flight.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from control_plane.spec.warming import WARMING
from routers.asked import Asked, stopping
from routers.cache import questions
from routers.cache.exact import Answer
from routers.call import Call
from routers.comparing import Comparing, Comparison
from routers.decision import Match
from routers.ledger import Ledger
from routers.reasons import Reason
from routers.runtime import Route
from routers.shortcuts import Shortcuts

if TYPE_CHECKING:
    from control_plane.spec.routes import SemanticCache as Policy
    from routers.cache.inspection import Explanation
    from routers.cache.semantic import Found, SemanticCache

_LOG = logging.getLogger(__name__)


GoOn = Callable[[Asked, "Found | None"], None]
"""Has a call answered by a model; told what was looked up, to learn from the answer."""


Purged = Callable[[str | None], object]
"""Forgets a Route's answers, by its document's name, or with None all."""


class Crossroads:
    """Looks questions up. Lives on the event loop."""

    _shortcuts: Shortcuts
    _go_on: GoOn
    _purged: Purged

    def __init__(self, ledger: Ledger, open_cache: "Callable[[], SemanticCache]", comparing: Comparing) -> None:
        """`open_cache` makes the cache once a Route's first question comes: most routers have none, and do without its
        packages and its memory. It may raise TiermeshError(SETUP)."""
        self._ledger = ledger
        self._comparing = comparing
        self._open_cache = open_cache
        self._opening: asyncio.Task[SemanticCache] | None = None
        self._closed = self._stopping = False
        self._waiting: dict[bytes, list[Asked]] = {}
        self._tasks: set[asyncio.Task[Found | None]] = set()

    def lead(self, shortcuts: Shortcuts, go_on: GoOn, purged: Purged) -> None:
        """Where the ways lead: to a kept answer, or on to a model. `purged` hears what other routers were told to
        forget."""
        self._shortcuts = shortcuts
        self._go_on = go_on
        self._purged = purged

    def wait(self, asked: Asked) -> bool:
        """Take a call in, to be answered or to go on later. False where its Route, or its kind, has nothing to wait
        for."""
        call, match = asked.call, asked.match
        key, policy = match.cache_key, match.route.semantic
        if key is None or policy is None or self._closed:
            return False
        question = question_of(call, match)
        if question is None:
            return False
        asked.reply.on_disconnect = lambda: self._leave(key, asked)
        if (others := self._waiting.get(key)) is not None:
            others.append(asked)
            return True
        self._waiting[key] = [asked]
        teaches = not call.request_id.startswith(WARMING)
        task = asyncio.get_running_loop().create_task(self._look(question, policy, teaches))
        self._tasks.add(task)
        task.add_done_callback(lambda task: self._looked(key, task))
        return True

    def tell(self, found: "Found", answer: Answer, route: Route) -> None:
        """What a model answered to a question that was looked up."""
        cache, judge = self.cache, route.referee
        if cache is None or (text := questions.text_of(answer)) is None:
            return
        if judge is None or not found.look.explores:
            cache.tell(found, text, answer)
        else:
            comparison = Comparison(judge, route.name, found.scope.key, text, found.to_compare(text))
            self._comparing.begin(comparison, lambda same: cache.tell(found, text, answer, same))

    @property
    def cache(self) -> "SemanticCache | None":
        """The cache, once it is open."""
        opening = self._opening
        if opening is None or not opening.done() or opening.cancelled() or opening.exception() is not None:
            return None
        return opening.result()

    async def close(self) -> None:
        """Let go of the cache's thread. Who still waits hears that the router stops."""
        self._closed = self._stopping = True
        for task in self._tasks:
            task.cancel()
        self._comparing.close()
        if self.cache is not None:
            await self.cache.close()

    async def explain(self, call: Call, match: Match) -> "Explanation | None":
        """What would become of a call; None where it would not wait here.

        Raises TiermeshError(SETUP) where the cache cannot be opened.
        """
        policy, question = match.route.semantic, question_of(call, match)
        if match.cache_key is None or policy is None or question is None or self._closed:
            return None
        return await (await self._opened()).explain(question)

    async def _look(self, question: questions.Question, policy: "Policy", teaches: bool) -> "Found | None":
        return await (await self._opened()).look(question, policy, teaches)

    async def _opened(self) -> "SemanticCache":
        if self._opening is None:
            self._opening = asyncio.get_running_loop().create_task(self._open())
        return await asyncio.shield(self._opening)

    async def _open(self) -> "SemanticCache":
        cache = await asyncio.to_thread(self._open_cache)
        if not self._stopping:
            cache.start(self._purged)
        return cache

    def _looked(self, key: bytes, task: "asyncio.Task[Found | None]") -> None:
        self._tasks.discard(task)
        waiting = self._waiting.pop(key, [])
        found = None
        if task.cancelled():
            pass  # a model answers, as if there were no cache
        elif (error := task.exception()) is not None:
            _LOG.error("The semantic cache failed; models answer.", exc_info=error)
            self._closed = self._closed or self.cache is None  # what could not be opened is not tried again
        else:
            found = task.result()
        for asked in waiting:
            asked.reply.on_disconnect = None
            self._answer(asked, found)

    def _answer(self, asked: Asked, found: "Found | None") -> None:
        """The outermost handler of what waited: whatever happens, its caller is answered."""
        call, match, reply, started = asked
        try:
            if self._stopping:
                raise stopping()
            if found is not None and (hit := found.look.hit) is not None and _may_answer(hit.payload, match):
                sure = f"a question that means the same was answered before (log odds {found.look.score:.1f})"
                self._shortcuts.replay(
                    call, match, hit.payload, reply, "hit-semantic", started, Reason("semantic-hit", sure)
                )
            else:
                self._go_on(asked, found)
        except Exception as error:  # noqa: BLE001 - one caller's failure must not leave the others without an answer
            asked.refuse(error, self._ledger)

    def _leave(self, key: bytes, asked: Asked) -> None:
        waiting = self._waiting.get(key, [])
        if asked in waiting:
            waiting.remove(asked)
            asked.leave(self._ledger)


def _may_answer(kept: Answer, match: Match) -> bool:
    """Whether a Model of the Route gave it: what other routers share is not believed."""
    return any(backend.name == kept.model for backend in match.route.backends)


def question_of(call: Call, match: Match) -> questions.Question | None:
    """What of a call is compared by meaning, and with what; None for nothing."""
    versions = tuple(f"{backend.name} {backend.version}" for backend in match.route.backends)
    said = call if match.prompted is None else match.prompted.call
    owner = questions.Owner(call.tenant, match.route.name, match.route.revision, match.arm)
    return questions.read(said, owner, versions)
