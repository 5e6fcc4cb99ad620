"""`python -m benchmarks.harness.echoing`: an upstream that answers each chat with the model that it was asked for."""

import asyncio

import orjson

from control_plane.spec.errors import TiermeshError
from routers.http import Reply, Request
from routers.limits import ServerLimits
from routers.server import HttpServer

_JSON = b"content-type: application/json\r\n"


def echo(request: Request, reply: Reply) -> None:
    """A `routers.http.Handler`."""
    model = orjson.loads(request.body)["model"]
    message = {"role": "assistant", "content": model}
    choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
    answer = {"id": "c-1", "object": "chat.completion", "created": 1, "model": model, "choices": choices}
    reply.send(200, _JSON, orjson.dumps(answer))


def _refuse(error: TiermeshError, reply: Reply) -> None:
    reply.send(error.status, _JSON, b"{}")


async def main() -> None:
    """Listen on a free port, and print it."""
    server = HttpServer(echo, _refuse, ServerLimits())
    print(await server.start("127.0.0.1", 0), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    import uvloop

    uvloop.run(main())
