"""`tiermesh cache`: what the caches hold, forget and would do with your questions. Thin: routers do the work."""

import asyncio
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress

from control_plane.cli import warming
from control_plane.cli.admin_port import ROUTER_ADMIN_URL, Router, ask
from control_plane.cli.models import KEY, MESH_URL
from control_plane.cli.options import As, Vars, pairs
from control_plane.cli.printing import Output, show, table

_Share = typer.Option(min=0, max=0.5, help="Wrong hits among all requests, at most.")
_Confidence = typer.Option(min=0.5, max=0.9999, help="How sure the bound is.")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    cache = typer.Typer(no_args_is_help=True, help="The semantic cache, and what it may answer.")
    cache.command(epilog="Example: tiermesh cache stats -o json")(stats)
    cache.command(epilog="Example: tiermesh cache purge --route shop")(purge)
    cache.command(epilog="Example: tiermesh cache explain shop 'Where is my parcel?' --tenant acme")(explain)
    cache.command(epilog="Example: tiermesh cache warm -f examples/shop/seasonal.jsonl --model shop")(warm)
    cache.command("eval", epilog="Example: tiermesh cache eval --data questions.csv.gz --json")(evaluate)
    app.add_typer(cache, name="cache")


def evaluate(
    data: Annotated[Path, typer.Option(help="CSV (or .csv.gz) with columns text,intent or q1,q2,label.")],
    max_error_rate: Annotated[float, _Share] = 0.01,
    confidence: Annotated[float, _Confidence] = 0.95,
    splits: Annotated[int, typer.Option(min=1, help="Random splits, each learned and judged anew.")] = 200,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same splits.")] = 0,
    vectors: Annotated[Path | None, typer.Option(help="A folder that keeps embeddings for the next run.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Deal labelled questions out to a cache and its callers; say how many hits and errors there are.

    Error rates are wrong hits among all requests. docs/cache.md says what is learned from which part.
    """
    arguments = ["--data", str(data), "--max-error-rate", str(max_error_rate), "--confidence", str(confidence)]
    arguments += ["--splits", str(splits), "--seed", str(seed)]
    arguments += ["--vectors", str(vectors)] if vectors else []
    arguments += ["--json"] if as_json else []
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "routers.cache.evaluation", *arguments])


def stats(router: Router = ROUTER_ADMIN_URL, output: As = Output.TABLE) -> None:
    """Show what a router's caches hold, and how each partition of the semantic one is doing."""
    answer = ask(router, "/cache")
    if output is not Output.TABLE:
        show(answer, output)
        return
    typer.echo("Exact")
    table(("ROUTE", "ENTRIES", "BYTES"), [(one["route"], one["entries"], one["bytes"]) for one in answer["exact"]])
    typer.echo("\nSemantic")
    headers = (
        "PARTITION",
        "ROUTE",
        "TENANT",
        "ARM",
        "STATE",
        "ENTRIES",
        "BYTES",
        "LOOKED UP",
        "HITS",
        "EXAMS",
        "ERRORS",
    )
    table(headers, [_row(one) for one in answer["semantic"]])


def _row(one: dict[str, Any]) -> tuple[object, ...]:
    plain = ("partition", "route", "tenant", "arm", "state", "entries", "bytes", "looked", "hits", "exams")
    return (*(one[name] for name in plain), f"at most {one['errorBound']:.2%}" if one["exams"] else None)


def purge(
    route: Annotated[str | None, typer.Option("--route", help="The Route's document, by name.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Of all Routes.")] = False,
    router: Router = ROUTER_ADMIN_URL,
    output: As = Output.TABLE,
) -> None:
    """Forget a Route's answers, in both caches; the semantic one learns anew.

    An answer that is on its way is kept when it comes.
    """
    if (route is None) == (not every):
        raise typer.BadParameter("give one of --route NAME and --all")
    answer = ask(router, "/cache/purge", json.dumps({"route": route}).encode())
    if output is not Output.TABLE:
        show(answer, output)
    else:
        typer.echo(
            f"Forgotten: {answer['exact']} answers of the exact cache, {answer['semantic']} of the semantic one."
        )


def explain(
    route: Annotated[str, typer.Argument(help="The model that callers write.")],
    question: Annotated[str, typer.Argument(help="What a caller might ask.")],
    tenant: Annotated[str | None, typer.Option(help="As whom; by default as callers without a Tenant.")] = None,
    fields: Annotated[
        str | None, typer.Option(help="What else requests say, as JSON: only what says the same is compared.")
    ] = None,
    var: Vars = None,
    header: Annotated[
        list[str] | None, typer.Option("--header", metavar="NAME=VALUE", help="A header, such as x-tiermesh-unit.")
    ] = None,
    router: Router = ROUTER_ADMIN_URL,
    output: As = Output.TABLE,
) -> None:
    """Show what the semantic cache would make of a question, and why. Shows numbers, never what others asked."""
    request = {**_object(fields), "model": route, "messages": [{"role": "user", "content": question}]}
    if var:
        request["tiermesh"] = {"variables": pairs(var)}
    headers = pairs(header or []) | ({"x-tiermesh-tenant": tenant} if tenant is not None else {})
    answer = ask(router, "/explain", json.dumps(request).encode(), headers)
    semantic = answer.get("semantic")
    if output is not Output.TABLE:
        show({"exact": answer["cache"], "semantic": semantic}, output)
        return
    typer.echo(f"Exact cache: {answer['cache']}")
    if semantic is None:
        typer.echo("Semantic cache: the Route has none, or the request is not compared by meaning.")
    else:
        _print(semantic)


def _print(semantic: dict[str, Any]) -> None:
    typer.echo(f"Semantic cache: {semantic['verdict']}")
    for reason in semantic["reasons"]:
        typer.echo(f"- {reason}")
    slots = semantic["slots"] or {}
    said = [f"{kind} {', '.join(map(str, slots[kind]))}" for kind in ("numbers", "names") if slots.get(kind)]
    said += [f"{slots['negations']} negations"] if slots.get("negations") else []
    typer.echo(f"Slots: {'; '.join(said) or 'none'}")
    rows = [
        (
            place,
            f"{near['similarity']:.3f}",
            near["differs"],
            near["answer"],
            "*" if place == semantic["chosen"] else "",
        )
        for place, near in enumerate(semantic["near"])
    ]
    if rows:
        table(("NEAR", "SIMILARITY", "DIFFERS IN", "ANSWER", "CHOSEN"), rows)


def _object(text: str | None) -> dict[str, Any]:
    try:
        found = json.loads(text or "{}")
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise typer.BadParameter("--fields is no JSON object")
    return found


def warm(
    questions: Annotated[
        Path, typer.Option("-f", "--file", metavar="FILE", help="One a line; .csv or .jsonl: text, and maybe model.")
    ],
    model: Annotated[
        str | None, typer.Option(help="The model that callers write; a question may name another.")
    ] = None,
    fields: Annotated[
        str | None, typer.Option(help="What else your callers' requests say, as JSON: answers are kept for the same.")
    ] = None,
    rate: Annotated[float, typer.Option(min=0.01, max=1000, help="Questions a second, at most.")] = 5,
    at_once: Annotated[int, typer.Option(min=1, max=100, help="Questions under way, at most.")] = 4,
    mesh: Annotated[str, typer.Option(envvar="TIERMESH_MESH", help="Where callers send requests.")] = MESH_URL,
    output: As = Output.TABLE,
) -> None:
    """Ask frequent and seasonal questions, so that their answers are kept before callers come. Running it again asks
    no model for what is kept. TIERMESH_API_KEY is the caller's key: answers are kept for its Tenant alone.
    """
    asked = warming.read(questions)
    if model is None and any(question.model is None for question in asked):
        raise typer.BadParameter("give --model: some questions name none")
    told = warming.Mesh(mesh, os.environ.get(KEY) or None, model, _object(fields))
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("asking", total=len(asked))
        pace = warming.Pace(rate, at_once)
        tally = asyncio.run(warming.warm(asked, told, pace, lambda: bar.advance(task)))
    if output is not Output.TABLE:
        show(asdict(tally), output)
    else:
        typer.echo(f"Of {tally.asked}: {tally.answered} answered, {tally.cached} kept already, {tally.failed} failed.")
        for error, count in tally.errors.most_common(5):
            typer.echo(f"- {count} times {error}")
    raise typer.Exit(1 if tally.failed else 0)
