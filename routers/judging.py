"""Judging: judges mark a sample of the answers, beside the callers' own requests and never in their way.

An answer is judged once it is whole and on its way to its caller, by a request that no tenant pays and no breaker,
place or retry budget hears of. What cannot be marked is counted and is no mark: nobody is asked again, and nobody takes
it for a bad answer.
"""

import asyncio
import logging
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import NamedTuple
from uuid import uuid4

from control_plane.spec.errors import TiermeshError
from control_plane.spec.events import Mark
from control_plane.spec.models import Operation
from observability.metrics import RouterMetrics
from routers.asking import OpenAIAsker
from routers.assignment import Seen
from routers.call import Call
from routers.decision import Match
from routers.judge import Judge, mark, question
from routers.overhearing import Heard, Overheard
from routers.protocols import completion
from routers.protocols.completion import Kind
from routers.quotas import metering
from routers.runtime import Backend
from routers.upstream import UpstreamClient, UpstreamLimits

_LOG = logging.getLogger(__name__)

MOST_WAITING = 64
"""Answers that one judge Model marks or is to mark; one more is dropped."""
MOST_AT_ONCE = 8
"""That it marks at once."""
SECONDS = 60.0
"""For one mark, from when its turn has come."""
MOST_ANSWER_BYTES = 256 * 1024
"""Of what a judge answers: no mark takes as much."""
_PICODOLLARS = 1e12
"""Of a dollar."""
_JUDGED = (Operation.CHAT, Operation.COMPLETIONS)


class Case(NamedTuple):
    """An answer that one judge is to mark."""

    judge: Judge
    call: Call
    """The caller's own: what an arm adds to it is no part of the question."""
    seen: Seen
    """Which arm it had, and whom it was for."""


class Judging:
    """Overhears answers, has them marked and hands the marks on. Belongs to one event loop."""

    def __init__(
        self, add: Callable[[Sequence[bytes]], None], metrics: RouterMetrics, seconds: float = SECONDS
    ) -> None:
        """`add` takes marks, each the JSON of a `control_plane.spec.events.Mark`; a judge has so many `seconds`."""
        # Connections of their own: a slow judge takes none from callers.
        self._client = UpstreamClient(UpstreamLimits(max_answer_bytes=MOST_ANSWER_BYTES))
        self._asker = OpenAIAsker(self._client)
        self._add = add
        self._metrics = metrics
        self._seconds = seconds
        self._waiting: Counter[str] = Counter()
        self._turns: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(MOST_AT_ONCE))
        self._under_way: set[asyncio.Task[str]] = set()

    def overhear(self, call: Call, asked: Call, match: Match) -> Call:
        """The call with its answer overheard, where a judge is to mark it. `asked` is the caller's own."""
        if match.assignment is None or call.operation not in _JUDGED:
            return call
        drawn = (Case(judge, asked, match.assignment[judge.place]) for judge in match.route.judges)
        cases = [case for case in drawn if not case.seen.ruling.forced and case.judge.draws(call.request_id)]
        if not cases:
            return call
        return replace(call, dialect=Overheard(call.dialect, call.operation, partial(self._hear, cases)))

    def close(self) -> None:
        """Stop what is under way: it stays without a mark."""
        for task in self._under_way:
            task.cancel()
        self._client.close()

    def _hear(self, cases: Sequence[Case], heard: Heard) -> None:
        for case in cases:
            name = case.judge.backend.name
            if self._waiting[name] >= MOST_WAITING:
                self._count(case, "dropped")
                continue
            self._waiting[name] += 1
            task = asyncio.get_running_loop().create_task(self._judge(case, heard))
            self._under_way.add(task)
            task.add_done_callback(partial(self._over, case))

    async def _judge(self, case: Case, heard: Heard) -> str:
        """Have it marked. Returns what came of that."""
        judge, asked, answer = case.judge, question(case.call.fields), heard.text
        if heard.lost:
            return "unread"
        call = judge.call(asked, answer, uuid4().hex)
        async with self._turns[judge.backend.name]:
            async with asyncio.timeout(self._seconds):
                body = await self._ask(call, judge.backend)
        said = completion.read_answer(body)
        value = mark("".join([piece.text for piece in said.pieces if piece.kind is Kind.TEXT]))
        if value is None:
            return "unclear"
        self._report(case, call.request_id, value)
        return "marked"

    async def _ask(self, call: Call, backend: Backend) -> bytes:
        begun = await self._asker.begin(call, backend, random.choice(backend.endpoints), self._seconds)
        usage = metering.usage(begun.body)
        if usage is not None:
            price = backend.price
            cost = usage.prompt * price.input_picodollars_per_token + usage.answer * price.output_picodollars_per_token
            self._metrics.judge_cost(backend.name, usage.prompt + usage.answer, cost / _PICODOLLARS)
        return begun.body

    def _report(self, case: Case, name: str, value: float) -> None:
        unit = case.seen.unit
        assert unit is not None  # it has an arm
        said = Mark(
            id=name,
            tenant=case.call.tenant,
            at=datetime.now(UTC),
            requestId=case.call.request_id,
            unit=unit.decode(),
            name=case.judge.compiled.marks,
            value=value,
        )
        self._add([said.model_dump_json().encode()])

    def _over(self, case: Case, task: asyncio.Task[str]) -> None:
        self._waiting[case.judge.backend.name] -= 1
        self._under_way.discard(task)
        error = None if task.cancelled() else task.exception()
        self._count(case, "failed" if task.cancelled() or error else task.result())
        if error is not None and not isinstance(error, TiermeshError | TimeoutError):
            _LOG.error("A judge failed in a way that it should not.", exc_info=error)

    def _count(self, case: Case, what: str) -> None:
        ruling = case.seen.ruling
        self._metrics.judged(ruling.trial, ruling.arm or "", what)
