"""Field: a value of a request's JSON with its path, so that every error can name the place."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from control_plane.spec.errors import Code, TiermeshError
from routers.protocols.openai import wrong

MAX_NAME_CHARACTERS = 100
"""Of a caller's own field name in an error."""


@dataclass(frozen=True, slots=True)
class Field:
    """A value and where it stands, in dots and brackets: `messages[2].content[0].text`.

    What reads it raises TiermeshError(INVALID_REQUEST) where it is of another type.
    """

    value: Any
    path: str = ""

    def at(self, name: str) -> "Field | None":
        """A member of an object; None where it is missing or null."""
        value = self.members().get(name)
        return None if value is None else Field(value, self._path(name))

    def need(self, name: str) -> "Field":
        """A member that must be there."""
        field = self.at(name)
        if field is None:
            raise wrong(self._path(name), "is missing")
        return field

    def _path(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name

    def members(self) -> Mapping[str, Any]:
        if not isinstance(self.value, dict):
            raise wrong(self.path, "must be an object")
        return self.value

    def items(self) -> Iterator["Field"]:
        """The items of a list."""
        if not isinstance(self.value, list):
            raise wrong(self.path, "must be a list")
        return (Field(value, f"{self.path}[{index}]") for index, value in enumerate(self.value))

    def text(self) -> str:
        if not isinstance(self.value, str):
            raise wrong(self.path, "must be a string")
        return self.value

    def name(self) -> str:
        """A string that is not empty."""
        if not self.text():
            raise wrong(self.path, "must not be empty")
        return self.text()

    def texts(self) -> list[str]:
        return [item.text() for item in self.items()]

    def number(self) -> float:
        if not isinstance(self.value, int | float) or isinstance(self.value, bool):
            raise wrong(self.path, "must be a number")
        return self.value

    def count(self) -> int:
        """A whole number of at least 1."""
        if not isinstance(self.value, int) or isinstance(self.value, bool) or self.value < 1:
            raise wrong(self.path, "must be a whole number of at least 1")
        return self.value

    def flag(self) -> bool:
        if not isinstance(self.value, bool):
            raise wrong(self.path, "must be true or false")
        return self.value

    def one_of(self, *allowed: str) -> str:
        if self.value not in allowed:
            raise wrong(self.path, f"must be one of {', '.join(allowed)}")
        return self.text()


Reading = Callable[[Field], dict[str, Any]]
"""What a request's field comes to in the chat API's request."""


def translate(body: Field, readings: Mapping[str, Reading]) -> dict[str, Any]:
    """The chat API's fields for a body's. Null is as good as missing.

    Raises TiermeshError(INVALID_REQUEST) for a field without a reading: none is ignored by mistake.
    """
    fields: dict[str, Any] = {}
    for name, value in body.members().items():
        if value is not None:
            fields |= readings.get(name, _unknown)(Field(value, name[:MAX_NAME_CHARACTERS]))
    return fields


def becomes(name: str, read: Callable[[Field], Any]) -> Reading:
    """The same value by another name."""
    return lambda field: {name: read(field)}


def checked(read: Callable[[Field], Any]) -> Reading:
    """A field that asks the model for nothing, and must still be of its type."""

    def reading(field: Field) -> dict[str, Any]:
        read(field)
        return {}

    return reading


def left_out(field: Field) -> dict[str, Any]:
    """A field that is read elsewhere, or a hint without which the answer is as good."""
    return {}


def refused(cure: str, *harmless: object) -> Reading:
    """A field that cannot be honoured, but for `harmless` values that ask for nothing."""

    def reading(field: Field) -> dict[str, Any]:
        if field.value not in harmless:
            raise unsupported(field.path, cure)
        return {}

    return reading


def unsupported(path: str, cure: str) -> TiermeshError:
    """The error for what this API has and the mesh does not."""
    return TiermeshError(Code.INVALID_REQUEST, f"{path} is not supported here.", cure, param=path)


def _unknown(field: Field) -> dict[str, Any]:
    raise unsupported(field.path, "Leave it out, or send it to /v1/chat/completions, where unknown fields pass.")
