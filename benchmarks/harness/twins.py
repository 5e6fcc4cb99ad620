"""The same question from many callers at once, through a router whose Route compares meanings: how often is the Model
asked?"""

import http.client
import json
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from benchmarks.harness.gateways import Gateway
from benchmarks.harness.processes import Cores
from benchmarks.harness.tiermesh import document, python_gateway
from control_plane.spec.errors import Code, TiermeshError

_THINKS_SECONDS = 0.5
_TIMEOUT_SECONDS = 30
_MEANING = {"tiers": {"heavy": ["stub"]}, "cache": {"semantic": {"maxErrorRate": 0.01, "confidence": 0.95}}}
_ANSWER = json.dumps(
    {"choices": [{"index": 0, "message": {"role": "assistant", "content": "Tomorrow."}, "finish_reason": "stop"}]}
).encode()


class _Model(ThreadingHTTPServer):
    """Thinks, answers, and counts."""

    daemon_threads = True
    asked = 0


class _Answering(BaseHTTPRequestHandler):
    server: _Model

    def do_POST(self) -> None:
        self.server.asked += 1
        self.rfile.read(int(self.headers["content-length"]))
        time.sleep(_THINKS_SECONDS)
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(_ANSWER)))
        self.end_headers()
        self.wfile.write(_ANSWER)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


def upstream_calls(callers: int) -> int:
    """What reaches the Model when so many ask the same at once. Raises TiermeshError where one is not answered."""
    with _Model(("127.0.0.1", 0), _Answering) as model, tempfile.TemporaryDirectory() as folder:
        threading.Thread(target=model.serve_forever, daemon=True).start()
        stub = Gateway("stub", model.server_port, 0)
        route = document("Route", "bench", _MEANING)
        with python_gateway("semantic", "routers", Cores.available(), stub, Path(folder), [route]) as router:
            _ask(router, "Is it open?")  # opens the cache
            before = model.asked
            with ThreadPoolExecutor(callers) as crowd:
                answers = set(crowd.map(lambda _: _ask(router, "When will my parcel arrive?"), range(callers)))
        model.shutdown()
    if answers != {200}:
        raise TiermeshError(
            Code.UPSTREAM_FAILED, f"Callers were answered with {sorted(answers)}.", "See the router's log."
        )
    return model.asked - before


def _ask(router: Gateway, text: str) -> int:
    body = json.dumps({"model": router.model, "messages": [{"role": "user", "content": text}]})
    connection = http.client.HTTPConnection("127.0.0.1", router.port, timeout=_TIMEOUT_SECONDS)
    try:
        connection.request("POST", "/v1/chat/completions", body, {"content-type": "application/json"})
        response = connection.getresponse()
        response.read()
        return response.status
    finally:
        connection.close()
