"""Rows: what a query found, as the record it is, and JSON that is text already."""

import json
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic.alias_generators import to_camel
from sqlalchemy import Row

from control_plane.spec.base import Spec

Record = TypeVar("Record", bound=Spec)


def record(kind: type[Record], values: Row[*tuple[Any, ...]] | Mapping[str, Any]) -> Record:
    """A record from columns of its fields' names."""
    columns = values._mapping if isinstance(values, Row) else values
    return kind.model_validate({to_camel(name): value for name, value in columns.items()})


class JsonText(str):
    """JSON that is written to a column as it is."""


def to_json(value: Any) -> str:
    """What a column of type JSON gets."""
    return str(value) if isinstance(value, JsonText) else json.dumps(value)
