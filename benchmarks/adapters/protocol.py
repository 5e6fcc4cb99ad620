"""`python -m benchmarks.adapters.protocol`: the handler under the server that ships, `routers.server`."""

import asyncio

import uvloop

from benchmarks.adapters.core import router
from routers.limits import ServerLimits
from routers.server import HttpServer
from routers.settings import RouterSettings


async def serve(settings: RouterSettings) -> None:
    """Serve until the process is told to stop."""
    handler = await router(settings)
    await HttpServer(handler, handler.refuse, ServerLimits()).start(settings.host, settings.port)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(RouterSettings.load()))
