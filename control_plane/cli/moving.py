"""`tiermesh export | edit`: documents out, with the routers that they name; and one document out, changed and in
again."""

import os
import shlex
import subprocess
import tempfile
from pathlib import Path
from typing import Annotated, Literal

import typer

from control_plane.cli.documents import written
from control_plane.cli.options import (
    SERVER,
    As,
    Kind,
    Manager,
    Name,
    Namespace,
    Namespaces,
    Reason,
    Server,
    author,
    connect,
)
from control_plane.cli.printing import Output, json_text, yaml_text, yaml_texts
from control_plane.client.files import parse_documents, write_folder
from control_plane.spec.documents import dump, stored
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.names import DEFAULT_NAMESPACE, EVERY_NAMESPACE, TIERMESH
from control_plane.spec.records import Applied
from control_plane.spec.references import routers

Form = Annotated[Literal["yaml", "json"], typer.Option("-o", "--output", help="How to print it.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(epilog="Example: tiermesh export --out mesh && tiermesh apply -f mesh --server http://other:8090")(
        export
    )
    app.command(epilog="Example: EDITOR=nano tiermesh edit route shop --reason 'longer answers'")(edit)


def export(
    output: Form = "yaml",
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Write into this folder, with the learned routers that Routes name."),
    ] = None,
    namespace: Namespaces = None,
    server: Server = SERVER,
) -> None:
    """Print all documents, of all namespaces where none is named, so that `apply` of them makes the same snapshot."""
    with connect(server) as client:
        documents = client.export(namespace or EVERY_NAMESPACE)
        named = sorted(routers(documents))
        artifacts = {} if out is None else {name: client.artifact(name) for name in named}
    values = [stored(document) for document in documents]
    text = json_text(values) if output == "json" else yaml_texts(values)
    if out is not None:
        write_folder(out, f"documents.{output}", text, artifacts)
        typer.echo(f"{out} holds {len(values)} documents and {len(artifacts)} learned routers.", err=True)
        return
    typer.echo(text, nl=False)
    if named:
        hint = "'tiermesh export --out DIR' writes them beside the documents."
        typer.echo(f"note: Routes name learned routers ({', '.join(named)}), which are not in here: {hint}", err=True)


def edit(
    kind: Kind,
    name: Name,
    reason: Reason = "",
    namespace: Namespace = None,
    manager: Manager = TIERMESH,
    output: As = Output.TABLE,
    server: Server = SERVER,
) -> None:
    """Open a document in $VISUAL or $EDITOR and apply it when that ends. What cannot be applied stays in a file."""
    with connect(server) as client:
        before = yaml_text(dump(client.get(kind, name, namespace or DEFAULT_NAMESPACE)))
        file = _draft(f"{kind.lower()}-{name}-", before)
        _edited(file)
        after = file.read_text(encoding="utf-8")
        if after.strip() in ("", before.strip()):
            file.unlink()
            if output is Output.TABLE:
                typer.echo("Nothing was changed.")
            else:
                written(Applied(changes=(), snapshot=None, published=False), output)
            return
        try:
            applied = client.apply(parse_documents(after, str(file), file.parent), author(), reason, manager=manager)
        except TiermeshError:
            typer.echo(f"What you wrote is in {file}.", err=True)
            raise
    file.unlink()
    written(applied, output)


def _draft(prefix: str, text: str) -> Path:
    with tempfile.NamedTemporaryFile("w", prefix=prefix, suffix=".yaml", delete=False, encoding="utf-8") as file:
        file.write(text)
    return Path(file.name)


def _edited(file: Path) -> None:
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    try:
        done = subprocess.run([*shlex.split(editor), str(file)], check=False)
    except OSError as error:
        file.unlink()
        message = f"The editor {editor!r} does not start: {error.strerror}."
        raise TiermeshError(Code.SETUP, message, "Name one with EDITOR.") from error
    if done.returncode:
        message = f"The editor {editor!r} ended with {done.returncode}; nothing was changed."
        raise TiermeshError(Code.INVALID_REQUEST, message, f"What you wrote is in {file}.")
