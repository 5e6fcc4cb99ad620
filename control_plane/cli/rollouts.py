"""`tiermesh rollout list | status | promote | pause | resume | abort`: careful changes, step by step."""

import time
from typing import Annotated

import typer

from control_plane.cli import drawing
from control_plane.cli.options import SERVER, As, Name, Namespace, Namespaces, Reason, Server, author, connect
from control_plane.cli.printing import Output, show, table, when
from control_plane.spec.courses import Command, Decision, Phase, RolloutStatus
from control_plane.spec.names import DEFAULT_NAMESPACE, qualified

WATCH_SECONDS = 1.0

Watch = Annotated[bool, typer.Option("--watch", "-w", help="Print it again whenever it changes, until it is over.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="Careful changes of Routes, step by step.")
    group.command("list", epilog="Example: tiermesh rollout list -n '*'")(list_all)
    group.command(epilog="Example: tiermesh rollout status new-model --watch")(status)
    group.command(epilog="Example: tiermesh rollout promote new-model --reason 'read fifty answers'")(promote)
    group.command(epilog="Example: tiermesh rollout pause new-model")(pause)
    group.command(epilog="Example: tiermesh rollout resume new-model")(resume)
    group.command(epilog="Example: tiermesh rollout abort new-model --reason 'wrong tone'")(abort)
    app.add_typer(group, name="rollout")


def list_all(namespace: Namespaces = None, output: As = Output.TABLE, server: Server = SERVER) -> None:
    """Show all Rollouts and how far they are."""
    with connect(server) as client:
        documents = client.list("Rollout", namespace or DEFAULT_NAMESPACE)
        found = [client.rollout(one.metadata.name, one.metadata.namespace) for one in documents]
    if output is not Output.TABLE:
        show([one.model_dump(mode="json") for one in found], output)
        return
    table(("NAME", "ROUTE", "STATE", "STEP", "WEIGHT", "SINCE", "PROBLEM"), [_row(one) for one in found])


def status(
    name: Name,
    namespace: Namespace = None,
    watch: Watch = False,
    output: As = Output.TABLE,
    server: Server = SERVER,
) -> None:
    """Show a Rollout's steps, its guardrails and what was decided so far."""
    space, last = namespace or DEFAULT_NAMESPACE, None
    with connect(server) as client:
        while True:
            found = client.rollout(name, space)
            if found != last:
                _show(found, output, watch)
            if not watch or found.phase.over:
                return
            last = found
            time.sleep(WATCH_SECONDS)


def promote(
    name: Name,
    full: Annotated[bool, typer.Option("--full", help="Past all steps that are left.")] = False,
    namespace: Namespace = None,
    reason: Reason = "",
    output: As = Output.TABLE,
    server: Server = SERVER,
) -> None:
    """Go on to the next step; behind the last one the Route says what the candidate does."""
    _tell(name, Command.PROMOTE, namespace, reason, output, server, full)


def pause(
    name: Name, namespace: Namespace = None, reason: Reason = "", output: As = Output.TABLE, server: Server = SERVER
) -> None:
    """Hold it where it is. What does harm is taken back all the same."""
    _tell(name, Command.PAUSE, namespace, reason, output, server)


def resume(
    name: Name, namespace: Namespace = None, reason: Reason = "", output: As = Output.TABLE, server: Server = SERVER
) -> None:
    """Let it go on where it was held."""
    _tell(name, Command.RESUME, namespace, reason, output, server)


def abort(
    name: Name, namespace: Namespace = None, reason: Reason = "", output: As = Output.TABLE, server: Server = SERVER
) -> None:
    """Take the candidate back at once, from everybody."""
    _tell(name, Command.ABORT, namespace, reason, output, server)


def _tell(
    name: str,
    command: Command,
    namespace: str | None,
    reason: str,
    output: Output,
    server: str,
    full: bool = False,
) -> None:
    with connect(server) as client:
        found = client.tell(name, command, author(), reason, namespace or DEFAULT_NAMESPACE, full=full)
    if output is not Output.TABLE:
        show(found.model_dump(mode="json"), output)
        return
    typer.echo(_headline(found))


def _show(found: RolloutStatus, output: Output, watch: bool) -> None:
    if output is not Output.TABLE:
        show(found.model_dump(mode="json"), output, one_of_many=watch)
        return
    typer.echo(_headline(found))
    for line in drawing.steps(found):
        typer.echo(line)
    if found.evidence.guardrails:
        rows = [(one.metric, one.standing.value, one.text) for one in found.evidence.guardrails]
        table(("GUARDRAIL", "IS", "EVIDENCE"), rows)
    if found.evidence.doubt:
        typer.echo(f"Doubtful: {found.evidence.doubt}.")
    if found.history and not watch:
        table(("AT", "BY", "STATE", "WEIGHT", "SNAPSHOT", "WHY"), [_decision(one) for one in found.history])


def _headline(found: RolloutStatus) -> str:
    name = qualified(found.namespace, found.name)
    where = "" if found.phase.over or found.phase is Phase.PENDING else f", the candidate has {found.weight:g}%"
    problem = f" ({found.problem})" if found.problem else ""
    change = f", {found.following}" if found.following else ""
    return f"{name} of Route {found.route}{change}: {found.phase.value}{where}{problem}"


def _row(one: RolloutStatus) -> tuple[object, ...]:
    step = f"{min(one.step + 1, len(one.steps))} of {len(one.steps)}"
    since = when(one.since) if one.since else None
    name = qualified(one.namespace, one.name)
    return name, one.route, one.phase.value, step, f"{one.weight:g}%", since, one.problem


def _decision(one: Decision) -> tuple[object, ...]:
    why = "; ".join(reason.text for reason in one.reasons)
    return when(one.at), one.by, one.phase.value, f"{one.weight:g}%", one.snapshot, why
