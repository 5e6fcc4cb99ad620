"""`tiermesh token create | list | revoke` and `tiermesh whoami`: who may ask the control plane, and who asks."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from control_plane.cli.options import SERVER, As, Name, Reason, Server, connect
from control_plane.cli.printing import Output, show, table, when
from control_plane.spec.people import Binding, Principal, Token

Days = Annotated[int, typer.Option("--days", min=0, max=3650, help="How long it holds; 0: until it is revoked.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="Who may ask the control plane.")
    group.command(epilog="Example: tiermesh token create alice-laptop --for alice --grant operator@shop")(create)
    group.command("list", epilog="Example: tiermesh token list -o json")(list_all)
    group.command(epilog="Example: tiermesh token revoke alice-laptop --reason 'laptop lost'")(revoke)
    app.add_typer(group, name="token")
    app.command(epilog="Example: tiermesh whoami -o yaml")(whoami)


def _bindings(texts: list[str]) -> list[Binding]:
    try:
        return [Binding.read(text) for text in texts]
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def create(
    name: Name,
    grant: Annotated[
        list[str] | None,
        typer.Option("--grant", metavar="ROLE@NAMESPACE", help="A role: viewer, experimenter, operator, admin."),
    ] = None,
    person: Annotated[str | None, typer.Option("--for", help="Who it stands for; by default its own name.")] = None,
    router: Annotated[bool, typer.Option("--router", help="What a router needs, and nothing else.")] = False,
    days: Days = 90,
    reason: Reason = "",
    output: As = Output.TABLE,
    server: Server = SERVER,
) -> None:
    """Make a token, print it, and keep its hash alone: it cannot be shown again."""
    bindings = _bindings(grant or [])
    if not bindings and not router:
        raise typer.BadParameter("give it a role with --grant ROLE@NAMESPACE, or make it a --router's")
    ends = datetime.now(UTC).replace(microsecond=0) + timedelta(days=days) if days else None
    wanted: dict[str, Any] = {
        "name": name,
        "person": person,
        "bindings": [one.model_dump(mode="json") for one in bindings],
        "router": router,
        "expiresAt": ends and ends.isoformat(),
        "reason": reason,
    }
    with connect(server) as client:
        made = client.create_token(wanted)
    if output is not Output.TABLE:
        show(made.model_dump(mode="json"), output)
        return
    until = f"until {when(made.expires_at)}" if made.expires_at else "until it is revoked"
    typer.echo(f"Token {made.name} of {made.person}, {_may(made)}, {until}; shown this once:\n{made.secret}")


def list_all(output: As = Output.TABLE, server: Server = SERVER) -> None:
    """Show the tokens that you may revoke; their secrets are kept nowhere."""
    with connect(server) as client:
        tokens = client.tokens()
    if output is Output.TABLE:
        headers = ("NAME", "FOR", "MAY", "STATE", "EXPIRES", "LAST USED", "MADE BY")
        table(headers, [_row(token) for token in tokens])
    else:
        show([token.model_dump(mode="json") for token in tokens], output)


def revoke(name: Name, reason: Reason = "", output: As = Output.TABLE, server: Server = SERVER) -> None:
    """Take a token back: the control plane refuses it from now on."""
    with connect(server) as client:
        token = client.revoke_token(name, reason)
    if output is not Output.TABLE:
        show(token.model_dump(mode="json"), output)
        return
    typer.echo(f"Token {token.name} of {token.person} is revoked.")


def whoami(output: As = Output.TABLE, server: Server = SERVER) -> None:
    """Show who the control plane takes you for, and what you may do."""
    with connect(server) as client:
        found = client.whoami()
    if output is Output.TABLE:
        table(("NAME", "KNOWN BY", "FROM", "MAY"), [(found.name, found.via, found.address, _may(found))])
    else:
        show(found.model_dump(mode="json"), output)


def _may(one: Token | Principal) -> str:
    return ", ".join([*map(str, one.bindings), *(["router"] if one.router else [])]) or "nothing"


def _row(token: Token) -> tuple[object, ...]:
    if token.revoked_at:
        state = "revoked"
    else:
        state = "expired" if token.expires_at and token.expires_at <= datetime.now(UTC) else "valid"
    ends = when(token.expires_at) if token.expires_at else "never"
    used = token.last_used_at and when(token.last_used_at)
    return token.name, token.person, _may(token), state, ends, used, token.created_by
