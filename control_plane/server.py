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

from control_plane.first_start import make_admin, shown
from control_plane.following import follow
from control_plane.given_tokens import know, read
from control_plane.plane import wire
from control_plane.settings import ControlPlaneSettings
from control_plane.spec.errors import Code, TiermeshError
from control_plane.store.database import Database

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
    given = read(settings.given_tokens_folder, settings.given_tokens) if settings.given_tokens_folder else ()
    with closing(Database(settings.database)) as database, ExitStack() as held:
        database.migrate()
        ports = (("", settings.host, settings.port), ("ADMIN_", settings.admin_host, settings.admin_port))
        sockets = [held.enter_context(_bind(host, port, prefix)) for prefix, host, port in ports]
        if not any(one.is_admin for one in given):
            make_admin(database, shown(sys.stderr, settings.home / "admin-token"))
        know(database, given)
        plane = wire(settings, database)
        plane.replica.start()
        servers = [_Server(_config(app, settings)) for app in (plane.api, plane.admin)]
        urls = (
            f"http://{_url_host(host)}:{bound.getsockname()[1]}"
            for (_, host, _), bound in zip(ports, sockets, strict=True)
        )
        addresses = Addresses(*urls)
        async with asyncio.TaskGroup() as tasks:
            for server, bound in zip(servers, sockets, strict=True):
                tasks.create_task(server.serve([bound]))
            leadership = plane.replica.leadership
            for what, (followed, seconds) in plane.followed.items():
                tasks.create_task(follow(followed, stop, seconds, lambda: leadership.leads, what))
            unending = [*plane.replica.work(), plane.books.keep(), plane.keeping.run(lambda: leadership.leads)]
            if plane.relay is not None:
                unending.append(plane.relay.run(lambda: leadership.leads))
            working = [tasks.create_task(work) for work in unending]
            logger.info("control plane listens", extra={"fields": asdict(addresses)})
            on_listen(addresses)
            await stop.wait()
            plane.room.close()
            for work in working:
                work.cancel()
            for server in servers:
                server.should_exit = True
        await plane.books.close()
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
