"""`tiermesh apply | get | describe | delete | diff`: the documents."""

from typing import Annotated

import typer

from control_plane.cli.options import (
    SERVER,
    As,
    File,
    Kind,
    Manager,
    Name,
    Namespace,
    Namespaces,
    Reason,
    Server,
    author,
    connect,
    documents_of,
)
from control_plane.cli.printing import (
    Output,
    as_json,
    as_yaml,
    compact,
    difference_lines,
    differing,
    document_text,
    failure,
    show,
    table,
    when,
)
from control_plane.client.files import artifacts_beside
from control_plane.client.http import Client
from control_plane.client.registry import RegistryClient
from control_plane.spec.documents import (
    Document,
    Experiment,
    Model,
    Prompt,
    Rollout,
    Route,
    ScalingPolicy,
    Tenant,
    dump,
)
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.names import DEFAULT_NAMESPACE, TIERMESH, qualified
from control_plane.spec.prompts import variables
from control_plane.spec.records import Applied, Revision, SnapshotView
from control_plane.spec.watched import PromiseState


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(epilog="Example: tiermesh apply -f examples/shop --reason 'longer answers'")(apply)
    app.command(epilog="Example: tiermesh get routes -o yaml")(get)
    app.command(epilog="Example: tiermesh describe route shop")(describe)
    app.command(epilog="Example: tiermesh delete route shop --reason 'closed'")(delete)
    app.command(epilog="Example: tiermesh diff -f examples/shop")(diff)


def apply(
    file: File,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen; write nothing.")] = False,
    reason: Reason = "",
    namespace: Namespace = None,
    manager: Manager = TIERMESH,
    output: As = Output.TABLE,
    server: Server = SERVER,
) -> None:
    """Create or change all documents of a file or folder, or none of them."""
    documents = documents_of(file, namespace)
    with connect(server) as client:
        if not dry_run:
            for name, text in artifacts_beside(documents, file).items():
                client.keep_artifact(name, text)
        written(client.apply(documents, author(), reason, dry_run, manager), output)


def get(
    kind: Kind,
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="All, where it is left out.")] = None,
    output: As = Output.TABLE,
    namespace: Namespaces = None,
    server: Server = SERVER,
) -> None:
    """Show the documents of a kind, or one of them."""
    space = namespace or DEFAULT_NAMESPACE
    with connect(server) as client:
        documents = [client.get(kind, name, space)] if name else client.list(kind, space)
    values = [dump(document) for document in documents]
    if output is Output.YAML:
        as_yaml(values)
    elif output is Output.JSON:
        as_json(values[0] if name else values)
    elif kind == "Model":
        table(("NAME", "ENGINE", "TIER", "VERSION", "SOURCE"), [_model_row(one) for one in documents])
    elif kind == "Route":
        table(("NAME", "MODEL", "LIGHT", "HEAVY", "THRESHOLD"), [_route_row(one) for one in documents])
    elif kind == "Prompt":
        table(("NAME", "FORM", "VARIABLES", "MESSAGE"), [_prompt_row(one) for one in documents])
    elif kind == "Experiment":
        table(("NAME", "ROUTE", "STATE", "ARMS", "LAYER", "TRAFFIC"), [_experiment_row(one) for one in documents])
    elif kind == "Rollout":
        table(("NAME", "ROUTE", "CHANGES", "STEPS", "GUARDRAILS"), [_rollout_row(one) for one in documents])
    elif kind == "ScalingPolicy":
        table(("NAME", "MODEL", "MIN", "MAX", "SIGNALS", "WINDOWS"), [_policy_row(one) for one in documents])
    else:
        headers = ("NAME", "KEYS", "REQUESTS/S", "CONCURRENT", "TOKENS/MIN", "USD/DAY", "HARD", "ROUTES")
        table(headers, [_tenant_row(one) for one in documents])


def describe(
    kind: Kind, name: Name, output: As = Output.TABLE, namespace: Namespace = None, server: Server = SERVER
) -> None:
    """Show a document, everything that was ever written under its name, and who serves it."""
    space = namespace or DEFAULT_NAMESPACE
    with connect(server) as client:
        revisions = client.revisions(kind, name, space)
        latest = _latest(client)
        drift = _drift(client, name) if kind == "Prompt" else ()
        promised = _promised(client, qualified(space, name)) if kind == "Route" else ()
    head = revisions[0]
    conditions = [*(_conditions(head, latest) if latest else []), *drift, *promised]
    if output is not Output.TABLE:
        named = [dict(zip(("condition", "holds", "at", "why"), map(str, one), strict=True)) for one in conditions]
        show({"revisions": [one.model_dump(mode="json") for one in revisions], "conditions": named}, output)
        return
    typer.echo(f"{kind} {qualified(space, name)}: " + ("deleted" if head.deleted else f"generation {head.generation}"))
    if head.document is not None:
        typer.echo()
        as_yaml([head.document])
    typer.echo("\nRevisions")
    table(("GENERATION", "WHAT", "SNAPSHOTS", "AUTHOR", "AT", "REASON"), [_revision_row(one) for one in revisions])
    typer.echo("\nConditions")
    table(("CONDITION", "HOLDS", "AT", "WHY"), conditions)


def delete(
    kind: Kind,
    name: Name,
    reason: Reason = "",
    namespace: Namespace = None,
    manager: Manager = TIERMESH,
    output: As = Output.TABLE,
    server: Server = SERVER,
) -> None:
    """Delete a document; refused where another document names it. Its revisions stay."""
    space = namespace or DEFAULT_NAMESPACE
    with connect(server) as client:
        written(client.delete(kind, name, author(), reason, space, manager=manager), output)


def diff(file: File, namespace: Namespace = None, output: As = Output.TABLE, server: Server = SERVER) -> None:
    """Show what `apply` would change. Exit code 0: nothing, 1: something, 2: that could not be found out."""
    try:
        documents = documents_of(file, namespace)
        with connect(server) as client:
            lines = [line for document in documents for line in _difference(client, document)]
    except TiermeshError as error:
        failure(error)
        raise typer.Exit(2) from error
    differing(lines, output)


def written(applied: Applied, output: Output) -> None:
    """Print what a write did."""
    if output is not Output.TABLE:
        show(applied.model_dump(mode="json"), output)
        return
    for change in applied.changes:
        identity = f"{change.kind}/{qualified(change.namespace, change.name)}"
        typer.echo(f"{identity} {change.outcome} (generation {change.generation})")
    if applied.dry_run:
        _print_diff(applied)
        outcome = f"would publish snapshot {applied.snapshot}" if applied.published else "would publish nothing"
        typer.echo(f"Dry run: {outcome}; nothing was written.")
    elif applied.published:
        typer.echo(f"Snapshot {applied.snapshot} is in force.")
    else:
        typer.echo(f"Snapshot {applied.snapshot} stays in force: nothing changed that a router sees.")


def _print_diff(applied: Applied) -> None:
    """What the compiled snapshot would say otherwise."""
    for one in applied.diff:
        typer.echo(f"  {one.path}")
        if one.before is not None:
            typer.secho(f"  - {compact(one.before)}", fg=typer.colors.RED)
        if one.after is not None:
            typer.secho(f"  + {compact(one.after)}", fg=typer.colors.GREEN)
    if not applied.diff_complete:
        typer.echo("  … and more")


def _difference(client: Client, document: Document) -> list[str]:
    identity = f"{document.kind}/{document.metadata.qualified_name}"
    try:
        current = client.get(*document.key)
    except TiermeshError as error:
        if error.code is not Code.NOT_FOUND:
            raise
        current = None
    names = f"{identity} (in force)", f"{identity} (to apply)"
    return difference_lines(document_text(current), document_text(document), *names)


def _latest(client: Client) -> SnapshotView | None:
    """What is in force; None where there is nothing, or nothing that this caller may see."""
    try:
        return client.snapshot("latest")
    except TiermeshError as error:
        if error.code not in (Code.NOT_FOUND, Code.FORBIDDEN):
            raise
        return None


def _conditions(head: Revision, latest: SnapshotView) -> list[tuple[object, ...]]:
    snapshot = f"snapshot {latest.number}"
    if head.deleted:
        published = ("no", "deleted")
    elif head.last_snapshot == latest.number:
        published = ("yes", snapshot)
    else:
        published = ("no", f"{snapshot} stays in force: this generation changed nothing that a router sees")
    return [
        ("Published", published[0], when(latest.created_at), published[1]),
        *(
            (f"Served by {ack.router}", "no" if ack.error else "yes", when(ack.at), ack.error or snapshot)
            for ack in latest.acks
        ),
    ]


def _promised(client: Client, route: str) -> list[tuple[object, ...]]:
    """What is known of the Route's quality contract, where it has one that was ever watched."""
    found = [one for one in client.promises() if one.route == route and one.current]
    holds = {PromiseState.SHOWN: "yes", PromiseState.BROKEN: "no", PromiseState.UNSURE: "unknown"}
    said = "loses {0.value:.4f} ({0.low:.4f} to {0.high:.4f}) by {1} reports; {2}"
    return [("Contract kept", holds[one.state], "", said.format(one.loss, one.seen, one.promise)) for one in found]


def _drift(client: RegistryClient, name: str) -> list[tuple[object, ...]]:
    """Whether MLflow says what the document says."""
    try:
        found = next((one for one in client.prompts() if one.name == name), None)
    except TiermeshError as error:
        if error.code is not Code.UNAVAILABLE:
            raise
        return [("In step with MLflow", "unknown", "", error.message)]
    if found is None:
        return [("In step with MLflow", "no", "", "MLflow has no such prompt")]
    said = "; ".join(found.drift) or f"newest is version {found.newest}"
    return [("In step with MLflow", "no" if found.drift else "yes", "", said)]


def _revision_row(revision: Revision) -> tuple[object, ...]:
    span = sorted({number for number in (revision.first_snapshot, revision.last_snapshot) if number})
    return (
        revision.generation,
        "deleted" if revision.deleted else "written",
        " to ".join(map(str, span)),
        revision.author,
        when(revision.created_at),
        revision.reason,
    )


def _model_row(document: Document) -> tuple[object, ...]:
    assert isinstance(document, Model)
    spec = document.spec
    return (
        document.metadata.qualified_name,
        spec.engine,
        spec.tier,
        spec.version,
        spec.source or ", ".join(spec.addresses),
    )


def _route_row(document: Document) -> tuple[object, ...]:
    assert isinstance(document, Route)
    name, spec = document.metadata.qualified_name, document.spec
    light, heavy = (", ".join(tier) for tier in (spec.tiers.light, spec.tiers.heavy))
    policy = spec.complexity
    threshold: object = policy.score_threshold
    if policy.router is not None:
        promise = policy.contract and f"contract {policy.contract.max_quality_loss:g}"
        threshold = f"router {policy.router}, {promise or policy.threshold}"
    return name, spec.model or name, light, heavy, threshold


def _prompt_row(document: Document) -> tuple[object, ...]:
    assert isinstance(document, Prompt)
    spec = document.spec
    form = "text" if spec.chat is None else f"chat of {len(spec.chat)}"
    return document.metadata.qualified_name, form, ", ".join(variables(spec)), spec.message


def _experiment_row(document: Document) -> tuple[object, ...]:
    assert isinstance(document, Experiment)
    spec, traffic = document.spec, document.spec.traffic
    arms = ", ".join(f"{arm.name} {arm.weight:g}" for arm in spec.arms)
    segment = f"{traffic.from_:g} to {traffic.until:g} %"
    return document.metadata.qualified_name, spec.route, spec.state, arms, traffic.layer, segment


def _rollout_row(document: Document) -> tuple[object, ...]:
    assert isinstance(document, Rollout)
    spec = document.spec
    changes = ", ".join(spec.override.says() if spec.override else (f"each {one} change" for one in spec.on_change))
    guardrails = ", ".join(guardrail.metric for guardrail in spec.guardrails)
    return document.metadata.qualified_name, spec.route, changes, len(spec.steps), guardrails


def _policy_row(document: Document) -> tuple[object, ...]:
    assert isinstance(document, ScalingPolicy)
    spec = document.spec
    signals = ", ".join(f"{signal.metric} {signal.target:g}" for signal in spec.signals)
    return document.metadata.qualified_name, spec.model, spec.min, spec.max, signals, len(spec.schedule)


def _tenant_row(document: Document) -> tuple[object, ...]:
    assert isinstance(document, Tenant)
    spec, quotas = document.spec, document.spec.quotas
    return (
        document.metadata.qualified_name,
        len(spec.keys),
        quotas.requests_per_second,
        quotas.concurrent_requests,
        quotas.tokens_per_minute,
        quotas.usd_per_day,
        "yes" if quotas.hard else "no",
        "all" if spec.routes is None else ", ".join(spec.routes),
    )
