"""`tiermesh prompt list | push | pull | diff | alias | render`: what is said to models."""

from pathlib import Path
from typing import Annotated, Any

import typer

from control_plane.cli.options import SERVER, As, Reason, Server, Vars, author, connect, documents_of, pairs
from control_plane.cli.printing import (
    Output,
    difference_lines,
    differing,
    failure,
    show,
    table,
    when,
    yaml_text,
)
from control_plane.client.registry import RegistryClient
from control_plane.spec.documents import API_VERSION, Prompt
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.prompts import Pattern, PinnedPrompt, variables
from control_plane.spec.registry import PromptSummary, PromptVersion, VersionSummary

COMMIT = "tiermesh.dev/commit"

Which = Annotated[str, typer.Argument(metavar="NAME[@ALIAS|/VERSION]", help="By default its newest version.")]
Known = Annotated[str, typer.Argument(metavar="NAME", help="The prompt's name.")]
Source = Annotated[Path, typer.Argument(metavar="FILE|-", help="Documents of kind Prompt; - reads standard input.")]
Sink = Annotated[Path | None, typer.Option("-f", "--file", help="Write it there instead of printing it.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="What is said to models: versions and aliases in MLflow.")
    group.command("list", epilog="Example: tiermesh prompt list shop-assistant -o json")(list_all)
    group.command(epilog="Example: tiermesh prompt push prompts/support.yaml")(push)
    group.command(epilog="Example: tiermesh prompt pull support@production -f support.yaml")(pull)
    group.command(epilog="Example: tiermesh prompt diff support@production support/4")(diff)
    group.command(epilog="Example: tiermesh prompt alias support production 4 --reason 'shorter answers'")(alias)
    group.command(epilog="Example: tiermesh prompt render support@production --var language=German")(render)
    app.add_typer(group, name="prompt")


def list_all(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="One prompt's versions.")] = None,
    output: As = Output.TABLE,
    server: Server = SERVER,
) -> None:
    """Show all prompts, their aliases, who uses them and what has drifted; or the versions of one."""
    with connect(server) as client:
        found: list[PromptSummary] | list[VersionSummary]
        found = client.prompts() if name is None else client.prompt_versions(name)
    if output is not Output.TABLE:
        show([one.model_dump(mode="json") for one in found], output)
    elif name is None:
        table(("NAME", "NEWEST", "ALIASES", "ROUTES", "DRIFT"), [_prompt_row(one) for one in found])
    else:
        table(("VERSION", "ALIASES", "AUTHOR", "AT", "COMMIT", "MESSAGE"), [_version_row(one) for one in found])


def push(file: Source, output: As = Output.TABLE, server: Server = SERVER) -> None:
    """Write a version for each document of kind Prompt, where the newest says something else."""
    prompts = _prompts(file)
    with connect(server) as client:
        found = [
            client.push_prompt(one.metadata.name, one.spec, author(), one.metadata.annotations.get(COMMIT, "")[:200])
            for one in prompts
        ]
    if output is not Output.TABLE:
        show([one.model_dump(mode="json", exclude_none=True) for one in found], output)
        return
    for one in found:
        what = "written" if one.created else "unchanged: the newest version says the same"
        typer.echo(f"{one.version.name}/{one.version.version} {what}")


def pull(which: Which, file: Sink = None, output: As = Output.YAML, server: Server = SERVER) -> None:
    """Print a version as a document of kind Prompt, or write it to a file."""
    with connect(server) as client:
        document = _document(_version(client, which))
    if file is None:
        show(document, Output.YAML if output is Output.TABLE else output)
        return
    try:
        file.write_text(yaml_text(document), encoding="utf-8")
    except OSError as error:
        message = f"{file} cannot be written: {error.strerror}."
        raise TiermeshError(Code.INVALID_REQUEST, message, "Check the path and its permissions.") from error
    typer.echo(f"{which} is in {file}.")


def diff(
    which: Which,
    other: Annotated[str | None, typer.Argument(metavar="[OTHER]", help="Another version of it.")] = None,
    file: Annotated[Path | None, typer.Option("-f", "--file", help="Compare with this document instead.")] = None,
    output: As = Output.TABLE,
    server: Server = SERVER,
) -> None:
    """Show how two versions differ, or a version and a file. Exit code 0: not at all, 1: somehow, 2: not found out."""
    try:
        with connect(server) as client:
            before = _version(client, which)
            if file is not None:
                (after, after_name) = (_from_file(file, before.name), str(file))
            elif other is not None:
                (after, after_name) = (_version(client, other), other)
            else:
                message = "There is nothing to compare with."
                raise TiermeshError(Code.INVALID_REQUEST, message, "Name another version, or a file with -f.")
    except TiermeshError as error:
        failure(error)
        raise typer.Exit(2) from error
    differing(difference_lines(yaml_text(before.said()), yaml_text(after.said()), which, after_name), output)


def alias(
    name: Known,
    alias: Annotated[str, typer.Argument(metavar="ALIAS", help="Such as production.")],
    version: Annotated[int, typer.Argument(metavar="VERSION", min=1, help="Where it shall lead.")],
    reason: Reason = "",
    output: As = Output.TABLE,
    server: Server = SERVER,
) -> None:
    """Let an alias lead to a version. Routes that name it say the new text as soon as they follow the snapshot."""
    with connect(server) as client:
        moved = client.move_alias(name, alias, version, author(), reason)
    if output is not Output.TABLE:
        show(moved.model_dump(mode="json"), output)
        return
    typer.echo(f"{name}@{alias} leads to version {version}" + (f", before {moved.before}." if moved.before else "."))
    for said in moved.rollouts:
        typer.echo(f"Not at once: {said}.")
    if moved.published:
        typer.echo(f"Snapshot {moved.snapshot} is in force.")
    else:
        typer.echo("No Route's prompt changes.")


def render(
    which: Which,
    var: Vars = None,
    output: As = Output.TABLE,
    server: Server = SERVER,
) -> None:
    """Fill a version in and show what a model would read. Calls no model."""
    values = pairs(var or [])
    with connect(server) as client:
        found = _version(client, which)
    wanted = variables(found)
    missing, unknown = [name for name in wanted if name not in values], [name for name in values if name not in wanted]
    if missing or unknown:
        name = (missing or unknown)[0]
        what = f"needs the variable {name!r}" if missing else f"has no variable {name!r}"
        hint = f"It has: {', '.join(wanted) or 'none'}; give each with --var NAME=VALUE."
        raise TiermeshError(Code.INVALID_REQUEST, f"Version {found.version} of {found.name!r} {what}.", hint)
    filled = [(one.role.value, Pattern.parse(one.content).fill(values)) for one in found.messages]
    if output is Output.TABLE:
        table(("ROLE", "CONTENT"), filled)
    else:
        said = [{"role": role, "content": content} for role, content in filled]
        show({"name": found.name, "version": found.version, "messages": said}, output)


def _version(client: RegistryClient, which: str) -> PromptVersion:
    """The version that NAME, NAME@ALIAS or NAME/VERSION names."""
    if "@" in which:
        name, _, chosen = which.partition("@")
        return client.prompt_version(name, chosen)
    name, _, number = which.partition("/")
    if not number:
        return client.prompt_version(name, max(one.version for one in client.prompt_versions(name)))
    return client.prompt_version(name, number)


def _prompts(file: Path) -> list[Prompt]:
    found = [document for document in documents_of(file) if isinstance(document, Prompt)]
    if not found:
        message = f"{file} holds no document of kind Prompt."
        raise TiermeshError(Code.INVALID_DOCUMENT, message, "'tiermesh prompt pull NAME' writes one.")
    return found


def _from_file(file: Path, name: str) -> PinnedPrompt:
    found = _prompts(file)
    wanted = next((one for one in found if one.metadata.name == name), found[0])
    said = {**wanted.spec.said(), "name": wanted.metadata.name, "version": 1}
    return PinnedPrompt.model_validate(said)


def _document(version: PromptVersion) -> dict[str, Any]:
    spec = {**version.said(), **({"message": version.message} if version.message else {})}
    metadata: dict[str, Any] = {"name": version.name}
    if version.commit:
        metadata["annotations"] = {COMMIT: version.commit}
    return {"apiVersion": API_VERSION, "kind": "Prompt", "metadata": metadata, "spec": spec}


def _prompt_row(one: PromptSummary | VersionSummary) -> tuple[object, ...]:
    assert isinstance(one, PromptSummary)
    aliases = ", ".join(f"{alias}={version}" for alias, version in one.aliases.items())
    return one.name, one.newest, aliases, ", ".join(one.routes), "; ".join(one.drift)


def _version_row(one: PromptSummary | VersionSummary) -> tuple[object, ...]:
    assert isinstance(one, VersionSummary)
    said = one.problem or one.message
    return one.version, ", ".join(one.aliases), one.author, when(one.created_at), one.commit[:12], said
