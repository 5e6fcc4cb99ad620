"""Printing: tables for people, YAML and JSON for programs, one line for an error."""

import difflib
import json
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, NoReturn

import typer
import yaml
from rich.console import Console
from rich.table import Table
from rich.text import Text

from control_plane.spec.documents import Document, stored
from control_plane.spec.errors import TiermeshError

_PIPE_WIDTH = 1000
_BREAKS = frozenset("\x85\u2028\u2029")
_COLOURS = {"+": typer.colors.GREEN, "-": typer.colors.RED, "@": typer.colors.CYAN}


class Output(StrEnum):
    """How an answer is printed."""

    TABLE = "table"
    YAML = "yaml"
    JSON = "json"


class _Dumper(yaml.SafeDumper):
    """PyYAML's own writes Unicode's line breaks as they are where they would be read as spaces."""


def _string(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"' if _BREAKS & set(text) else None)


_Dumper.add_representer(str, _string)


def table(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Columns under headers; what is not a terminal gets whole lines."""
    grid = Table(*headers, box=None, pad_edge=False)
    for row in rows:
        # Text: a cell that looks like markup is data.
        grid.add_row(*(Text("-" if cell is None or cell == "" else str(cell)) for cell in row))
    Console(width=None if sys.stdout.isatty() else _PIPE_WIDTH).print(grid)


def yaml_text(value: Any) -> str:
    """YAML in the order in which it was written, without escapes where it needs none to be read as the same."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True)


def yaml_texts(values: Sequence[Any]) -> str:
    """One YAML document each."""
    return "---\n".join(yaml_text(value) for value in values)


def json_text(value: Any) -> str:
    """Indented JSON, with a line's end."""
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def as_yaml(values: Sequence[Any]) -> None:
    """One YAML document each, so that it can be applied again."""
    typer.echo(yaml_texts(values), nl=False)


def as_json(value: Any) -> None:
    """Indented JSON."""
    typer.echo(json_text(value), nl=False)


def show(value: Any, output: Output, one_of_many: bool = False) -> None:
    """For programs: one value as JSON, or as one YAML document; who watches reads a line of JSON for each change."""
    if output is Output.JSON and one_of_many:
        typer.echo(compact(value))
    elif output is Output.JSON:
        as_json(value)
    else:
        as_yaml([value])


def compact(value: Any) -> str:
    """JSON on one line."""
    return json.dumps(value, ensure_ascii=False)


def document_text(document: Document | None) -> str:
    """A document as YAML, without its version; nothing where there is none."""
    return yaml_text(stored(document)) if document else ""


def difference_lines(before: str, after: str, before_name: str, after_name: str) -> list[str]:
    """How two texts differ, as a unified diff; nothing where they do not."""
    return list(difflib.unified_diff(before.splitlines(), after.splitlines(), before_name, after_name, lineterm=""))


def print_difference(lines: Sequence[str], err: bool = False) -> None:
    """Print a unified diff in colours, or on standard error."""
    for line in lines:
        typer.secho(line, fg=_COLOURS.get(line[:1]), err=err)


def differing(lines: Sequence[str], output: Output) -> NoReturn:
    """Print a unified diff, and end with exit code 1 where something differs."""
    if output is Output.TABLE:
        print_difference(lines)
    else:
        show({"differs": bool(lines), "diff": list(lines)}, output)
    raise typer.Exit(1 if lines else 0)


def when(at: datetime) -> str:
    """A moment in the reader's own time zone."""
    return at.astimezone().isoformat(" ", "seconds")


def failure(error: TiermeshError) -> None:
    """One line on standard error: what is wrong and what to do; more fields follow, a line each, or
    both sides of a conflict."""
    typer.echo(f"error: {error}", err=True)
    if error.stale:
        current, yours = (yaml_text(error.members.get(name)) for name in ("current", "yours"))
        print_difference(difference_lines(current, yours, "current", "yours"), err=True)
    elif len(error.errors) > 1:
        for wrong in error.errors:
            typer.echo(f"  {wrong.field}: {wrong.message}", err=True)
