"""`tiermesh`: the command."""

import os
import sys

import typer

from control_plane.cli import (
    approvals,
    audit,
    cache,
    documents,
    experiments,
    keys,
    local,
    models,
    moving,
    people,
    processes,
    prompts,
    rollouts,
    routes,
    snapshots,
    why,
)
from control_plane.cli.options import TOKEN_FILE, TokenFile
from control_plane.cli.printing import failure
from control_plane.spec.errors import TiermeshError


def create_app() -> typer.Typer:
    """All commands."""
    app = typer.Typer(
        name="tiermesh",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        callback=_everywhere,
    )
    parts = (
        local,
        documents,
        moving,
        keys,
        models,
        prompts,
        experiments,
        rollouts,
        approvals,
        snapshots,
        routes,
        why,
        people,
        audit,
        cache,
        processes,
    )
    for part in parts:
        part.register(app)
    return app


def _everywhere(token_file: TokenFile = None) -> None:
    """Send each request to the cheapest model that can answer it well enough."""
    if token_file is not None:
        os.environ[TOKEN_FILE] = str(token_file)  # the option is the variable, for this process: `connect` reads it


def main() -> None:
    """Run the command; 0 it worked, 1 it failed (one line says why), 2 it was used wrongly."""
    try:
        create_app()()
    except TiermeshError as error:
        failure(error)
        sys.exit(1)
