"""`tiermesh`: the command."""

import sys

import typer

from control_plane.cli import documents, keys, local, moving, processes, routes, snapshots
from control_plane.cli.printing import failure
from control_plane.spec.errors import TiermeshError


def create_app() -> typer.Typer:
    """All commands."""
    app = typer.Typer(
        name="tiermesh",
        help="Send each request to the cheapest model that can answer it well enough.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
    )
    for part in (local, documents, moving, keys, snapshots, routes, processes):
        part.register(app)
    return app


def main() -> None:
    """Run the command; 0 it worked, 1 it failed (one line says why), 2 it was used wrongly."""
    try:
        create_app()()
    except TiermeshError as error:
        failure(error)
        sys.exit(1)
