"""`tiermesh audit list | verify | export`: who changed what, when, why; and proof that nothing of it was changed."""

import json
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Literal

import typer

from control_plane.audit import verify as verify_chain
from control_plane.cli.options import SERVER, As, Server, connect
from control_plane.cli.printing import Output, failure, show, table, when
from control_plane.client.http import Client
from control_plane.spec.audit import DONE, Anchor, AuditEntry, Verdict
from control_plane.spec.errors import Code, TiermeshError

_PAGE = 1000
_BROKEN = 1
_UNKNOWN = 2


Form = Annotated[Literal["lines", "json"], typer.Option("-o", "--output", help="How to write them.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="What was done and refused, and proof that nothing was changed.")
    group.command("list", epilog="Example: tiermesh audit list --limit 20 -o json")(list_newest)
    group.command(epilog="Example: tiermesh audit verify --file audit.jsonl --anchor 57:HASH")(verify)
    group.command(epilog="Example: tiermesh audit export --file audit.jsonl")(export)
    app.add_typer(group, name="audit")


def list_newest(
    limit: Annotated[int, typer.Option("--limit", min=1, max=_PAGE, help="How many.")] = 50,
    before: Annotated[int | None, typer.Option("--before", min=1, help="Older than this entry.")] = None,
    output: As = Output.TABLE,
    server: Server = SERVER,
) -> None:
    """Show the newest entries."""
    with connect(server) as client:
        entries = client.audit(before=before, limit=limit)
    values = [entry.model_dump(mode="json") for entry in entries]
    if output is not Output.TABLE:
        show(values, output)
    else:
        table(
            ("NUMBER", "AT", "WHO", "FROM", "ACTION", "WHAT", "OUTCOME", "REASON"), [_row(entry) for entry in entries]
        )


def verify(
    file: Annotated[Path | None, typer.Option("--file", help="An export, checked here without a server.")] = None,
    anchor: Annotated[
        list[str] | None, typer.Option("--anchor", metavar="NUMBER:SHA256", help="Kept from an earlier verify.")
    ] = None,
    output: As = Output.TABLE,
    server: Server = SERVER,
) -> None:
    """Find every entry that was edited, dropped, added or moved. Exit code 0: none, 1: some, 2: could not be found out.

    Without an anchor it cannot tell that the end of an export was cut off, nor that somebody who can write the
    database computed all hashes anew: keep the anchor that it prints where they cannot write.
    """
    try:
        anchors = [_anchor(text) for text in anchor or []]
        if file is not None:
            verdict = verify_chain(_read(file), anchors)
        else:
            with connect(server) as client:
                verdict = client.verify_audit(anchors)
    except TiermeshError as error:
        failure(error)
        raise typer.Exit(_UNKNOWN) from error
    _print(verdict, output)
    raise typer.Exit(0 if verdict.holds else _BROKEN)


def export(
    file: Annotated[Path | None, typer.Option("--file", help="Where to; by default standard output.")] = None,
    output: Form = "lines",
    server: Server = SERVER,
) -> None:
    """Write all entries, oldest first: as JSON lines, which `verify --file` can check anywhere, or as one list."""
    with connect(server) as client:
        last, whole = None, output == "json"
        with nullcontext(sys.stdout) if file is None else file.open("w", encoding="utf-8") as out:
            out.write("[" if whole else "")
            for index, last in enumerate(_every(client)):
                comma = "," if whole and index else ""
                out.write(comma + json.dumps(last.model_dump(mode="json"), ensure_ascii=False) + "\n")
            out.write("]\n" if whole else "")
    head = Anchor(sequence=last.sequence, sha256=last.sha256) if last else None
    typer.echo(f"{head.sequence} entries; the anchor is {head}" if head else "No entries.", err=True)


def _every(client: Client) -> Iterator[AuditEntry]:
    after = 0
    while entries := client.audit(after=after, limit=_PAGE):
        yield from entries
        after = entries[-1].sequence


def _read(file: Path) -> Iterator[AuditEntry | None]:
    """The entries of an export, in its order; None for a line that is none."""
    try:
        with file.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                yield _entry(line)
    except OSError as error:
        message = f"{file} cannot be read: {error.strerror}."
        raise TiermeshError(Code.INVALID_REQUEST, message, "Name a file that 'tiermesh audit export' wrote.") from error


def _entry(line: str) -> AuditEntry | None:
    try:
        return AuditEntry.model_validate_json(line)
    except ValueError:
        return None


def _anchor(text: str) -> Anchor:
    try:
        return Anchor.read(text)
    except ValueError as error:
        raise TiermeshError(Code.INVALID_REQUEST, f"{text!r} is no anchor.", "Write it as NUMBER:SHA256.") from error


def _print(verdict: Verdict, output: Output) -> None:
    if output is not Output.TABLE:
        show(verdict.model_dump(mode="json"), output)
    else:
        if verdict.faults:
            table(("ENTRY", "WHAT IS WRONG"), [(fault.sequence or None, fault.what) for fault in verdict.faults])
        state = "as they were written" if verdict.holds else "NOT as they were written"
        typer.echo(f"{verdict.entries} entries, {state}; the anchor is {verdict.head}")


def _row(entry: AuditEntry) -> tuple[object, ...]:
    snapshot = f" (snapshot {entry.snapshot})" if entry.snapshot else ""
    times = f" ×{entry.times}" if entry.times > 1 else ""
    outcome = entry.outcome if entry.outcome == DONE else f"{entry.outcome}{times}"
    what = "; ".join(entry.what) + snapshot
    return entry.sequence, when(entry.at), entry.who, entry.address, entry.action, what, outcome, entry.reason
