"""A flight keeps pace with its callers, and tells each of them how it ended."""

from typing import cast

import orjson

from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.models import Operation, Tier
from routers.asking import Begun
from routers.call import Call
from routers.decision import Match
from routers.exchange import Exchange
from routers.flight import MAX_LAG_BYTES, MAX_RECORDED_BYTES, Flight
from routers.http import Headers
from routers.ledger import Ledger
from routers.outcome import Outcome
from routers.passenger import Passenger
from routers.pipeline import match
from routers.protocols.events import WholeEvents
from tests.unit.routers.raw import Heard
from tests.unit.routers.samples import call, runtime

ONE, TWO = (b'data: {"n":%d}\n\n' % number for number in (1, 2))
JSON: Headers = b"content-type: application/json\r\n"
CUT = TiermeshError(Code.STREAM_CUT, "cut")


class FakeExchange:
    """A model's answer that the test writes."""

    status = 200

    def __init__(self) -> None:
        self.paused = False
        self.closed = False

    def attach(self, sink: Flight) -> None: ...

    def pause(self) -> None:
        self.paused = True

    def resume(self) -> None:
        self.paused = False

    def close(self) -> None:
        self.closed = True


class Crowd:
    """A flight and its callers."""

    def __init__(self, count: int, recording: bool = True) -> None:
        self.abandoned = 0
        self.closed: list[tuple[int, TiermeshError | None]] = []
        self.exchange = FakeExchange()
        self.outcome = Outcome(match(call(), runtime()), Tier.LIGHT, 0.1, ())
        self.flight = Flight(self.outcome, recording, self._abandoned, deadline=0)
        self.replies = [self.join() for _ in range(count)]

    def _abandoned(self, _: Flight) -> None:
        self.abandoned += 1

    def join(self) -> Heard:
        heard = Heard()
        self.flight.join(Passenger(call(), self.outcome.match, heard, self.outcome, "miss", 0, cast(Ledger, self)))
        return heard

    def record(
        self,
        _call: Call,
        _match: Match,
        _outcome: Outcome,
        _cache: str,
        _started: float,
        status: int,
        error: TiermeshError | None,
        _first_seconds: float | None,
    ) -> None:
        """As the ledger does."""
        self.closed.append((status, error))

    def start(self) -> None:
        events = WholeEvents(Operation.CHAT)
        self.flight.start(Begun(b"", b"", cast(Exchange, self.exchange), events))


async def test_everyone_gets_the_whole_answer_with_headers_of_their_own() -> None:
    crowd = Crowd(3)
    crowd.flight.deliver(JSON, b"answer")
    for heard in crowd.replies:
        assert (await heard.status, heard.body, heard.ended) == (200, b"answer", True)
        assert heard.headers.startswith(JSON + b"x-request-id: id-1\r\n")
    assert crowd.closed == [(200, None)] * 3


async def test_everyone_gets_the_stream_and_who_comes_late_all_of_it() -> None:
    crowd = Crowd(2)
    crowd.start()
    crowd.flight.on_body(ONE)
    late = crowd.join()
    crowd.flight.on_body(TWO)
    crowd.flight.finish()
    assert [heard.body for heard in (*crowd.replies, late)] == [ONE + TWO] * 3
    assert all(heard.ended for heard in (*crowd.replies, late))
    assert crowd.flight.recorded == ONE + TWO


async def test_a_stream_that_is_not_recorded_is_not_kept_nor_joined() -> None:
    crowd = Crowd(1, recording=False)
    crowd.start()
    crowd.flight.on_body(ONE)
    assert (crowd.flight.recorded, crowd.flight.joinable) == (b"", False)


async def test_a_stream_that_is_too_long_is_passed_on_but_not_kept_nor_joined() -> None:
    crowd = Crowd(1)
    crowd.start()
    assert crowd.flight.joinable
    for _ in range(2):
        crowd.flight.on_body(b'data: {"x":"%b"}\n\n' % (b"x" * (MAX_RECORDED_BYTES // 2 + 1)))
    assert (crowd.flight.recorded, crowd.flight.joinable) == (b"", False)
    assert len(crowd.replies[0].body) > MAX_RECORDED_BYTES


async def test_a_caller_alone_sets_the_pace() -> None:
    crowd = Crowd(1)
    crowd.start()
    (heard,) = crowd.replies
    heard.congested = True
    crowd.flight.on_body(ONE)
    assert crowd.exchange.paused
    assert heard.on_drain is not None
    heard.on_drain()
    assert not crowd.exchange.paused


async def test_of_several_the_fastest_sets_the_pace() -> None:
    crowd = Crowd(2)
    crowd.start()
    crowd.replies[0].congested = True
    crowd.flight.on_body(ONE)
    assert not crowd.exchange.paused
    crowd.replies[1].congested = True
    crowd.flight.on_body(TWO)
    assert crowd.exchange.paused


async def test_who_joins_a_stream_that_stands_still_sets_it_going() -> None:
    crowd = Crowd(1)
    crowd.start()
    crowd.replies[0].congested = True
    crowd.flight.on_body(ONE)
    crowd.join()
    assert not crowd.exchange.paused


async def test_when_the_fast_one_leaves_the_slow_one_goes_on() -> None:
    crowd = Crowd(2)
    crowd.start()
    fast, slow = crowd.replies
    fast.congested = slow.congested = True
    crowd.flight.on_body(ONE)
    assert fast.on_disconnect is not None
    fast.on_disconnect()
    assert not crowd.exchange.paused
    assert crowd.abandoned == 0


async def test_who_falls_too_far_behind_the_others_is_cut() -> None:
    crowd = Crowd(2)
    crowd.start()
    fast, slow = crowd.replies
    slow.congested, slow.buffered_bytes = True, MAX_LAG_BYTES + 1
    crowd.flight.on_body(ONE)
    crowd.flight.on_body(TWO)
    assert (slow.aborted, slow.body, fast.body) == (True, ONE, ONE + TWO)
    assert crowd.closed == [(499, None)]


async def test_when_the_last_one_leaves_the_flight_is_abandoned_once() -> None:
    crowd = Crowd(2)
    for heard in crowd.replies:
        assert heard.on_disconnect is not None
        heard.on_disconnect()
        heard.on_disconnect()
    assert crowd.abandoned == 1
    assert crowd.closed == [(499, None)] * 2


async def test_a_failure_before_the_stream_is_an_answer_of_its_own() -> None:
    crowd = Crowd(2)
    crowd.flight.fail(CUT)
    for heard in crowd.replies:
        assert await heard.status == CUT.status
        assert orjson.loads(heard.body)["error"]["code"] == "stream_cut"
    assert crowd.closed == [(CUT.status, CUT)] * 2


async def test_a_failure_within_the_stream_is_its_last_event() -> None:
    crowd = Crowd(1)
    crowd.start()
    crowd.flight.on_body(ONE + TWO[:5])
    crowd.flight.fail(CUT)
    (heard,) = crowd.replies
    assert await heard.status == 200
    assert heard.body.startswith(ONE + b'\n\ndata: {"error":')
    assert heard.ended and b"[DONE]" not in heard.body


async def test_a_flight_ends_once() -> None:
    crowd = Crowd(1)
    crowd.flight.deliver(JSON, b"answer")
    crowd.flight.fail(CUT)
    crowd.flight.finish()
    assert crowd.closed == [(200, None)]


async def test_a_released_flight_gives_its_connection_up() -> None:
    crowd = Crowd(1)
    crowd.start()
    crowd.flight.release()
    assert crowd.exchange.closed
