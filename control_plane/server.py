"""The control plane's process: one event loop, two ports, one database."""

import asyncio
import logging
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp
from typing_extensions import override

from control_plane.aliases import KIND, Aliases
from control_plane.api.app import create_admin_app, create_app
from control_plane.api.approvals import approval_routes
from control_plane.api.decisions import decision_routes
from control_plane.api.prompts import prompt_routes
from control_plane.api.versions import version_routes
from control_plane.api.waiting import WaitingRoom
from control_plane.api.witness import Witness
from control_plane.approvals import Approvals
from control_plane.auth.authenticator import Authenticator
from control_plane.drift import Drift
from control_plane.first_start import make_admin, shown
from control_plane.following import follow
from control_plane.models import promotions as promotion
from control_plane.models.pinning import ModelPinning
from control_plane.models.promotions import Promotions
from control_plane.models.registry import ModelRegistry
from control_plane.pinning import Pinning
from control_plane.prompts.connection import Connection
from control_plane.prompts.registry import PromptRegistry
from control_plane.publisher import Publisher
from control_plane.settings import ControlPlaneSettings
from control_plane.spec.errors import Code, TiermeshError
from control_plane.store.database import Database
from observability.control_plane_metrics import ControlPlaneMetrics

logger = logging.getLogger(__name__)

_BOOKS_EVERY_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the process listens, as base URLs without a path."""

    api: str
    admin: str


async def serve(
    settings: ControlPlaneSettings, stop: asyncio.Event, on_listen: Callable[[Addresses], None] = lambda _: None
) -> None:
    """Serve until `stop` is set, then let requests in flight finish; `on_listen` hears where.

    Raises TiermeshError(SETUP) where the database or a port cannot be used.
    """
    _make(settings.home)
    with closing(Database(settings.database)) as database, ExitStack() as held:
        database.migrate()
        ports = (("", settings.host, settings.port), ("ADMIN_", settings.admin_host, settings.admin_port))
        sockets = [held.enter_context(_bind(host, port, prefix)) for prefix, host, port in ports]
        make_admin(database, shown(sys.stderr, settings.home / "admin-token"))
        metrics = ControlPlaneMetrics()
        room = WaitingRoom(database, metrics, settings.max_waiters)
        mlflow = Connection(settings.mlflow, settings.mlflow_timeout_seconds)
        prompts, versions = PromptRegistry(mlflow), ModelRegistry(mlflow)
        pinning, models = Pinning(database, prompts), ModelPinning(database, versions)
        publisher = Publisher(database, settings.serve_url, room.ring, pinning=pinning, models=models)
        approvals = Approvals(database)
        aliases = Aliases(prompts, publisher, approvals, settings.protected_aliases)
        approvals.register(KIND, aliases.approved)
        promotions = Promotions(versions, publisher, approvals, settings.protected_aliases)
        approvals.register(promotion.KIND, promotions.approved)
        _reconcile(publisher, metrics)
        authenticator, witness = Authenticator(database, settings.is_open, settings.oidc), Witness(database)
        apps: list[ASGIApp] = [
            create_app(
                publisher,
                room,
                metrics,
                settings.max_body_bytes,
                authenticator,
                witness,
                decision_routes(database, settings.decisions_most, settings.decisions_days),
                prompt_routes(aliases, Drift(database, prompts)),
                approval_routes(approvals),
                version_routes(promotions),
            ),
            create_admin_app(database, metrics),
        ]
        servers = [_Server(_config(app, settings)) for app in apps]
        urls = (
            f"http://{_url_host(host)}:{bound.getsockname()[1]}"
            for (_, host, _), bound in zip(ports, sockets, strict=True)
        )
        addresses = Addresses(*urls)
        async with asyncio.TaskGroup() as tasks:
            for server, bound in zip(servers, sockets, strict=True):
                tasks.create_task(server.serve([bound]))
            for each in (aliases, promotions):
                tasks.create_task(follow(each, stop, settings.follow_seconds))
            logger.info("control plane listens", extra={"fields": asdict(addresses)})
            on_listen(addresses)
            books = tasks.create_task(_keep_books(authenticator, witness))
            await stop.wait()
            books.cancel()
            room.close()
            for server in servers:
                server.should_exit = True
        await _close_books(authenticator, witness)
    logger.info("control plane ended")


class _Server(uvicorn.Server):
    """A server that leaves the signals to us: two of them in one process would each take them from the other."""

    @contextmanager
    @override
    def capture_signals(self) -> Iterator[None]:
        yield


def _config(app: ASGIApp, settings: ControlPlaneSettings) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        access_log=False,  # metrics count requests; writes log themselves
        lifespan="off",
        log_config=None,  # our own handlers, set up by the process
        proxy_headers=False,  # who asks is told by tokens; an address that a header says could be anybody's
        server_header=False,
        timeout_graceful_shutdown=settings.grace_seconds,
    )


def _url_host(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _make(home: Path) -> None:
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"The folder {home} cannot be made: {error.strerror}."
        raise TiermeshError(Code.SETUP, message, "Name one that can be written with TIERMESH_HOME.") from error


def _bind(host: str, port: int, prefix: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio lets small answers go out at once (TCP_NODELAY) only where the socket names its protocol.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
        bound.listen()
    except OSError as error:
        bound.close()
        raise TiermeshError(
            Code.SETUP,
            f"Port {port} on {host} cannot be used: {error.strerror}.",
            f"Stop what listens there, or set TIERMESH_CONTROL_PLANE_{prefix}PORT to a free port.",
        ) from error
    return bound


async def _keep_books(authenticator: Authenticator, witness: Witness) -> None:
    """Write down for ever what need not be written at once."""
    while True:
        await asyncio.sleep(_BOOKS_EVERY_SECONDS)
        await witness.count()
        await _note_uses(authenticator)


async def _close_books(authenticator: Authenticator, witness: Witness) -> None:
    await witness.count(ending=True)
    await _note_uses(authenticator)


async def _note_uses(authenticator: Authenticator) -> None:
    try:
        await authenticator.note_uses()
    except TiermeshError as error:
        logger.warning("uses of tokens not noted", extra={"fields": {"error": str(error)}})


def _reconcile(publisher: Publisher, metrics: ControlPlaneMetrics) -> None:
    try:
        metrics.snapshot.set(publisher.reconcile().snapshot or 0)
    except TiermeshError as error:
        # A newer program may be stricter. Routers go on with the last snapshot; the next write has to mend it.
        logger.error("documents in force do not compile", extra={"fields": {"error": str(error)}})
