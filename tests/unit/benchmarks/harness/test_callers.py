import asyncio

import httpx2
import pytest

from benchmarks.harness.callers import Callers, Ending, Site, at_rate, ending
from benchmarks.harness.gateways import free_port
from tests.stub_upstream import DONE, Received, StubUpstream, answer, error, event, raw, stream
from tests.unit.routers.protocols.streams import data

TOKEN = event("one")
ERROR = data({"error": {"message": "cut", "code": "stream_cut"}})


@pytest.mark.parametrize(
    ("status", "stream", "body", "found"),
    [
        (200, False, b'{"choices": []}', Ending.WHOLE),
        (200, False, b'{"choices": [', Ending.LOST),
        (503, False, b'{"error": {}}', Ending.REFUSED),
        (429, True, b'{"error": {}}', Ending.REFUSED),
        (200, True, TOKEN + DONE, Ending.WHOLE),
        (200, True, TOKEN, Ending.LOST),
        (200, True, TOKEN + b'data: {"cho', Ending.LOST),
        (200, True, b"", Ending.LOST),
        (200, True, TOKEN + ERROR, Ending.CUT),
        (200, True, ERROR, Ending.REFUSED),
        (200, True, TOKEN + ERROR + DONE, Ending.LOST),
    ],
)
def test_an_answer_ends_as_its_last_bytes_say(status: int, stream: bool, body: bytes, found: Ending) -> None:
    assert ending(status, stream, body) is found


async def test_requests_leave_on_schedule_whether_or_not_earlier_ones_are_answered() -> None:
    asked, all_asked = list[int](), asyncio.Event()

    async def ask(number: int) -> None:
        asked.append(number)
        if len(asked) == 5:
            all_asked.set()
        await all_asked.wait()

    await at_rate(1000, 0.005, ask)
    assert asked == [0, 1, 2, 3, 4]


async def test_callers_tell_how_each_answer_ended_and_who_gave_it() -> None:
    async with StubUpstream() as router, httpx2.AsyncClient(trust_env=False) as http:
        router.script(answer(headers={"x-tiermesh-model": "steady"}), stream("a"), error(503), raw(b""))
        callers = Callers(http, [Site(router.port, router.port)])
        for number in range(4):
            await callers.ask(number)
        assert callers.tally.endings == {Ending.WHOLE: 2, Ending.REFUSED: 1, Ending.LOST: 1}
        assert callers.tally.models["steady"] == 1
        assert callers.tally.failed == 2
        assert [request.fields.get("stream", False) for request in router.requests] == [False, True, False, True]


async def test_a_router_that_cannot_be_connected_to_is_passed_over() -> None:
    nobody = Site(free_port(), free_port())
    async with StubUpstream() as router, httpx2.AsyncClient(trust_env=False) as http:
        callers = Callers(http, [nobody, Site(router.port, router.port)])
        await callers.ask(0)
        assert callers.tally.endings == {Ending.WHOLE: 1}
        alone = Callers(http, [nobody])
        await alone.ask(0)
        assert alone.tally.endings == {Ending.REFUSED: 1}


async def test_a_router_that_is_not_ready_is_not_asked() -> None:
    async with StubUpstream() as one, StubUpstream() as other, httpx2.AsyncClient(trust_env=False) as http:
        one.default = error(503)
        callers = Callers(http, [Site(one.port, one.port), Site(other.port, other.port)])
        watching = asyncio.create_task(callers.watch())
        await one.received(2)
        for number in range(4):
            await callers.ask(number)
        watching.cancel()
        assert _asked(one.requests) == 0
        assert _asked(other.requests) == 4


def _asked(requests: list[Received]) -> int:
    return sum(request.method == "POST" for request in requests)
