"""Judging: judges mark a sample of the answers, beside the callers' own requests and never in their way.

An answer is judged once it is whole and on its way to its caller. What cannot be marked is counted and is no mark:
nobody takes it for a bad answer.
"""

import asyncio
import logging
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
from routers.assignment import Seen
from routers.bench import Bench
from routers.call import Call
from routers.decision import Match
from routers.judge import Judge, mark, question
from routers.overhearing import Heard, Overheard

_LOG = logging.getLogger(__name__)

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

    def __init__(self, add: Callable[[Sequence[bytes]], None], metrics: RouterMetrics, bench: Bench) -> None:
        """`add` takes marks, each the JSON of a `control_plane.spec.events.Mark`; the `bench` is closed with it."""
        self._bench = bench
        self._add = add
        self._metrics = metrics
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
        self._bench.close()

    def _hear(self, cases: Sequence[Case], heard: Heard) -> None:
        for case in cases:
            if not self._bench.enter(case.judge.backend):
                self._count(case, "dropped")
                continue
            task = asyncio.get_running_loop().create_task(self._judge(case, heard))
            self._under_way.add(task)
            task.add_done_callback(partial(self._over, case))

    async def _judge(self, case: Case, heard: Heard) -> str:
        """Have it marked. Returns what came of that."""
        judge, asked, answer = case.judge, question(case.call.fields), heard.text
        if heard.lost:
            return "unread"
        call = judge.call(asked, answer, uuid4().hex)
        value = mark(await self._bench.ask(call, judge.backend))
        if value is None:
            return "unclear"
        self._report(case, call.request_id, value)
        return "marked"

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
        self._bench.leave(case.judge.backend)
        self._under_way.discard(task)
        error = None if task.cancelled() else task.exception()
        self._count(case, "failed" if task.cancelled() or error else task.result())
        if error is not None and not isinstance(error, TiermeshError | TimeoutError):
            _LOG.error("A judge failed in a way that it should not.", exc_info=error)

    def _count(self, case: Case, what: str) -> None:
        ruling = case.seen.ruling
        self._metrics.judged(ruling.trial, ruling.arm or "", what)
