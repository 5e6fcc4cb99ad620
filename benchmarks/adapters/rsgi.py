"""`python -m benchmarks.adapters.rsgi`: the handler as an RSGI application under Granian, where that is installed."""

import asyncio
from importlib import import_module
from typing import Any

from benchmarks.adapters.core import END, QueuedReply, Start, Whole, pairs, router
from routers.http import Handler, Headers, Request
from routers.settings import RouterSettings


class Application:
    """RSGI's `(scope, protocol)` to a Request and a Reply."""

    def __init__(self, handler: Handler | None = None) -> None:
        """By default the router's, built at the first request: it needs a running loop."""
        self._handler = handler

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        handle = self._handler = self._handler or await router(RouterSettings.load())
        headers = {name.encode(): value.encode() for name, value in scope.headers.items()}
        reply = QueuedReply(asyncio.get_running_loop())
        handle(Request(scope.method.encode(), scope.path, headers, await protocol()), reply)
        first = await reply.take()
        if isinstance(first, Whole):
            protocol.response_bytes(first.status, _strings(first.headers), first.body)
        elif isinstance(first, Start):
            await _stream(first, reply, protocol)


async def _stream(start: Start, reply: QueuedReply, protocol: Any) -> None:
    transport = protocol.response_stream(start.status, _strings(start.headers))
    leaving = asyncio.ensure_future(protocol.client_disconnect())
    leaving.add_done_callback(lambda task: None if task.cancelled() else reply.leave())
    try:
        while isinstance(piece := await reply.take(), bytes):
            await transport.send_bytes(piece)
        if piece is not END:
            raise ConnectionAbortedError("the stream was cut; Granian closes the connection")
    finally:
        leaving.cancel()


def _strings(headers: Headers) -> list[tuple[str, str]]:
    return [(name.decode(), value.decode()) for name, value in pairs(headers)]


application = Application()
"""Granian imports it by name in its worker process."""


def main() -> None:
    """Serve until the process is told to stop."""
    # No dependency of the project: imported by name, so that type checkers do not ask for it.
    granian, constants = import_module("granian"), import_module("granian.constants")
    settings = RouterSettings.load()
    granian.Granian(
        "benchmarks.adapters.rsgi:application",
        address=settings.host,
        port=settings.port,
        interface=constants.Interfaces.RSGI,
        loop=constants.Loops.uvloop,
        http=constants.HTTPModes.http1,
        workers=1,
        runtime_threads=1,
        websockets=False,
        log_access=False,
    ).serve()


if __name__ == "__main__":
    main()
