"""`tiermesh route explain` against a server that speaks as a router's admin port does."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from tests.unit.control_plane.cli.conftest import Run

_ANSWER = {
    "route": "shop",
    "revision": "4c6d5b3a909d",
    "snapshot": 3,
    "arm": "default",
    "tier": "light",
    "score": 0.25,
    "features": {"length": 0.1, "steps": 0.0},
    "candidates": ["faq", "assistant"],
    "cache": "miss",
    "reasons": [{"code": "below-threshold", "text": "0.25 is below 0.7"}],
}


class _Router(BaseHTTPRequestHandler):
    asked: Any = None
    unit: str | None = None

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        type(self).asked = (self.path, body)
        type(self).unit = self.headers["x-tiermesh-unit"]
        known = body["model"] == "shop"
        error = {"error": {"message": "There is no model 'shp'.", "type": "x", "param": "model", "code": "y"}}
        text = json.dumps(_ANSWER if known else error).encode()
        self.send_response(200 if known else 404)
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def router() -> Iterator[str]:
    """The address of the router's admin port."""
    server = HTTPServer(("127.0.0.1", 0), _Router)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_explain_asks_as_a_caller_would_and_prints_every_reason(run: Run, router: str) -> None:
    ran = run("route", "explain", "shop", "Do you ship to Norway?", "--router", router)
    assert _Router.asked == (
        "/explain",
        {"model": "shop", "messages": [{"role": "user", "content": "Do you ship to Norway?"}]},
    )
    lines = [" ".join(line.split()) for line in ran.out.splitlines()]
    assert {
        "tier light",
        "score 0.25",
        "candidates faq, assistant",
        "length 0.1",
        "below-threshold 0.25 is below 0.7",
    } <= {*lines}


def test_explain_prints_the_whole_answer_for_programs(run: Run, router: str) -> None:
    assert json.loads(run("route", "explain", "shop", "hi", "--router", router, "-o", "json").out) == _ANSWER


def test_the_routers_error_is_one_line(run: Run, router: str) -> None:
    ran = run("route", "explain", "shp", "hi", "--router", router)
    assert (ran.code, ran.err) == (1, "error: There is no model 'shp'.\n")


@pytest.mark.parametrize("address", ["http://127.0.0.1:1", "127.0.0.1:8082", "http://h:port"])
def test_no_router_is_said_with_the_address_and_a_cure(run: Run, address: str) -> None:
    ran = run("route", "explain", "shop", "hi", "--router", address)
    assert ran.code == 1
    assert ran.err.count("\n") == 1
    assert address in ran.err
    assert "--router" in ran.err


def test_explain_asks_for_whom_it_is_told_to(run: Run, router: str) -> None:
    run("route", "explain", "shop", "hi", "--router", router, "--header", "x-tiermesh-unit=ann=7")
    assert _Router.unit == "ann=7"
    wrong = run("route", "explain", "shop", "hi", "--router", router, "--header", "ann")
    assert (wrong.code, "is not NAME=VALUE" in wrong.err) == (2, True)
