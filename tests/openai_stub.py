"""An OpenAI-compatible API in a thread, whose answers a function gives: what evaluations are run against."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answers = Callable[[str, dict[str, Any]], tuple[int, Any]]
"""Path and body -> status and body."""


@dataclass
class Api:
    """What it answers, and what it was asked."""

    answers: Answers
    url: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)


def said(text: str) -> tuple[int, Any]:
    """A chat's answer."""
    return 200, {"choices": [{"message": {"role": "assistant", "content": text}}]}


@contextmanager
def serving(answers: Answers) -> Iterator[Api]:
    """Serve as long as the block runs."""
    api = Api(answers)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            api.asked.append({"path": self.path, "headers": dict(self.headers), **body})
            self._answer(body)

        def do_GET(self) -> None:
            self._answer({})

        def _answer(self, asked: dict[str, Any]) -> None:
            status, answer = api.answers(self.path.removeprefix("/v1/"), asked)
            content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.01))
    thread.start()
    api.url = f"http://127.0.0.1:{server.server_port}/v1"
    try:
        yield api
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
