"""The control plane's process: one event loop, two ports, one database."""

import asyncio
import logging
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp
from typing_extensions import override

from control_plane.api.app import create_admin_app, create_app
from control_plane.api.waiting import WaitingRoom
from control_plane.publisher import Publisher
from control_plane.replica import Replica
from control_plane.settings import ControlPlaneSettings
from control_plane.spec.errors import Code, TiermeshError
from control_plane.store.database import Database
from observability.control_plane_metrics import ControlPlaneMetrics

logger = logging.getLogger(__name__)


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
        ports = {"PORT": settings.port, "ADMIN_PORT": settings.admin_port}
        sockets = [held.enter_context(_bind(settings.host, port, name)) for name, port in ports.items()]
        metrics = ControlPlaneMetrics()
        room = WaitingRoom(database, metrics, settings.max_waiters)
        publisher = Publisher(database, settings.serve_url, room.ring)
        replica = Replica(database, publisher, room, metrics, settings.name)
        replica.start()
        apps: list[ASGIApp] = [
            create_app(publisher, room, metrics, settings.max_body_bytes),
            create_admin_app(database, metrics, replica.leadership),
        ]
        servers = [_Server(_config(app, settings)) for app in apps]
        addresses = Addresses(*(f"http://{_url_host(settings.host)}:{bound.getsockname()[1]}" for bound in sockets))
        async with asyncio.TaskGroup() as tasks:
            for server, bound in zip(servers, sockets, strict=True):
                tasks.create_task(server.serve([bound]))
            replicating = [tasks.create_task(work) for work in replica.work()]
            logger.info("control plane listens", extra={"fields": asdict(addresses)})
            on_listen(addresses)
            await stop.wait()
            room.close()
            for work in replicating:
                work.cancel()
            for server in servers:
                server.should_exit = True
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
        proxy_headers=False,  # nobody stands between: the port is on loopback
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


def _bind(host: str, port: int, setting: str) -> socket.socket:
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
            f"Stop what listens there, or set TIERMESH_CONTROL_PLANE_{setting} to a free port.",
        ) from error
    return bound
