"""`python -m tests.chart.generate`: writes what follows from something else, and would otherwise be written twice.

The settings' part of `values.schema.json` follows from the settings' classes, the table of values in
`docs/install.md` from `values.yaml` and its comments. Tests see that both are up to date.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.chart.settings import COMPONENTS

CHECKOUT = Path(__file__).parents[2]
CHART = CHECKOUT / "charts" / "tiermesh"
SCHEMA, VALUES = CHART / "values.schema.json", CHART / "values.yaml"
DOCUMENT = CHECKOUT / "docs" / "install.md"
BEGIN, END = "<!-- values: written by python -m tests.chart.generate -->\n", "<!-- end of values -->\n"
_WIDTH = 120


def schema() -> str:
    """The schema of the values as it should be."""
    found = json.loads(SCHEMA.read_text())
    for name, component in COMPONENTS.items():
        found["definitions"][f"{name}Settings"] = component.schema()
    return f"{_written(found)}\n"


def document() -> str:
    """The documentation as it should be."""
    before, begin, rest = DOCUMENT.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    assert begin and end, f"{DOCUMENT} has no place for the table"
    rows = [f"| `{key}` | `{default}` | {comment} |\n" for key, default, comment in values()]
    return "".join((before, begin, "| value | default | what it says |\n|---|---|---|\n", *rows, end, after))


def values() -> Iterator[tuple[str, str, str]]:
    """Key, default and comment of each line of values.yaml: what stands on one line there is one row."""
    path: list[tuple[int, str]] = []
    for line in VALUES.read_text().splitlines():
        text, _, comment = line.partition("  # ") if "  # " in line else (line, "", "")
        key, colon, default = text.partition(":")
        if not colon or text.lstrip().startswith(("#", "-")):
            continue
        depth = len(key) - len(key.lstrip())
        path = [*(one for one in path if one[0] < depth), (depth, key.strip())]
        if default.strip() or comment:
            yield ".".join(name for _, name in path), default.strip() or "…", comment.replace("|", "\\|")


def defaults() -> Any:
    """values.yaml, read."""
    return yaml.safe_load(VALUES.read_text())


def _written(value: Any, indent: int = 0) -> str:
    """JSON with whatever fits on one line on one line."""
    flat = json.dumps(value, ensure_ascii=False)
    if len(flat) + indent < _WIDTH - 30 or not isinstance(value, dict | list) or not value:
        return flat
    space = " " * (indent + 2)
    if isinstance(value, list):
        lines = [f"{space}{_written(one, indent + 2)}" for one in value]
        return "[\n" + ",\n".join(lines) + f"\n{' ' * indent}]"
    lines = [f"{space}{json.dumps(key)}: {_written(one, indent + 2)}" for key, one in value.items()]
    return "{\n" + ",\n".join(lines) + f"\n{' ' * indent}}}"


if __name__ == "__main__":
    SCHEMA.write_text(schema())
    DOCUMENT.write_text(document())
