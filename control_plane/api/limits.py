"""Limits: bodies no larger than the setting, and no query parameter that would silently do nothing."""

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from control_plane.spec.base import nearest
from control_plane.spec.errors import Code, FieldError, TiermeshError


class BodyLimit:
    """ASGI middleware: a body of more than `max_bytes` is answered 413 as soon as that is known."""

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, counting its body as it is read."""
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._max_bytes:
                raise HTTPException(413)
            return message

        await self._app(scope, counted, send)


def refuse_unknown_parameters(request: Request) -> None:
    """A dependency of every operation.

    Raises TiermeshError(INVALID_REQUEST) with the parameter and the nearest that the operation takes.
    """
    route = request.scope["route"]
    assert isinstance(route, APIRoute)
    known = [field.alias for field in route.dependant.query_params]
    for name in request.query_params:
        if name not in known:
            near = nearest(name, known)
            hint = f"Did you mean {near!r}?" if near else f"It takes: {', '.join(known) or 'none'}."
            message = f"There is no query parameter {name!r} here."
            raise TiermeshError(Code.INVALID_REQUEST, message, hint, errors=(FieldError(name, "unknown parameter"),))
