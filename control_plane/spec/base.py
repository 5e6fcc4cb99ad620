"""What every part of a document has in common: camelCase on the wire, frozen, and no unknown field."""

import difflib
from typing import Any

from pydantic import BaseModel, ConfigDict, field_validator, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError


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
