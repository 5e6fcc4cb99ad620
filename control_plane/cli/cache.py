"""`tiermesh cache`: what the semantic cache would do with your questions. Thin: a process of the router's works."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

_Share = typer.Option(min=0, max=0.5, help="Wrong hits among all requests, at most.")
_Confidence = typer.Option(min=0.5, max=0.9999, help="How sure the bound is.")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    cache = typer.Typer(no_args_is_help=True, help="The semantic cache, and what it may answer.")
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
