"""`python -m benchmarks.harness.spender`: an upstream that keeps its own books of what its answers cost.

It writes between no and all of the tokens that a request allows, half of the answers as streams where asked, and says
what it used as the OpenAI API does. GET / tells the truth: {"answers", "microdollars", "most_at_once"}.
"""

import asyncio
import json
import random
from typing import Any

import orjson

from control_plane.spec.errors import TiermeshError
from routers.http import Reply, Request
from routers.limits import ServerLimits
from routers.server import HttpServer

INPUT_MICRODOLLARS, OUTPUT_MICRODOLLARS = 1, 4
"""Of a token: $1 and $4 for a million."""
ALL = "all"
"""A question in answer to which all of the tokens are written."""
_SECONDS = (0.02, 0.2)
"""How long an answer takes: long enough for many to be under way at once."""
_JSON = b"content-type: application/json\r\n"
_EVENTS = b"content-type: text/event-stream\r\n"


class Spender:
    """A `routers.http.Handler` that answers any chat request."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._under_way = 0
        self.books = {"answers": 0, "microdollars": 0, "most_at_once": 0}

    def __call__(self, request: Request, reply: Reply) -> None:
        """Answer one request, after a while."""
        if request.method == b"GET":
            reply.send(200, _JSON, json.dumps(self.books).encode())
            return
        fields = orjson.loads(request.body)
        usage = self._usage(fields, len(request.body))
        self._under_way += 1
        books = self.books
        books["most_at_once"] = max(books["most_at_once"], self._under_way)
        books["answers"] += 1
        # Booked when it begins to work: who leaves pays too.
        books["microdollars"] += usage["prompt_tokens"] * INPUT_MICRODOLLARS
        books["microdollars"] += usage["completion_tokens"] * OUTPUT_MICRODOLLARS
        if fields.get("stream"):
            reply.start(200, _EVENTS)
            reply.write(_event({"choices": [{"index": 0, "delta": {"content": "a"}, "finish_reason": None}]}))
        delay = self._random.uniform(*_SECONDS)
        asyncio.get_running_loop().call_later(delay, self._answer, fields, usage, reply)

    def _usage(self, fields: dict[str, Any], size: int) -> dict[str, int]:
        most = fields["max_tokens"]
        everything = fields["messages"][0]["content"] == ALL
        answer = most if everything else self._random.randint(0, most)
        prompt = self._random.randint(1, size)
        return {"prompt_tokens": prompt, "completion_tokens": answer, "total_tokens": prompt + answer}

    def _answer(self, fields: dict[str, Any], usage: dict[str, int], reply: Reply) -> None:
        self._under_way -= 1
        if not fields.get("stream"):
            message = {"role": "assistant", "content": "a"}
            reply.send(200, _JSON, orjson.dumps({**_envelope([{"index": 0, "message": message}]), "usage": usage}))
            return
        reply.write(_event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}))
        if (fields.get("stream_options") or {}).get("include_usage"):
            reply.write(_event({"choices": [], "usage": usage}))
        reply.write(b"data: [DONE]\n\n")
        reply.end()


def _envelope(choices: list[dict[str, Any]]) -> dict[str, Any]:
    return {"id": "c-1", "object": "chat.completion", "created": 1, "model": "spender", "choices": choices}


def _event(fields: dict[str, Any]) -> bytes:
    return b"data: %b\n\n" % orjson.dumps({**_envelope([]), **fields})


def _refuse(error: TiermeshError, reply: Reply) -> None:
    reply.send(error.status, _JSON, b"{}")


async def main() -> None:
    """Listen on a free port, and print it."""
    server = HttpServer(Spender(seed=1), _refuse, ServerLimits())
    print(await server.start("127.0.0.1", 0), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    import uvloop

    uvloop.run(main())
