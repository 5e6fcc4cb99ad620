"""The API's application and the administrators' one."""

import time

from fastapi import APIRouter, FastAPI
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from control_plane.api import problems
from control_plane.api.audit import audit_routes
from control_plane.api.callers import Authenticated
from control_plane.api.description import DescribedApi
from control_plane.api.documents import batch_routes, kind_routes
from control_plane.api.limits import BodyLimit
from control_plane.api.snapshots import snapshot_routes
from control_plane.api.tokens import token_routes
from control_plane.api.waiting import WaitingRoom
from control_plane.api.witness import Witness, Witnessed
from control_plane.auth.authenticator import Authenticator
from control_plane.publisher import Publisher
from control_plane.spec.documents import PLURALS
from control_plane.spec.errors import TiermeshError
from control_plane.store.database import Database
from control_plane.store.leadership import Leadership
from observability.control_plane_metrics import ControlPlaneMetrics

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def create_app(
    publisher: Publisher,
    room: WaitingRoom,
    metrics: ControlPlaneMetrics,
    max_body_bytes: int,
    authenticator: Authenticator,
    witness: Witness,
    *more: APIRouter,
) -> FastAPI:
    """The API under /v1: documents, snapshots, tokens, the audit, and the operations of `more`."""
    app = DescribedApi(
        title="Tiermesh control plane",
        version="v1",
        openapi_url="/v1/openapi.json",
        docs_url=None,  # these pages load their scripts from elsewhere
        redoc_url=None,
    )
    problems.install(app)
    parts = [
        *(kind_routes(plural, kind, publisher) for plural, kind in PLURALS.items()),
        batch_routes(publisher),
        snapshot_routes(publisher, room, metrics),
        token_routes(publisher.database),
        audit_routes(publisher.database),
        *more,
    ]
    for part in parts:
        app.router.routes += part.routes
    app.add_middleware(BodyLimit, max_bytes=max_body_bytes)
    app.add_middleware(Authenticated, authenticator=authenticator)
    app.add_middleware(Witnessed, witness=witness)
    app.add_middleware(_Measured, metrics=metrics)
    return app


def create_admin_app(database: Database, metrics: ControlPlaneMetrics, leadership: Leadership) -> Starlette:
    """Probes and metrics, on a port of their own so that they answer when the API is busy."""

    async def livez(_request: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(_request: Request) -> Response:
        try:
            await run_in_threadpool(database.check)
        except TiermeshError as error:
            return problems.problem(error)
        this = " (this one)" if leadership.leads else ""
        return PlainTextResponse(f"ok\nleader: {leadership.leader or 'nobody'}{this}\n")

    async def render(_request: Request) -> Response:
        return Response(metrics.render(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return Starlette(routes=[Route("/livez", livez), Route("/readyz", readyz), Route("/metrics", render)])


class _Measured:
    """ASGI middleware: counts requests by method, path template and status."""

    def __init__(self, app: ASGIApp, metrics: ControlPlaneMetrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and watch its answer begin."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        began = time.perf_counter()

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                # Callers may write any path and any method: only those that exist become labels.
                path = getattr(scope.get("route"), "path", "unmatched")
                method = scope["method"] if scope["method"] in _METHODS else "other"
                self._metrics.requests.labels(method, path, message["status"]).inc()
                self._metrics.request_seconds.labels(path).observe(time.perf_counter() - began)
            await send(message)

        return await self._app(scope, receive, watched)
