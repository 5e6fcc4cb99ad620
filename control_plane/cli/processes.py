"""`tiermesh router` and `tiermesh control-plane`: this process becomes that one."""

import os
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from control_plane.cli.options import SERVER, Server

_CONFIG = "TIERMESH_ROUTER_CONFIG"
_CONTROL_PLANE_URL = "TIERMESH_ROUTER_CONTROL_PLANE_URL"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(epilog="Example: tiermesh router --config examples/shop")(router)
    app.command("control-plane", epilog="Example: TIERMESH_CONTROL_PLANE_PORT=9090 tiermesh control-plane")(
        control_plane
    )


def router(
    config: Annotated[Path | None, typer.Option("--config", metavar="FILE|DIR", help="Documents to follow.")] = None,
    server: Server = SERVER,
) -> None:
    """Run a router that follows a file or folder of documents, or else the control plane."""
    environment = dict(os.environ)
    if config is not None:
        environment.pop(_CONTROL_PLANE_URL, None)
        environment[_CONFIG] = str(config.absolute())
    elif _CONFIG not in environment:
        environment.setdefault(_CONTROL_PLANE_URL, server)
    _become("routers", environment)


def control_plane() -> None:
    """Run the control plane; its settings are TIERMESH_CONTROL_PLANE_… in the environment."""
    _become("control_plane", dict(os.environ))


def _become(module: str, environment: dict[str, str]) -> NoReturn:
    sys.stdout.flush()
    os.execve(sys.executable, [sys.executable, "-m", module], environment)
