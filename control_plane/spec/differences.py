"""Differences: at which places two values differ, for people who decide whether they want that."""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from control_plane.spec.base import Spec
from control_plane.spec.records import Difference
from control_plane.spec.snapshots import Content

MOST = 100
"""Differences that one answer lists."""


def of_contents(before: Content, after: Content) -> tuple[tuple[Difference, ...], bool]:
    """How compiled content changes, by name of what changes: at most `MOST` places, and whether these are all."""
    found = tuple(islice(_contents(before, after), MOST + 1))
    return found[:MOST], len(found) <= MOST


def of_values(before: Any, after: Any, path: str = "") -> Iterator[Difference]:
    """How one JSON value differs from another, leaf by leaf; lists are compared item by item."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in dict.fromkeys([*before, *after]):
            yield from of_values(before.get(name), after.get(name), f"{path}.{name}" if path else name)
    elif isinstance(before, list) and isinstance(after, list):
        for index in range(max(len(before), len(after))):
            was, becomes = (values[index] if index < len(values) else None for values in (before, after))
            yield from of_values(was, becomes, f"{path}[{index}]")
    elif before != after:
        yield Difference(path=path, before=before, after=after)


def _contents(before: Content, after: Content) -> Iterator[Difference]:
    for part in Content.model_fields:
        old, new = ({one.name: one for one in getattr(content, part)} for content in (before, after))
        for name in [*new, *(gone for gone in old if gone not in new)]:
            was, becomes = old.get(name), new.get(name)
            if was is not becomes and was != becomes:
                yield from of_values(_json(was), _json(becomes), f"{part}[{name}]")


def _json(part: Spec | None) -> Any:
    return part and part.model_dump(mode="json")
