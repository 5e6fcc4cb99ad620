"""A judge compares an answer with those that it may be the same as, and whatever is no clear yes is a no."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from observability.metrics import RouterMetrics
from routers.bench import MOST_AT_ONCE, MOST_WAITING, Bench
from routers.cache.answers import Kind
from routers.comparing import MOST_COMPARED, MOST_HELD, Comparing, Comparison
from routers.judge import MOST_CHARACTERS
from routers.runtime import Backend
from tests.stub_upstream import Behaviour, StubUpstream, answer, error, held, raw
from tests.unit.routers.samples import model, route, runtime

YES, NO = answer('{"same": true}'), answer('{"same": false}')
KINDS = tuple(Kind(number, None, f"answer {number}") for number in range(5))


@dataclass
class Court:
    """A judge, and what was heard of it."""

    jury: StubUpstream
    comparing: Comparing
    metrics: RouterMetrics
    judge: Backend
    heard: list[Kind | None] = field(default_factory=list)
    told: asyncio.Event = field(default_factory=asyncio.Event)

    def begin(self, text: str = "other words", kinds: tuple[Kind, ...] = KINDS, partition: bytes = b"p") -> None:
        self.comparing.begin(Comparison(self.judge, "shop", partition, text, kinds), self._hear)

    async def said(self, text: str = "other words", kinds: tuple[Kind, ...] = KINDS) -> Kind | None:
        self.told.clear()
        self.begin(text, kinds)
        await self.told.wait()
        return self.heard[-1]

    def counted(self, verdict: str) -> int:
        found = self.metrics.registry.get_sample_value(
            "tiermesh_router_semantic_compared_total", {"route": "shop", "verdict": verdict}
        )
        return int(found or 0)

    def _hear(self, kind: Kind | None) -> None:
        self.heard.append(kind)
        self.told.set()


@asynccontextmanager
async def court(behaviour: Behaviour, seconds: float = 30) -> AsyncIterator[Court]:
    async with StubUpstream(behaviour) as jury:
        (judge,) = runtime(model("light", url=jury.url), route(tiers={"light": ["light"]})).routes["shop"].backends
        metrics = RouterMetrics()
        comparing = Comparing(Bench(metrics, seconds), metrics)
        try:
            yield Court(jury, comparing, metrics, judge)
        finally:
            comparing.close()


async def test_the_first_yes_says_of_which_kind_an_answer_is() -> None:
    async with court(YES) as whole:
        whole.jury.script(NO)
        assert await whole.said() == KINDS[1]
        texts = [received.fields["messages"][1]["content"] for received in whole.jury.requests]
        assert ["\nanswer 0\n" in texts[0], "\nanswer 1\n" in texts[1], len(texts)] == [True, True, 2]
        assert (whole.counted("different"), whole.counted("same")) == (1, 1)


async def test_after_a_few_noes_it_is_of_none() -> None:
    async with court(NO) as whole:
        assert await whole.said() is None
        assert len(whole.jury.requests) == MOST_COMPARED < len(KINDS)


@pytest.mark.parametrize(
    ("behaviour", "counted"),
    [
        (answer("yes, the same"), "unclear"),
        (answer('{"same": "true"}'), "unclear"),
        (answer({"choices": []}), "failed"),
        (error(500), "failed"),
        (raw(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{"), "failed"),
    ],
)
async def test_garbage_and_failures_are_no_yes(behaviour: Behaviour, counted: str) -> None:
    async with court(behaviour) as whole:
        assert await whole.said() is None
        assert whole.counted(counted) >= 1
        assert whole.counted("same") == 0


async def test_a_late_judge_has_said_nothing() -> None:
    async with court(held(YES), seconds=0.05) as whole:
        assert await whole.said() is None
        assert whole.counted("failed") == 1


async def test_where_too_many_wait_the_next_is_different_at_once() -> None:
    async with court(YES) as whole:
        slow = whole.jury.default = held(YES)
        for number in range(MOST_WAITING):
            whole.begin(f"words {number}")
        await whole.jury.received(MOST_AT_ONCE)
        assert whole.heard == []
        whole.begin("one more", partition=b"another")
        assert whole.heard == [None]
        assert whole.counted("dropped") == 1
        slow.go.set()
        while len(whole.heard) <= MOST_WAITING:
            await asyncio.sleep(0)
        assert whole.heard[1:] == [KINDS[0]] * MOST_WAITING
        assert await whole.said("places are free again") == KINDS[0]


async def test_a_judge_is_not_asked_twice_about_the_same_two_texts() -> None:
    async with court(NO) as whole:
        whole.jury.script(NO, YES)
        assert [await whole.said() for _ in range(3)] == [KINDS[1]] * 3
        assert len(whole.jury.requests) == 2


async def test_what_it_failed_to_say_it_is_asked_again() -> None:
    async with court(YES) as whole:
        whole.jury.script(error(500), answer("perhaps"))
        assert [await whole.said(kinds=KINDS[:1]) for _ in range(3)] == [None, None, KINDS[0]]


async def test_a_text_that_it_could_not_read_whole_is_different_unasked() -> None:
    long = "x" * (MOST_CHARACTERS + 1)
    async with court(YES) as whole:
        assert await whole.said(long) is None
        assert await whole.said(kinds=(Kind(7, None, long),)) is None
        assert whole.jury.requests == []


async def test_after_the_end_nobody_hears_of_it() -> None:
    async with court(held(YES)) as whole:
        whole.begin()
        await whole.jury.received()
        whole.comparing.close()
        for _ in range(5):
            await asyncio.sleep(0)
        assert whole.heard == []


async def test_answers_are_told_in_their_order_in_each_partition() -> None:
    """A yes, or what need not be asked, comes sooner than a no: it must not count sooner."""
    async with court(YES) as whole:
        slow = held(NO)
        whole.jury.script(slow)
        whole.begin("asked about first", KINDS[:1])
        await whole.jury.received()
        whole.begin("judged the same at once", KINDS[1:2])
        whole.begin("equal to what is known", ())
        whole.begin("of another partition", KINDS[2:3], b"another")
        while not whole.heard:
            await asyncio.sleep(0)
        assert (whole.heard, whole.counted("same")) == ([KINDS[2]], 2)
        slow.go.set()
        while len(whole.heard) < 4:
            await asyncio.sleep(0)
        assert whole.heard == [KINDS[2], None, KINDS[1], None]


async def test_what_is_too_much_to_hold_is_not_told_whatever_it_is() -> None:
    async with court(YES) as whole:
        slow = whole.jury.default = held(YES)
        whole.begin()
        for _ in range(MOST_HELD):
            whole.begin("equal to what is known", ())
        assert (whole.heard, whole.counted("dropped")) == ([], 1)
        slow.go.set()
        while len(whole.heard) < MOST_HELD:
            await asyncio.sleep(0)
        assert await whole.said(kinds=()) is None
        assert len(whole.heard) == MOST_HELD + 1
