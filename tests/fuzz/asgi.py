"""A request to an ASGI application, without a server."""

from typing import NamedTuple
from urllib.parse import unquote

from starlette.types import ASGIApp, Message, Scope


class Asked(NamedTuple):
    """A request as a server hands it on."""

    method: str
    target: str
    """Path and query, in ASCII."""
    body: bytes = b""
    content_type: bytes = b"application/json"


class Answer(NamedTuple):
    """A whole answer."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes


async def called(app: ASGIApp, asked: Asked) -> Answer:
    """What the application answers. Raises what it should have caught."""
    path, _, query = asked.target.partition("?")
    scope: Scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": asked.method,
                    "scheme": "http", "path": unquote(path), "raw_path": path.encode(), "query_string": query.encode(),
                    "root_path": "", "client": ("127.0.0.1", 1),
                    "headers": [(b"host", b"localhost"), (b"content-type", asked.content_type)],
                    "server": ("127.0.0.1", 2), "state": {}}  # fmt: skip
    coming: list[Message] = [{"type": "http.request", "body": asked.body, "more_body": False}]
    sent: list[Message] = []

    async def receive() -> Message:
        return coming.pop() if coming else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    head, *rest = sent
    assert not rest[-1].get("more_body"), "the answer has no end"
    return Answer(head["status"], dict(head["headers"]), b"".join([message.get("body", b"") for message in rest]))
