"""Rows: what a query found, as the record it is, and JSON that is text already."""

import json
from collections.abc import Collection, Mapping
from typing import Any, TypeVar

from pydantic.alias_generators import to_camel
from sqlalchemy import ARRAY, BigInteger, Column, ColumnElement, Connection, Row, any_, func, literal, select

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


def among(connection: Connection, column: Column[int], values: Collection[int]) -> ColumnElement[bool]:
    """Whether a column of integers has one of these values. They are one parameter, so that a statement stays the same
    one however many there are."""
    if connection.dialect.name == "postgresql":
        return column == any_(literal(list(values), ARRAY(BigInteger)))
    return column.in_(select(func.json_each(json.dumps(list(values))).table_valued("value").c.value))
