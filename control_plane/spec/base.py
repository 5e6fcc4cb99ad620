"""What every part of a document has in common: camelCase on the wire, frozen, and no unknown field."""

import difflib
import re
from datetime import datetime
from typing import Annotated, Any

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    GetCoreSchemaHandler,
    field_validator,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import CoreSchema, PydanticCustomError, core_schema
from typing_extensions import override

LARGEST = 2**53 - 1
"""The largest number that every reader of JSON reads exactly."""

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def _as_written(value: Any) -> Any:
    if not isinstance(value, datetime) and not (isinstance(value, str) and _RFC3339.fullmatch(value)):
        raise ValueError("must be a moment with its zone, such as 2026-01-31T12:00:00Z")
    return value


Moment = Annotated[AwareDatetime, BeforeValidator(_as_written)]
"""As RFC 3339 writes it: no number of seconds."""


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _make_exact(schema: Any) -> None:
    if isinstance(schema, dict):
        if schema.get("type") in ("float", "bool"):
            schema["strict"] = True
        elif schema.get("type") == "int" and "strict" not in schema:
            inner: Any = {**schema, "strict": True}
            schema.clear()
            schema.update(core_schema.no_info_before_validator_function(_whole, inner))
        schema = [part for name, part in schema.items() if name not in ("default", "metadata", "serialization")]
    if isinstance(schema, (list, tuple)):
        for part in schema:
            _make_exact(part)


class Spec(BaseModel):
    """A frozen part of a document. A field it does not know is an error that names the nearest field it does know."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        allow_inf_nan=False,  # YAML can write them, JSON cannot
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
        validate_by_alias=True,
        validate_by_name=False,
        serialize_by_alias=True,
    )

    @override
    @classmethod
    def __get_pydantic_core_schema__(cls, source: type[BaseModel], handler: GetCoreSchemaHandler) -> CoreSchema:
        """As pydantic makes it, save that neither "1" nor true is taken for the number 1, nor 1 for true; 1.0 is 1."""
        made = handler(source)
        _make_exact(made)
        return made

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown_fields(cls, data: Any) -> Any:
        if isinstance(data, dict):
            known = [field.alias or name for name, field in cls.model_fields.items()]
            for key in data:
                if key not in known:
                    raise PydanticCustomError(
                        "unknown_field",
                        "unknown field {key}; {advice}",
                        {"key": repr(key), "advice": _advice(str(key), known)},
                    )
        return data

    @field_validator("*")
    @classmethod
    def _refuse_half_characters(cls, value: Any) -> Any:
        # JSON can escape half a surrogate pair; UTF-8 cannot hold it, so it could be neither stored nor sent.
        texts = (*value, *value.values()) if isinstance(value, dict) else (value,)
        if any(isinstance(text, str) and not _encodes(text) for text in texts):
            raise ValueError("holds half of a surrogate pair: write whole characters")
        return value


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _advice(key: str, known: list[str]) -> str:
    near = nearest(key, known)
    return f"did you mean {near!r}?" if near else f"known fields are {', '.join(sorted(known))}"


def nearest(word: str, known: list[str]) -> str | None:
    """The known word most like `word`, or None where none is near."""
    folded = {name.lower(): name for name in known}
    found = difflib.get_close_matches(word.lower(), folded, n=1, cutoff=0.6)
    return folded[found[0]] if found else None
