"""Texts: YAML and JSON as plain values, each with the line on which it begins, and errors that name the position."""

import json
import re
from typing import Any

import yaml

from control_plane.spec.errors import Code, TiermeshError

Value = tuple[int, Any]
"""The line, from 1, on which a value begins, and the value."""

MAX_FLOW_LEVELS = 64
"""Of [ and { in YAML. Each level makes PyYAML slower at all that follows."""

_GAP = re.compile(r"[\s,]*")


def yaml_values(text: str, name: str, aliases: bool = True) -> list[Value]:
    """The values of a YAML stream; a list at the top counts as its items, an empty document as none.

    Without `aliases` a `*name` is refused: a few hundred bytes of them can stand for gigabytes.
    Raises TiermeshError(INVALID_DOCUMENT) with line and column where the text is not YAML or a key stands twice.
    """
    values: list[Value] = []
    try:
        loader = (_Loader if aliases else _PlainLoader)(text)
        while loader.check_node():
            node: Any = loader.get_node()
            for item in node.value if isinstance(node, yaml.SequenceNode) else [node]:
                value = loader.construct_document(item)
                if value is not None:  # a separator with nothing behind it
                    values.append((item.start_mark.line + 1, value))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "somewhere"
        raise _unreadable(name, where, str(error.problem or error.context)) from error
    except (yaml.YAMLError, ValueError, RecursionError, AttributeError, IndexError, KeyError, TypeError) as error:
        # All but the first two are PyYAML's own, of tags that do not fit their values: `!!timestamp x`, `!!int ''`.
        raise _unreadable(name, "somewhere", (str(error) or type(error).__name__).splitlines()[0]) from error
    return values


def json_values(text: str, name: str) -> list[Value]:
    """The value of a JSON text; a list at the top counts as its items.

    YAML would read it too, but wrongly in places: `1e5` and escaped surrogate pairs.
    Raises TiermeshError(INVALID_DOCUMENT) with line and column where the text is not JSON or a key stands twice.
    """
    try:
        value = json.loads(text, object_pairs_hook=_unique)
    except json.JSONDecodeError as error:
        raise _unreadable(name, f"line {error.lineno}, column {error.colno}", error.msg) from error
    except (ValueError, RecursionError) as error:
        raise _unreadable(name, "somewhere", str(error)) from error
    at = _begin(text, 0)
    if not isinstance(value, list):
        return [(_line(text, at), value)]
    values: list[Value] = []
    at += 1
    for item in value:
        at = _begin(text, at)
        values.append((_line(text, at), item))
        _, at = json.JSONDecoder().raw_decode(text, at)
    return values


def _begin(text: str, at: int) -> int:
    gap = _GAP.match(text, at)
    return gap.end() if gap else at


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twice!r} stands twice in one object")
    return value


def _unreadable(name: str, where: str, problem: str) -> TiermeshError:
    return TiermeshError(
        Code.INVALID_DOCUMENT,
        f"{name}, {where}: not readable as a document: {problem}.",
        "Correct the text at this place.",
    )


class _Loader(yaml.SafeLoader):
    """SafeLoader that refuses a key written twice, where YAML libraries silently keep the last one, and brackets in
    each other that would take it minutes."""

    def fetch_flow_collection_start(self, TokenClass: Any) -> None:
        if self.flow_level >= MAX_FLOW_LEVELS:
            problem = f"brackets nest deeper than {MAX_FLOW_LEVELS} levels"
            raise yaml.scanner.ScannerError(None, None, problem, self.get_mark())
        super().fetch_flow_collection_start(TokenClass)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == "tag:yaml.org,2002:merge":
                continue
            if key.value in seen:
                problem = f"the key {key.value!r} stands here a second time"
                raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


class _PlainLoader(_Loader):
    """In which every value stands where it is meant."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            problem = "aliases are not read here: write the value itself"
            raise yaml.composer.ComposerError(None, None, problem, self.get_mark())
        return super().compose_node(parent, index)
