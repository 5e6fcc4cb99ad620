"""`tiermesh model list | describe | register | evaluate | promote`: versions of models in the registry."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any

import httpx2
import typer
from pydantic import ValidationError
from rich.console import Console
from rich.progress import Progress

from control_plane.cli.options import SERVER, As, Reason, Server, author, connect
from control_plane.cli.printing import Output, show, table, when
from control_plane.evaluation import questions, scoring
from control_plane.evaluation.questions import Questions
from control_plane.evaluation.running import Endpoint, Run
from control_plane.evaluation.verdict import bound, share, shortfalls
from control_plane.spec.documents import field_errors
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.versions import (
    Evaluation,
    GateInForce,
    Lineage,
    ModelVersion,
    ModelView,
    RegisteredModel,
    Registration,
)

KEY = "TIERMESH_API_KEY"
MESH_URL = "http://127.0.0.1:8080/v1"

Registered = Annotated[str, typer.Argument(metavar="NAME", help="The model's name in the registry.")]
Number = Annotated[int, typer.Argument(metavar="VERSION", min=1, help="A version's number.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="Versions of models, what they have shown, and which is served.")
    group.command("list", epilog="Example: tiermesh model list -o json")(list_all)
    group.command(epilog="Example: tiermesh model describe support")(describe)
    group.command(
        "register", epilog="Example: tiermesh model register support --source ./weights --base hf://Qwen/Qwen3-8B"
    )(register_version)
    group.command(epilog="Example: tiermesh model evaluate support 2 --against http://127.0.0.1:8000/candidate/v1")(
        evaluate
    )
    group.command(epilog="Example: tiermesh model promote support 2 --reason 'shorter answers'")(promote)
    app.add_typer(group, name="model")


def list_all(output: As = Output.TABLE, server: Server = SERVER) -> None:
    """Show all registered models and what their aliases stand for."""
    with connect(server) as client:
        found = client.registered()
    if output is Output.TABLE:
        table(("NAME", "NEWEST", "VERSIONS", "ALIASES"), [_row(one) for one in found])
    else:
        show([one.model_dump(mode="json") for one in found], output)


def describe(name: Registered, output: As = Output.TABLE, server: Server = SERVER) -> None:
    """Show a model's versions: where they come from, how they did, who promoted them, and what they have to show."""
    with connect(server) as client:
        found = client.registered_model(name)
    if output is not Output.TABLE:
        show(found.model_dump(mode="json"), output)
        return
    about = ("VERSION", "ALIASES", "SHA256", "SOURCE", "BASE", "PARENT", "DATA", "COMMIT", "BY", "AT", "DESCRIPTION")
    table(about, [_version_row(one) for one in found.versions])
    typer.echo("\nEvaluations")
    results = [(version, result) for version in found.versions for result in version.evaluations]
    measured = ("VERSION", "QUESTIONS", "PASSED", "SHARE", "LOWER BOUND", "AGAINST", "WEIGHTS", "BY", "AT", "FAILED")
    table(measured, [_result_row(version, result) for version, result in results])
    typer.echo("\nGates")
    table(("MODEL", "ALIAS", "EVALUATION", "THRESHOLDS"), [_gate_row(gate) for gate in found.gates])
    typer.echo("\nPromotions")
    moves = [(version.version, each) for version in found.versions for each in version.promotions]
    rows = [(number, one.alias, one.by, one.approved_by, when(one.at), one.reason) for number, one in moves]
    table(("VERSION", "ALIAS", "BY", "APPROVED BY", "AT", "REASON"), rows)


def register_version(
    name: Registered,
    source: Annotated[str, typer.Option("--source", metavar="URI|PATH", help="Where its weights are, for good.")],
    sha256: Annotated[str | None, typer.Option("--sha256", help="Found out where the source is a path.")] = None,
    description: Annotated[str, typer.Option("--description", metavar="TEXT")] = "",
    base: Annotated[
        str | None, typer.Option("--base", metavar="URI", help="The model it changes or was made from.")
    ] = None,
    parent: Annotated[int | None, typer.Option("--parent", min=1, help="The version it was made from.")] = None,
    data: Annotated[str | None, typer.Option("--data", metavar="URI", help="What it was trained on.")] = None,
    commit: Annotated[str | None, typer.Option("--commit", help="The code that made it.")] = None,
    output: As = Output.TABLE,
    server: Server = SERVER,
) -> None:
    """Write a version. It never changes; a model comes into being with its first."""
    uri = source if "://" in source or source.startswith("models:") else f"file://{Path(source).absolute()}"
    lineage = {"base": base, "parent": parent, "data": data, "commit": commit}
    said = {
        "source": uri,
        "sha256": sha256 or _checksum(uri),
        "description": description,
        "lineage": Lineage.model_validate({field: value for field, value in lineage.items() if value is not None}),
    }
    registration = _registration(said)
    with connect(server) as client:
        found = client.register(name, registration, author())
    if output is Output.TABLE:
        typer.echo(f"{name}/{found.version} is registered: {found.source}, sha256 {found.sha256}")
    else:
        show(found.model_dump(mode="json"), output)


def evaluate(
    name: Registered,
    version: Number,
    against: Annotated[
        str, typer.Option("--against", metavar="URL", help="Who serves it: an OpenAI API, /v1 included.")
    ],
    model: Annotated[str | None, typer.Option("--model", help="Its name there; by default the registry's.")] = None,
    file: Annotated[
        Path | None, typer.Option("-f", "--file", help="Questions; by default those of the gates before it.")
    ] = None,
    mesh: Annotated[str, typer.Option("--mesh", metavar="URL", help="Where judges and embeddings are.")] = MESH_URL,
    output: As = Output.TABLE,
    server: Server = SERVER,
) -> None:
    """Ask a version the questions of an evaluation file, and keep the result with it.

    Requests carry the key in TIERMESH_API_KEY. Exit code 1 where the result does not open every gate that asks these
    questions.
    """
    key = os.environ.get(KEY)
    with connect(server) as client, httpx2.Client(trust_env=False) as http:
        view, found = client.registered_model(name), client.model_version(name, version)
        stored = []
        for asked in [_read(f"file://{file.absolute()}", http)] if file else _of_gates(view, http):
            run = Run(Endpoint(against, model or name, key), Endpoint(mesh, "", key), http)
            scored, verified = _run(run, found, asked)
            result = scoring.result(scored, found.sha256, asked.sha256, f"{against} {model or name}", verified)
            stored.append(client.evaluated(name, version, result, author()))
    gates = {each.evaluation: _lacks(each, view.gates) for each in stored}
    if output is Output.TABLE:
        _report(stored, gates)
    else:
        show([{**one.model_dump(mode="json"), "lacks": gates[one.evaluation]} for one in stored], output)
    raise typer.Exit(1 if any(gates.values()) else 0)


def promote(
    name: Registered,
    version: Number,
    alias: Annotated[str, typer.Option("--alias", help="The alias to move.")] = "production",
    reason: Reason = "",
    output: As = Output.TABLE,
    server: Server = SERVER,
) -> None:
    """Let an alias stand for a version and publish it; refused until it has passed the gates of who follows it."""
    with connect(server) as client:
        found = client.promote(name, version, alias, author(), reason)
    if output is not Output.TABLE:
        show(found.model_dump(mode="json"), output)
        return
    since = f", and no longer for version {found.before}" if found.before not in (None, version) else ""
    typer.echo(f"{name}@{alias} stands for version {version}{since}.")
    if found.gates:
        typer.echo(f"It passed the gates of: {', '.join(found.gates)}.")
    for said in found.rollouts:
        typer.echo(f"Not at once: {said}.")
    if found.published:
        typer.echo(f"Snapshot {found.snapshot} is in force.")


def _registration(said: dict[str, Any]) -> Registration:
    try:
        return Registration.model_validate(said)
    except ValidationError as error:
        wrong = field_errors(error)
        message = f"The version cannot be registered: {wrong[0].field}: {wrong[0].message}."
        raise TiermeshError(Code.INVALID_REQUEST, message, "Correct it.", errors=wrong) from error


def _checksum(uri: str) -> str:
    """Of weights on this machine, by the program that will check it again before they are served."""
    if not uri.startswith("file://"):
        hint = "Say it with --sha256: that of the archive or manifest, or of a folder, that was published."
        raise TiermeshError(Code.INVALID_REQUEST, f"The checksum of {uri} is not known here.", hint)
    command = [sys.executable, "-m", "model_repo.artifacts", "--checksum", uri.removeprefix("file://")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        why = done.stderr.strip().splitlines()[-1:] or [f"The checksum of {uri} cannot be found out."]
        raise TiermeshError(Code.INVALID_REQUEST, why[0])
    return done.stdout.strip()


def _of_gates(view: ModelView, http: httpx2.Client) -> list[Questions]:
    if not view.gates:
        message = f"No Model that serves {view.name!r} has a gate."
        raise TiermeshError(
            Code.INVALID_REQUEST, message, "Name the questions with -f, or give a Model document a gate."
        )
    found = [_read(gate.evaluation, http, gate.sha256) for gate in view.gates]
    return list({each.sha256: each for each in found}.values())


def _read(uri: str, http: httpx2.Client, sha256: str | None = None) -> Questions:
    try:
        if uri.startswith("file://"):
            content = Path(uri.removeprefix("file://")).read_bytes()
        else:
            answer = http.get(uri, follow_redirects=True)
            content = answer.raise_for_status().content
    except (OSError, httpx2.HTTPError) as error:
        message = f"The evaluation {uri} cannot be read: {error}."
        raise TiermeshError(Code.INVALID_REQUEST, message, "Check the path, or name a copy with -f.") from error
    found = questions.read(content, uri)
    if sha256 not in (None, found.sha256):
        raise TiermeshError(Code.CONFLICT, f"The evaluation {uri} has sha256 {found.sha256}, not {sha256}.")
    return found


def _run(run: Run, version: ModelVersion, asked: Questions) -> tuple[list[scoring.Scored], bool]:
    """The scores, and whether what answers says that it has the version's weights."""
    served = run.weights()
    if served not in (None, version.sha256):
        message = f"{run.version.url} serves {run.version.model!r} with weights {served}, and not {version.sha256}."
        raise TiermeshError(Code.CONFLICT, message, f"Serve version {version.version} there, or name who does.")
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(f"{version.name}/{version.version}", total=len(asked.items))
        told = Run(run.version, run.mesh, run.http, lambda _: bar.advance(task))
        return told.answer_all(asked.items), served is not None


def _lacks(result: Evaluation, gates: tuple[GateInForce, ...]) -> list[str]:
    """What keeps the gates shut that ask these questions, as far as it can be told from here."""
    return [
        f"{gate.model}: {lack}"
        for gate in gates
        if gate.sha256 in (None, result.evaluation)
        for lack in shortfalls(result, gate.thresholds)
    ]


def _report(stored: list[Evaluation], gates: dict[str, list[str]]) -> None:
    headers = ("EVALUATION", "PASSED", "SHARE", "LOWER BOUND (95%)", "WEIGHTS")
    rows = [
        (
            one.evaluation[:12],
            f"{one.all.passed} of {one.all.asked}",
            f"{share(one.all):.1%}",
            f"{bound(one.all):.3f}",
            "as registered" if one.verified else "not said",
        )
        for one in stored
    ]
    table(headers, rows)
    failures = [failure for one in stored for failure in one.failures]
    if failures:
        typer.echo("\nNot passed")
        table(("QUESTION", "WHY", "ANSWER"), [(one.id, f"it {one.why}", one.answer[:100]) for one in failures])
    for lacks in gates.values():
        for lack in lacks:
            typer.echo(f"gate shut: {lack}", err=True)


def _row(model: RegisteredModel) -> tuple[object, ...]:
    aliases = ", ".join(f"{alias}={version}" for alias, version in model.aliases.items())
    return model.name, model.versions[0].version if model.versions else None, len(model.versions), aliases


def _version_row(version: ModelVersion) -> tuple[object, ...]:
    lineage = version.lineage
    return (
        version.version,
        ", ".join(version.aliases),
        version.sha256[:12],
        version.source,
        lineage.base,
        lineage.parent,
        lineage.data,
        lineage.commit,
        version.registered_by,
        when(version.created_at),
        version.description,
    )


def _result_row(version: ModelVersion, result: Evaluation) -> tuple[object, ...]:
    return (
        version.version,
        result.evaluation[:12],
        f"{result.all.passed} of {result.all.asked}",
        f"{share(result.all):.1%}",
        f"{bound(result.all):.3f}",
        result.against,
        "as registered" if result.verified else "not said",
        result.by,
        when(result.at),
        ", ".join(failure.id for failure in result.failures[:5]),
    )


def _gate_row(gate: GateInForce) -> tuple[object, ...]:
    limits = gate.thresholds
    said = [f"passRate {limits.pass_rate:g}"]
    said += [f"lowerBound {limits.lower_bound:g}"] if limits.lower_bound is not None else []
    said += [f"{tag} {least:g}" for tag, least in sorted(limits.tags.items())]
    return gate.model, gate.alias, gate.evaluation, ", ".join(said)
