"""`tiermesh snapshot list | diff | rollback`: what is in force and what was."""

from typing import Annotated

import typer

from control_plane.cli.documents import written
from control_plane.cli.options import SERVER, As, Manager, Reason, Server, author, connect
from control_plane.cli.printing import Output, difference_lines, differing, failure, show, table, when, yaml_text
from control_plane.spec.errors import TiermeshError
from control_plane.spec.names import TIERMESH, qualified
from control_plane.spec.records import SnapshotView

Number = Annotated[int, typer.Argument(min=1, help="A snapshot's number.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="What is in force, and what was.")
    group.command("list", epilog="Example: tiermesh snapshot list -o json")(list_newest)
    group.command(epilog="Example: tiermesh snapshot diff 41 42")(diff)
    group.command(epilog="Example: tiermesh snapshot rollback 41 --reason 'wrong answers'")(rollback)
    app.add_typer(group, name="snapshot")


def list_newest(output: As = Output.TABLE, server: Server = SERVER) -> None:
    """Show the newest snapshots."""
    with connect(server) as client:
        snapshots = client.snapshots()
    values = [one.model_dump(mode="json") for one in snapshots]
    if output is not Output.TABLE:
        show(values, output)
    else:
        rows = [
            (one.number, one.sha256[:12], one.acknowledged, one.refused, one.author, when(one.created_at), one.reason)
            for one in snapshots
        ]
        table(("NUMBER", "SHA256", "SERVED BY", "REFUSED BY", "AUTHOR", "AT", "REASON"), rows)


def diff(before: Number, after: Number, output: As = Output.TABLE, server: Server = SERVER) -> None:
    """Show how two snapshots differ. Exit code 0: not at all, 1: somehow, 2: that could not be found out."""
    try:
        with connect(server) as client:
            old, new = (_text(client.snapshot(number)) for number in (before, after))
    except TiermeshError as error:
        failure(error)
        raise typer.Exit(2) from error
    differing(difference_lines(old, new, f"snapshot {before}", f"snapshot {after}"), output)


def rollback(
    number: Number,
    reason: Reason = "",
    manager: Manager = TIERMESH,
    output: As = Output.TABLE,
    server: Server = SERVER,
) -> None:
    """Restore the documents of a snapshot as new revisions, and publish them under a new number."""
    with connect(server) as client:
        written(client.rollback(number, author(), reason, manager), output)


def _text(snapshot: SnapshotView) -> str:
    compiled_from = [
        f"{one.kind}/{qualified(one.namespace, one.name)} generation {one.generation}" for one in snapshot.documents
    ]
    return yaml_text({"documents": compiled_from, **snapshot.content.model_dump(mode="json")})
