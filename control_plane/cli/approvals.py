"""`tiermesh approval list | approve | reject`: changes that wait for a second person."""

from typing import Annotated

import typer

from control_plane.cli.options import SERVER, As, Reason, Server, author, connect
from control_plane.cli.printing import Output, show, table, when
from control_plane.spec.approvals import Approval, State

Number = Annotated[int, typer.Argument(metavar="NUMBER", min=1, help="The request's.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="Changes that wait for a second person.")
    group.command("list", epilog="Example: tiermesh approval list --state pending -o json")(list_newest)
    group.command(epilog="Example: tiermesh approval approve 12 --reason 'read and tried'")(approve)
    group.command(epilog="Example: tiermesh approval reject 12 --reason 'too long'")(reject)
    app.add_typer(group, name="approval")


def list_newest(
    state: Annotated[State | None, typer.Option("--state", help="Only those.")] = None,
    output: As = Output.TABLE,
    server: Server = SERVER,
) -> None:
    """Show the newest requests."""
    with connect(server) as client:
        found = client.approvals(state)
    if output is not Output.TABLE:
        show([one.model_dump(mode="json") for one in found], output)
        return
    table(("NUMBER", "STATE", "WHAT", "BY", "AT", "REASON", "DECIDED BY"), [_row(one) for one in found])


def approve(number: Number, reason: Reason = "", output: As = Output.TABLE, server: Server = SERVER) -> None:
    """Carry a change out. Who has asked for it cannot."""
    _decide(number, True, reason, output, server)


def reject(number: Number, reason: Reason = "", output: As = Output.TABLE, server: Server = SERVER) -> None:
    """Leave everything as it is."""
    _decide(number, False, reason, output, server)


def _decide(number: int, approved: bool, reason: str, output: Output, server: str) -> None:
    with connect(server) as client:
        found = client.decide(number, approved, author(), reason)
    if output is not Output.TABLE:
        show(found.model_dump(mode="json"), output)
        return
    typer.echo(f"{found.summary}: {found.state.value}.")


def _row(one: Approval) -> tuple[object, ...]:
    return one.id, one.state.value, one.summary, one.requested_by, when(one.requested_at), one.reason, one.decided_by
