"""HTTP of a served model: a small Starlette application whose errors are OpenAI's, and server-sent events."""

import logging
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute
from starlette.types import Receive, Scope, Send
from typing_extensions import override

from control_plane.spec.errors import Code, TiermeshError
from model_repo import openai

_log = logging.getLogger(__name__)

Event = dict[str, Any]


def application(routes: Sequence[BaseRoute]) -> Starlette:
    """An application whose every error has the OpenAI shape, unknown paths and crashes included."""
    handlers: Mapping[Any, Any] = {TiermeshError: _failed, HTTPException: _refused, Exception: _crashed}
    return Starlette(routes=list(routes), exception_handlers=handlers)


def json(content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON response."""
    return Response(orjson.dumps(content), status, headers, "application/json")


def failure(error: TiermeshError, headers: Mapping[str, str] | None = None) -> Response:
    """An error response; says when to come back where that is known."""
    retry = {} if error.retry_after_seconds is None else {"retry-after": str(error.retry_after_seconds)}
    return json(openai.error(error), error.status, {**retry, **(headers or {})})


class Events(StreamingResponse):
    """Server-sent events, one chunk each, ended by [DONE]. A failure in mid-stream is the last event instead.

    The chunks' generator is closed as soon as the response ends, however it ends, so that a caller who leaves stops
    the work.
    """

    def __init__(self, chunks: AsyncGenerator[Event | None], headers: Mapping[str, str] | None = None) -> None:
        self._frames = _frames(chunks)
        super().__init__(self._frames, 200, {"cache-control": "no-cache", **(headers or {})}, "text/event-stream")

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with aclosing(self._frames):
            await super().__call__(scope, receive, send)


async def _frames(chunks: AsyncGenerator[Event | None]) -> AsyncGenerator[bytes]:
    try:
        async with aclosing(chunks):
            async for chunk in chunks:
                if chunk is not None:
                    yield b"data: " + orjson.dumps(chunk) + b"\n\n"
        yield b"data: [DONE]\n\n"
    except TiermeshError as error:
        yield b"data: " + orjson.dumps(openai.error(error)) + b"\n\n"


async def _failed(request: Request, error: TiermeshError) -> Response:
    return failure(error)


async def _refused(request: Request, error: HTTPException) -> Response:
    code = Code.METHOD_NOT_ALLOWED if error.status_code == 405 else Code.NOT_FOUND
    message = f"{request.method} {request.url.path} is not served by this model."
    hint = "Models have /v1/models, /v1/chat/completions, and /v1/completions or /v1/embeddings."
    return failure(TiermeshError(code, message, hint), error.headers)


async def _crashed(request: Request, error: Exception) -> Response:
    _log.error("request failed", exc_info=error)
    return failure(TiermeshError(Code.INTERNAL, "The model failed on this request.", "The server's log says why."))
