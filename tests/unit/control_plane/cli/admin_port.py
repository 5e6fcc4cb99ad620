"""A server that speaks as a router's admin port does."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import TracebackType
from typing import Any, Self


class AdminPort:
    """Answers each path as it is told, and 404 else; remembers what it was asked."""

    def __init__(self) -> None:
        self.replies: dict[str, dict[str, Any]] = {}
        self.asked: dict[str, Any] = {}
        port = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                port.asked[self.path] = json.loads(self.rfile.read(int(self.headers["content-length"])))
                self.do_GET()

            def do_GET(self) -> None:
                known = self.path in port.replies
                error = {"error": {"message": f"There is nothing at {self.path!r}."}}
                text = json.dumps(port.replies[self.path] if known else error).encode()
                self.send_response(200 if known else 404)
                self.send_header("content-length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
