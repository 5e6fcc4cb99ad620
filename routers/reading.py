"""Reading: the JSON of a snapshot, part by part. What says the same as last time is not read again.

Ten thousand Routes are 12 MB, which take seconds to read; an edit changes one of them. Each part (a Route, a Model, a
Tenant) is found again by its very text.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from pydantic import ValidationError

from control_plane.spec.base import Spec
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.snapshots import Backend, CompiledRoute, CompiledTenant, Content, Snapshot
from routers.slices import Steps

_KINDS: Mapping[str, type[Spec]] = {"backends": Backend, "routes": CompiledRoute, "tenants": CompiledTenant}
_DECODE = json.JSONDecoder().raw_decode
_SPACE = re.compile(r"[ \t\n\r]*")
_HASHED_CHARACTERS = 256 * 1024
"""At a time."""


class Found(NamedTuple):
    """A snapshot as a source gave it."""

    snapshot: Snapshot
    body: bytes | None = None
    """Its JSON, where it came as such."""
    verified: bool = False
    """Whether its content was seen to have the hash that it claims. Where not, that may be for its spelling alone."""


class Part(NamedTuple):
    """One Route, Model or Tenant, and how it was written."""

    text: str
    value: Spec


class Reader:
    """Reads one snapshot after the other, and remembers the parts of the last one."""

    def __init__(self) -> None:
        self._parts: dict[str, list[Part]] = {}

    def read(self, body: bytes) -> Steps[Found]:
        """Take a snapshot's JSON apart, a part a step.

        Raises TiermeshError(UPSTREAM_FAILED) where it is none that this router knows.
        """
        try:
            return (yield from _Text(body, self._parts).snapshot())
        except (ValueError, RecursionError, IndexError, ValidationError) as error:
            message = f"The snapshot has a shape this router does not know: {str(error)[:500]}."
            hint = "Check that the address is a control plane's; upgrade the router where it is newer."
            raise TiermeshError(Code.UPSTREAM_FAILED, message, hint) from error


class _Text:
    """One snapshot's JSON, and how far it is read."""

    def __init__(self, body: bytes, parts: dict[str, list[Part]]) -> None:
        """`parts` are those of the last one; they give way to this one's once all of it is read."""
        self._body = body
        self._text = body.decode()
        self._at = 0
        self._known = parts
        self._parts: dict[str, list[Part]] = {}

    def snapshot(self) -> Steps[Found]:
        head: dict[str, Any] = {}
        content, verified = Content(), ""
        for_more = self._opens("{", "}")
        while for_more:
            name = self._name()
            if name == "content":
                self._skip()
                begin = self._at
                content = yield from self._content()
                verified = yield from self._hash(begin, self._at)
            else:
                head[name] = self._value()
            for_more = self._goes_on("}")
        if self._skip() < len(self._text):
            raise ValueError(f"something follows it, at character {self._at}")
        found = Snapshot.model_validate({**head, "content": content})
        self._known.clear()
        self._known.update(self._parts)
        return Found(found, self._body, verified == found.sha256)

    def _content(self) -> Steps[Content]:
        """The content's members; one that nobody knows is refused as everywhere."""
        self._parts = {}
        rest: dict[str, Any] = {}
        for_more = self._opens("{", "}")
        while for_more:
            name = self._name()
            if kind := _KINDS.get(name):
                self._parts[name] = yield from self._list(kind, self._known.get(name, []))
            else:
                rest[name] = self._value()
            for_more = self._goes_on("}")
        read = Content.model_validate(rest)
        return read.model_copy(update={name: tuple(one.value for one in parts) for name, parts in self._parts.items()})

    def _list(self, kind: type[Spec], known: list[Part]) -> Steps[list[Part]]:
        parts: list[Part] = []
        places: dict[str, int] = {}
        expected = 0
        for_more = self._opens("[", "]")
        while for_more:
            self._skip()
            if expected < len(known) and self._text.startswith(known[expected].text, self._at):
                # An object's text ends where the object does: what follows is no more of it.
                part = known[expected]
                self._at += len(part.text)
            else:
                places = places or {one.text: place for place, one in enumerate(known)}
                begin = self._at
                value = self._value()
                text = self._text[begin : self._at]
                place = places.get(text)
                part = Part(text, kind.model_validate(value)) if place is None else known[place]
                expected = expected if place is None else place
            expected += 1
            parts.append(part)
            for_more = self._goes_on("]")
            yield
        return parts

    def _hash(self, begin: int, end: int) -> Steps[str]:
        """sha256 of what was read, which is the content's own where it is written in canonical JSON."""
        sha256 = hashlib.sha256()
        for at in range(begin, end, _HASHED_CHARACTERS):
            sha256.update(self._text[at : min(at + _HASHED_CHARACTERS, end)].encode())
            yield
        return sha256.hexdigest()

    # JSON, by hand where it is long.

    def _skip(self) -> int:
        found = _SPACE.match(self._text, self._at)
        assert found is not None  # it matches nothing too
        self._at = found.end()
        return self._at

    def _value(self) -> Any:
        value, self._at = _DECODE(self._text, self._skip())
        return value

    def _name(self) -> str:
        name = self._value()
        if not isinstance(name, str):
            raise ValueError(f"a name is expected before character {self._at}")
        self._take(":")
        return name

    def _take(self, symbols: str) -> str:
        symbol = self._text[self._skip()]
        if symbol not in symbols:
            raise ValueError(f"{symbol!r} stands at character {self._at}, where one of {symbols!r} is expected")
        self._at += 1
        return symbol

    def _opens(self, opening: str, closing: str) -> bool:
        """Whether there is a first one in it."""
        self._take(opening)
        if self._text[self._skip()] != closing:
            return True
        self._at += 1
        return False

    def _goes_on(self, closing: str) -> bool:
        """Whether there is a next one."""
        return self._take("," + closing) == ","
