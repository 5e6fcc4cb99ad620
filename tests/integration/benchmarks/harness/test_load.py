import json
import os
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from benchmarks.harness.gateways import Gateway, answered, stub_upstream
from benchmarks.harness.load import Clocks, Load, Measurement, Outcome, Quantiles, Window, measure
from benchmarks.harness.processes import Cores
from control_plane.spec.errors import Code, TiermeshError

SHORT = Window(warm_seconds=0.1, seconds=0.3)
LINE = """{"sent":24,"answered":20,"refused":1,"broken":2,"unfinished":1,"seconds":1.000001,"finished":19,"events":400,
"latency_us":{"count":20,"p50":100.5,"p95":200,"p99":300.0},"lag_us":null,"first_event_us":null,"transit_us":null}"""


class Refuses(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(429)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def refusing() -> Iterator[Gateway]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Refuses) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield Gateway("refusing", server.server_port, os.getpid())
        server.shutdown()
        thread.join()


def test_an_outcome_is_read_from_the_load_generators_line() -> None:
    outcome = Outcome.parse(LINE.replace("\n", ""))

    assert (outcome.sent, outcome.answered, outcome.finished, outcome.events) == (24, 20, 19, 400)
    assert outcome.latency_us == Quantiles(20, 100.5, 200, 300.0)
    assert outcome.lag_us is None


@pytest.mark.parametrize("line", ["", "begin", '{"sent": 1}', "[]"])
def test_a_line_that_is_no_outcome_is_an_error(line: str) -> None:
    with pytest.raises(TiermeshError, match="outcome cannot be read") as raised:
        Outcome.parse(line)

    assert raised.value.code is Code.INTERNAL


def test_distinct_requests_differ_between_runs_and_hits_do_not() -> None:
    distinct, hits = Load(connections=1), Load(connections=1, distinct=False)

    assert distinct.body("bench") != distinct.body("bench")
    assert b"@@@@@@@@" in distinct.body("bench")
    assert hits.body("bench") == hits.body("bench")
    assert 900 < len(distinct.body("bench")) < 1040


def test_a_closed_loop_counts_what_the_stub_counts(stub: Gateway, cores: Cores) -> None:
    before = answered(stub)
    measured = measure(Load(connections=8), stub, stub, cores, SHORT)

    outcome = measured.outcome
    assert answered(stub) - before == outcome.sent == measured.upstream_requests
    assert 0 < outcome.answered <= outcome.sent
    assert outcome.latency_us and outcome.latency_us.count == outcome.answered
    assert (outcome.refused, outcome.broken, outcome.unfinished) == (0, 0, 0)


def test_an_open_loop_sends_on_schedule_however_late_it_is_answered(stub: Gateway, cores: Cores) -> None:
    outcome = measure(Load(connections=64, rate=200), stub, stub, cores, SHORT).outcome

    # From 0 to 0.4 s, and within the window from 0.1 to 0.4 s; a bound may fall on either side of a request.
    assert outcome.sent in (80, 81)
    assert outcome.answered in (60, 61)


def test_every_event_of_a_stream_is_seen_once(stub: Gateway, cores: Cores) -> None:
    load = Load(connections=4, events=7, gap_us=500)
    outcome = measure(load, stub, stub, cores, Window(0, 30, requests=12)).outcome

    assert outcome.answered == outcome.finished == 12
    assert outcome.events == 12 * 7
    assert outcome.first_event_us and outcome.first_event_us.count == 12
    assert outcome.transit_us and outcome.transit_us.count == 12 * 7
    assert outcome.transit_us.p50 > 0


def test_a_number_of_requests_ends_the_window(stub: Gateway, cores: Cores) -> None:
    outcome = measure(Load(connections=5), stub, stub, cores, Window(0, 60, requests=137)).outcome

    assert outcome.sent == outcome.answered == outcome.finished == 137


def test_refusals_end_the_measurement(refusing: Gateway, stub: Gateway, cores: Cores) -> None:
    with pytest.raises(TiermeshError, match=r"refusing refused [1-9]") as raised:
        measure(Load(connections=2), refusing, stub, cores, Window(0, 30, requests=4))

    assert raised.value.code is Code.UPSTREAM_FAILED


def test_streams_without_events_end_the_measurement(stub: Gateway, cores: Cores) -> None:
    # A gateway that drops "stream" from the request looks like this.
    class Whole(Load):
        def body(self, model: str) -> bytes:
            return Load(connections=1).body(model)

    with pytest.raises(TiermeshError, match="only 0 carried an event"):
        measure(Whole(connections=1, events=3), stub, stub, cores, Window(0, 30, requests=2))


def test_the_stub_streams_like_the_openai_api(stub: Gateway) -> None:
    with closing(HTTPConnection("127.0.0.1", stub.port, timeout=10)) as connection:
        connection.request("POST", stub.path, json.dumps({"max_tokens": 2, "stream": True}))
        lines = connection.getresponse().read().decode().split("\n\n")

    *events, done, rest = lines
    choices = [json.loads(event.removeprefix("data: "))["choices"][0] for event in events]
    assert [choice["finish_reason"] for choice in choices] == [None, None, "stop"]
    assert choices[0]["delta"]["role"] == "assistant"
    assert (done, rest) == ("data: [DONE]", "")


def test_the_stub_answers_whole_like_the_openai_api(stub: Gateway) -> None:
    with closing(HTTPConnection("127.0.0.1", stub.port, timeout=10)) as connection:
        connection.request("POST", stub.path, json.dumps({"max_tokens": 2}))
        answer = json.loads(connection.getresponse().read())

    assert answer["choices"][0]["message"]["role"] == "assistant"
    assert answer["usage"]["total_tokens"] == 72


def test_a_stub_that_is_told_to_be_slow_still_says_all(cores: Cores) -> None:
    with stub_upstream(cores) as stub, closing(HTTPConnection("127.0.0.1", stub.port, timeout=10)) as connection:
        for path in ("/delay/1000", "/stumble/2/2000"):
            connection.request("GET", path)
            assert json.loads(connection.getresponse().read()) == {"answered": 0}
        for _ in range(2):
            connection.request("POST", stub.path, json.dumps({"max_tokens": 3, "stream": True}))
            assert connection.getresponse().read().count(b"data: ") == 5


def test_cpu_time_that_is_nobodys_is_noise() -> None:
    before = Clocks(wall=100, gateway=1, gateway_core=10, load=5, load_core=20)
    after = Clocks(wall=104, gateway=3, gateway_core=13, load=6, load_core=21.4)

    share, noise = after.since(before)

    assert share == pytest.approx(2 / 4)
    assert noise == pytest.approx((3 - 2) / 4)


def test_a_gateways_figures_are_shares_of_what_finished() -> None:
    outcome = replace(Outcome.parse(LINE.replace("\n", "")), finished=20, seconds=2.0)
    measured = Measurement(outcome, cpu_seconds=0.002, upstream_requests=20, noise=0)

    assert measured.cpu_us_per_request() == pytest.approx(100)
    assert measured.cpu_us_per_event() == pytest.approx(5)
    assert measured.requests_per_second() == 10
    assert measured.p50_ms() == pytest.approx(0.1005)
