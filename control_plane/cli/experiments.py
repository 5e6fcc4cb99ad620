"""`tiermesh experiment list | results | plan | start | stop`: questions about Routes, and what they have shown."""

import time
from pathlib import Path
from typing import Annotated

import typer

from control_plane.cli import drawing
from control_plane.cli.options import (
    SERVER,
    As,
    Name,
    Namespace,
    Namespaces,
    Reason,
    Server,
    author,
    connect,
    documents_of,
)
from control_plane.cli.printing import Output, show, table, when
from control_plane.spec.documents import Experiment
from control_plane.spec.experiments import State
from control_plane.spec.names import DEFAULT_NAMESPACE, qualified
from control_plane.spec.results import Baseline, Compared, Planned, Results

WATCH_SECONDS = 5.0

Watch = Annotated[bool, typer.Option("--watch", "-w", help="Print it again whenever it changes, while it runs.")]
Baselines = Annotated[
    list[str] | None,
    typer.Option(
        "--baseline", metavar="METRIC=VALUE[±DEVIATION]", help="What is known of a metric: its value before the start."
    ),
]
File = Annotated[Path | None, typer.Option("-f", "--file", metavar="FILE|-", help="Of one that is not applied yet.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="Questions about Routes, and what they have shown.")
    group.command("list", epilog="Example: tiermesh experiment list")(list_all)
    group.command(epilog="Example: tiermesh experiment results wording --watch")(results)
    group.command(epilog="Example: tiermesh experiment plan wording -f wording.yaml --baseline resolved=0.6")(plan)
    group.command(epilog="Example: tiermesh experiment start wording")(start)
    group.command(epilog="Example: tiermesh experiment stop wording --reason 'the candidate wins'")(stop)
    app.add_typer(group, name="experiment")


def list_all(namespace: Namespaces = None, output: As = Output.TABLE, server: Server = SERVER) -> None:
    """Show all Experiments and their verdicts."""
    with connect(server) as client:
        documents = client.list("Experiment", namespace or DEFAULT_NAMESPACE)
        found = [client.results(one.metadata.name, one.metadata.namespace) for one in documents]
    if output is not Output.TABLE:
        show([one.model_dump(mode="json", exclude={"course"}) for one in found], output)
        return
    rows = [
        (
            qualified(one.namespace, one.name),
            one.route,
            one.state.value,
            sum(arm.units for arm in one.arms),
            *_said(one),
        )
        for one in found
    ]
    table(("NAME", "ROUTE", "STATE", "UNITS", "VERDICT", "IN WORDS"), rows)


def results(
    name: Name,
    namespace: Namespace = None,
    watch: Watch = False,
    output: As = Output.TABLE,
    server: Server = SERVER,
) -> None:
    """Show what an Experiment has shown so far. Looking often does no harm: every interval holds at any time."""
    space, last = namespace or DEFAULT_NAMESPACE, None
    with connect(server) as client:
        while True:
            found = client.results(name, space)
            seen = found.arms, found.verdict.code
            if seen != last:
                _show(found, output, watch)
            if not watch or found.state is not State.RUNNING:
                return
            last = seen
            time.sleep(WATCH_SECONDS)


def plan(
    name: Name,
    file: File = None,
    baseline: Baselines = None,
    namespace: Namespace = None,
    output: As = Output.TABLE,
    server: Server = SERVER,
) -> None:
    """Show how many units and days it takes to find an Experiment's minimum effects, before it starts."""
    document = _one(file, name, namespace) if file else None
    known = [_baseline(text) for text in baseline or ()]
    with connect(server) as client:
        found = client.plan(name, known, document, namespace or DEFAULT_NAMESPACE)
    if output is not Output.TABLE:
        show(found.model_dump(mode="json"), output)
        return
    headers = ("METRIC", "ROLE", "EFFECT", "UNITS", "DAYS", "USUALLY", "WITH ONE LOOK", "NOTE")
    table(headers, [_plan_row(one) for one in found.items])


def start(
    name: Name, namespace: Namespace = None, reason: Reason = "", output: As = Output.TABLE, server: Server = SERVER
) -> None:
    """Let it assign units: its document says `state: running`."""
    _switch(name, True, namespace, reason, output, server)


def stop(
    name: Name, namespace: Namespace = None, reason: Reason = "", output: As = Output.TABLE, server: Server = SERVER
) -> None:
    """Let it assign no more units: its document says `state: stopped`. Its results stay."""
    _switch(name, False, namespace, reason, output, server)


def _switch(name: str, run: bool, namespace: str | None, reason: str, output: Output, server: str) -> None:
    with connect(server) as client:
        applied = client.switch(name, run, author(), reason, namespace or DEFAULT_NAMESPACE)
    if output is not Output.TABLE:
        show(applied.model_dump(mode="json"), output)
        return
    typer.echo(f"Experiment {name} {'runs' if run else 'is stopped'} since snapshot {applied.snapshot}.")


def _show(found: Results, output: Output, watch: bool) -> None:
    if output is not Output.TABLE:
        show(found.model_dump(mode="json"), output, one_of_many=watch)
        return
    since = f", since {when(found.since)}" if found.since else ""
    name = qualified(found.namespace, found.name)
    typer.echo(f"{name} on Route {found.route}: {found.state.value}{since}; {_arms(found)}")
    if found.comparisons:
        reaches = drawing.reaches(found.comparisons)
        rows = [_row(one, reaches[one.metric]) for one in found.comparisons]
        table(("METRIC", "ROLE", "ARM", "CONTROL", "VALUE", "EFFECT", "INTERVAL", "", "P", "IS"), rows)
    typer.echo(f"Verdict: {found.verdict.code}. {found.verdict.text}")


def _arms(found: Results) -> str:
    return ", ".join(f"{one.arm} {one.units} units" for one in found.arms)


def _row(one: Compared, reach: float) -> tuple[object, ...]:
    ends = f"{_effect(one, one.low)} to {_effect(one, one.high)}"
    bar = drawing.interval(one.low, one.difference, one.high, reach)
    p = None if one.p_adjusted is None else f"{one.p_adjusted:.3g}"
    values = _value(one, one.control), _value(one, one.treated), _effect(one, one.difference)
    return one.metric, one.role, one.arm, *values, ends, bar, p, one.standing


def _value(one: Compared, value: float | None) -> str:
    if value is None:
        return "?"
    return f"{value * 100:.3g}%" if one.kind == "proportion" else f"{value:.4g}"


def _effect(one: Compared, value: float | None) -> str:
    """Of a proportion in percentage points."""
    if value is None:
        return "?"
    return f"{value * 100:+.2g} points" if one.kind == "proportion" else f"{value:+.3g}"


def _said(found: Results) -> tuple[str, str]:
    return found.verdict.code, found.verdict.text


def _plan_row(one: Planned) -> tuple[object, ...]:
    def whole(value: float | None) -> str | None:
        return None if value is None else f"{value:,.0f}"

    effect, days = (None if value is None else f"{value:.4g}" for value in (one.effect, one.days))
    units = whole(one.units), days, whole(one.usual_units), whole(one.fixed_units)
    return one.metric, one.role, effect, *units, one.text


def _one(file: Path, name: str, namespace: str | None) -> Experiment:
    """The Experiment of that name in a file."""
    for document in documents_of(file, namespace):
        if isinstance(document, Experiment) and document.metadata.name == name:
            return document
    raise typer.BadParameter(f"there is no Experiment {name!r} in {file}", param_hint="--file")


def _baseline(text: str) -> Baseline:
    metric, equals, said = text.partition("=")
    value, _, deviation = said.replace("+-", "±").partition("±")
    try:
        numbers = float(value), float(deviation) if deviation else None
    except ValueError:
        equals = ""
    if not equals:
        raise typer.BadParameter(f"{text!r} is not METRIC=VALUE or METRIC=VALUE±DEVIATION", param_hint="--baseline")
    return Baseline.model_validate({"metric": metric, "value": numbers[0], "deviation": numbers[1]})
