"""`tiermesh up`, `down` and `status`: the mesh of this machine. Thin: the launcher does the work."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from control_plane.cli.options import As
from control_plane.cli.printing import Output, show, table
from control_plane.spec.errors import Code, TiermeshError

if TYPE_CHECKING:
    from launcher.status import Report

Documents = Annotated[
    Path | None,
    typer.Option("-f", "--file", help="A file or folder of documents to apply; by default the bundled shop."),
]
Detach = Annotated[bool, typer.Option("--detach", help="Return when it is ready, and leave it running.")]


def register(app: typer.Typer) -> None:
    """Add the three commands."""
    app.command(epilog="Example: tiermesh up -f examples/shop --detach")(up)
    app.command(epilog="Example: tiermesh down -o json")(down)
    app.command(epilog="Example: tiermesh status -o json")(status)


def up(file: Documents = None, detach: Detach = False, output: As = Output.TABLE) -> None:
    """Start models, control plane and router on this machine; Ctrl-C stops all of it.

    With -o yaml or json, the status at the end is what is printed; progress goes to standard error.
    """
    with _installed():
        from launcher.detached import up_detached
        from launcher.settings import UpSettings
        from launcher.status import status as look
        from launcher.up import up as up_here

    settings = UpSettings.load(documents=file) if file else UpSettings.load()
    console = Console(stderr=output is not Output.TABLE)
    ready = up_detached(settings, console) if detach else up_here(settings, console)
    if output is not Output.TABLE:
        show(look(settings).model_dump(mode="json", by_alias=True), output)
    raise typer.Exit(0 if ready else 1)


def down(output: As = Output.TABLE) -> None:
    """Stop what `tiermesh up` started, or what a killed one left. Nothing running is fine."""
    with _installed():
        from launcher.down import down as stop
        from launcher.settings import UpSettings

    settings = UpSettings.load()
    stopped = stop(settings)
    if output is not Output.TABLE:
        show({"home": str(settings.home), **asdict(stopped)}, output)
    elif stopped.launcher:
        typer.echo(f"The mesh of {settings.home} is stopped.")
    elif stopped.leftovers:
        typer.echo(f"Stopped {stopped.leftovers} processes that a killed 'tiermesh up' of {settings.home} had left.")
    else:
        typer.echo(f"No mesh of {settings.home} runs.")


def status(output: As = Output.TABLE) -> None:
    """Show each process, each model and the snapshot each has. Exit code 1 where something is not ready."""
    with _installed():
        from launcher.settings import UpSettings
        from launcher.status import status as look

    report = look(UpSettings.load())
    if output is not Output.TABLE:
        show(report.model_dump(mode="json", by_alias=True), output)
    else:
        _print_table(report)
    raise typer.Exit(0 if report.healthy else 1)


@contextmanager
def _installed() -> Iterator[None]:
    """The launcher's packages come with an extra that the other commands do without."""
    try:
        yield
    except ModuleNotFoundError as error:
        cure = "run 'make install' in a checkout, or pip install 'tiermesh[up]'."
        raise TiermeshError(Code.SETUP, f"The package {error.name} is not installed:", cure) from error


def _print_table(report: "Report") -> None:
    typer.echo(f"{report.home}: {report.phase}")
    if report.processes:
        table(
            ("PROCESS", "PID", "READY", "UP", "RESTARTS", "SNAPSHOT", "ADDRESS"),
            [
                (
                    process.name,
                    process.pid,
                    "yes" if process.ready else "no",
                    f"{process.uptime_seconds:.0f} s",
                    process.restarts,
                    process.snapshot,
                    process.address,
                )
                for process in report.processes
            ],
        )
    if report.models:
        rows = [(name, model.state, f"{model.seconds:.0f} s", model.message) for name, model in report.models.items()]
        table(("MODEL", "STATE", "START", "MESSAGE"), sorted(rows))
