"""Every command of the application, found in the application itself."""

from collections.abc import Iterator

import typer
from typer.core import TyperGroup

from control_plane.cli.main import create_app

Command = tuple[str, ...]


def _walked(command: object, *before: str) -> Iterator[Command]:
    if isinstance(command, TyperGroup):
        for name, inner in command.commands.items():
            yield from _walked(inner, *before, name)
    else:
        yield before


COMMANDS = list(_walked(typer.main.get_command(create_app())))
"""Their words: `("key", "create")`."""
