"""`python -m benchmarks.adapters.asgi`: the handler as a bare ASGI application under uvicorn (uvloop, httptools)."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import uvicorn

from benchmarks.adapters.core import END, QueuedReply, Start, Whole, pairs, router
from routers.http import Handler, Request
from routers.settings import RouterSettings

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class Application:
    """ASGI's `(scope, receive, send)` to a Request and a Reply."""

    def __init__(self, handler: Handler | None = None) -> None:
        """By default the router's, built at the first request: it needs a running loop."""
        self._handler = handler

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        handle = self._handler = self._handler or await router(RouterSettings.load())
        request = Request(scope["method"].encode(), scope["path"], dict(scope["headers"]), await _body(receive))
        reply = QueuedReply(asyncio.get_running_loop())
        handle(request, reply)
        first = await reply.take()
        if isinstance(first, Whole):
            length = (b"content-length", b"%d" % len(first.body))
            await send(
                {"type": "http.response.start", "status": first.status, "headers": [*pairs(first.headers), length]}
            )
            await send({"type": "http.response.body", "body": first.body})
        elif isinstance(first, Start):
            await _stream(first, reply, receive, send)


async def _body(receive: Receive) -> bytes:
    message = await receive()
    body: bytes = message["body"]
    while message.get("more_body"):
        message = await receive()
        body += message["body"]
    return body


async def _stream(start: Start, reply: QueuedReply, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": start.status, "headers": pairs(start.headers)})
    # The next message after the body is that the caller has left.
    leaving = asyncio.ensure_future(receive())
    leaving.add_done_callback(lambda task: None if task.cancelled() else reply.leave())
    try:
        while isinstance(piece := await reply.take(), bytes):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        if piece is not END:
            raise ConnectionAbortedError("the stream was cut; uvicorn closes the connection")
        await send({"type": "http.response.body", "body": b""})
    finally:
        leaving.cancel()


def main() -> None:
    """Serve until the process is told to stop."""
    settings = RouterSettings.load()
    uvicorn.run(
        Application(),
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http="httptools",
        lifespan="off",
        log_level="error",
        access_log=False,
        server_header=False,
        date_header=False,
    )


if __name__ == "__main__":
    main()
