"""`tiermesh route explain`: why a router would choose what it would choose."""

import json
from typing import Annotated, Any

import typer

from control_plane.cli.admin_port import ROUTER_ADMIN_URL, Router, ask
from control_plane.cli.options import As, Vars, pairs
from control_plane.cli.printing import Output, show, table


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="The names that callers use.")
    group.command(
        epilog='Example: tiermesh route explain shop "Do you ship to Norway?" --header x-tiermesh-unit=shopper-7'
    )(explain)
    app.add_typer(group, name="route")


def explain(
    route: Annotated[str, typer.Argument(help="The model that callers write.")],
    question: Annotated[str, typer.Argument(help="What a caller might ask.")],
    var: Vars = None,
    header: Annotated[
        list[str] | None, typer.Option("--header", metavar="NAME=VALUE", help="A header, such as x-tiermesh-unit.")
    ] = None,
    router: Router = ROUTER_ADMIN_URL,
    output: As = Output.TABLE,
) -> None:
    """Show which tier and models a question would go to, and why. Calls no model."""
    request: dict[str, Any] = {"model": route, "messages": [{"role": "user", "content": question}]}
    if var:
        request["tiermesh"] = {"variables": pairs(var)}
    answer = ask(router, "/explain", json.dumps(request).encode(), pairs(header or []))
    if output is not Output.TABLE:
        show(answer, output)
    else:
        _print(answer)


def _print(answer: dict[str, Any]) -> None:
    plain = {key: value for key, value in answer.items() if not isinstance(value, (dict, list))}
    table(("WHAT", "VALUE"), [*plain.items(), ("candidates", ", ".join(map(str, answer.get("candidates", []))))])
    if (semantic := answer.get("semantic")) is not None:
        typer.echo(f"\nSemantic cache: {semantic['verdict']}; 'tiermesh cache explain' says why")
    typer.echo("\nFeatures of the question")
    table(("FEATURE", "VALUE"), answer.get("features", {}).items())
    typer.echo("\nReasons")
    table(("CODE", "WHY"), [(reason["code"], reason["text"]) for reason in answer.get("reasons", [])])
