"""`tiermesh router`, what learns for it, and `tiermesh control-plane`: this process becomes that one."""

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
    group = typer.Typer(invoke_without_command=True, epilog="Example: tiermesh router --config examples/shop")
    group.callback()(router)
    given = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
    group.command(context_settings=given, help="Fit a router to labelled pairs.")(train)
    group.command("eval", context_settings=given, help="Judge such a router by questions it has not seen.")(evaluate)
    app.add_typer(group, name="router")
    app.command("control-plane", epilog="Example: TIERMESH_CONTROL_PLANE_PORT=9090 tiermesh control-plane")(
        control_plane
    )


def router(
    context: typer.Context,
    config: Annotated[Path | None, typer.Option("--config", metavar="FILE|DIR", help="Documents to follow.")] = None,
    server: Server = SERVER,
) -> None:
    """Run a router that follows a file or folder of documents, or else the control plane."""
    if context.invoked_subcommand is not None:
        return
    environment = dict(os.environ)
    if config is not None:
        environment.pop(_CONTROL_PLANE_URL, None)
        environment[_CONFIG] = str(config.absolute())
    elif _CONFIG not in environment:
        environment.setdefault(_CONTROL_PLANE_URL, server)
    _become("routers", environment)


def train(context: typer.Context) -> None:
    """Its options are the process's own: `tiermesh router train --help`."""
    _become("routers.learning", dict(os.environ), "train", *context.args)


def evaluate(context: typer.Context) -> None:
    """The same for `tiermesh router eval --help`."""
    _become("routers.learning", dict(os.environ), "eval", *context.args)


def control_plane() -> None:
    """Run the control plane; its settings are TIERMESH_CONTROL_PLANE_… in the environment."""
    _become("control_plane", dict(os.environ))


def _become(module: str, environment: dict[str, str], *arguments: str) -> NoReturn:
    sys.stdout.flush()
    os.execve(sys.executable, [sys.executable, "-m", module, *arguments], environment)
