"""`tiermesh route explain`: why a router would choose what it would choose."""

from typing import Annotated, Any

import httpx2
import typer

from control_plane.cli.options import As, Output, Vars, pairs
from control_plane.cli.printing import as_json, as_yaml, table
from control_plane.spec.errors import Code, TiermeshError

ROUTER_ADMIN_URL = "http://127.0.0.1:8082"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="The names that callers use.")
    group.command(epilog='Example: tiermesh route explain shop "Do you ship to Norway?"')(explain)
    app.add_typer(group, name="route")


def explain(
    route: Annotated[str, typer.Argument(help="The model that callers write.")],
    question: Annotated[str, typer.Argument(help="What a caller might ask.")],
    var: Vars = None,
    router: Annotated[
        str, typer.Option("--router", envvar="TIERMESH_ADMIN", help="The router's admin address.")
    ] = ROUTER_ADMIN_URL,
    output: As = Output.TABLE,
) -> None:
    """Show which tier and models a question would go to, and why. Calls no model."""
    request: dict[str, Any] = {"model": route, "messages": [{"role": "user", "content": question}]}
    if var:
        request["tiermesh"] = {"variables": pairs(var)}
    answer = _ask(router, request)
    if output is Output.YAML:
        as_yaml([answer])
    elif output is Output.JSON:
        as_json(answer)
    else:
        _print(answer)


def _ask(router: str, request: dict[str, Any]) -> dict[str, Any]:
    try:
        response = httpx2.post(f"{router.rstrip('/')}/explain", json=request, trust_env=False)
        body = response.json()
    except (httpx2.TransportError, httpx2.InvalidURL) as error:
        message = f"The router's admin port at {router} does not answer ({type(error).__name__})."
        raise TiermeshError(
            Code.UNAVAILABLE, message, "Start it with 'tiermesh up', or name it with --router."
        ) from error
    except ValueError:
        body = None
    if not isinstance(body, dict) or (response.is_error and "error" not in body):
        message = f"{router} answered {response.status_code} and is not a router's admin port."
        raise TiermeshError(Code.UPSTREAM_FAILED, message, f"The default is {ROUTER_ADMIN_URL}.")
    if response.is_error:
        raise TiermeshError(Code.INVALID_REQUEST, str(body["error"].get("message", body["error"])))
    return body


def _print(answer: dict[str, Any]) -> None:
    plain = {key: value for key, value in answer.items() if not isinstance(value, (dict, list))}
    table(("WHAT", "VALUE"), [*plain.items(), ("candidates", ", ".join(map(str, answer.get("candidates", []))))])
    typer.echo("\nFeatures of the question")
    table(("FEATURE", "VALUE"), answer.get("features", {}).items())
    typer.echo("\nReasons")
    table(("CODE", "WHY"), [(reason["code"], reason["text"]) for reason in answer.get("reasons", [])])
