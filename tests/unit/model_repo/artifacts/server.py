"""A real HTTP server of files that can cut, lie and change: what fetching has to bear."""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Files:
    """What is served, and how badly."""

    contents: dict[str, bytes] = field(default_factory=dict)
    """Path -> content."""
    cut_after: int | None = None
    """Bytes of a body after which the connection is closed."""
    cuts: int = 0
    """How many answers are still to be cut."""
    refusals: list[int] = field(default_factory=list)
    """Statuses to answer first, in this order."""
    validates: bool = True
    """Whether it says and checks ETags."""
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    """Path and Range of each request."""
    sent: int = 0
    """Bytes of all bodies."""
    url: str = ""

    def put(self, path: str, content: bytes) -> str:
        """Serve a file; its sha256."""
        self.contents[path] = content
        return hashlib.sha256(content).hexdigest()


@contextmanager
def serving() -> Iterator[Files]:
    """Serve as long as the block runs."""
    files = Files()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            wanted = self.headers.get("range")
            files.asked.append((self.path, wanted))
            content = files.contents.get(self.path)
            if files.refusals or content is None:
                self._head(files.refusals.pop(0) if files.refusals else 404, 0, {})
                return
            tag = f'"{hashlib.sha256(content).hexdigest()}"'
            start, headers = 0, {"etag": tag} if files.validates else {}
            if wanted and self.headers.get("if-range") == tag:
                start = int(wanted.removeprefix("bytes=").removesuffix("-"))
                headers["content-range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
            self._head(206 if start else 200, len(content) - start, headers)
            self._body(content[start:])

        def _head(self, status: int, length: int, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in {**headers, "content-length": str(length)}.items():
                self.send_header(name, value)
            self.end_headers()

        def _body(self, content: bytes) -> None:
            if files.cuts and files.cut_after is not None:
                files.cuts -= 1
                content = content[: files.cut_after]
                self.close_connection = True
            files.sent += len(content)
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            """A client that left early is what some tests are about."""

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.01))
    thread.start()
    files.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield files
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
