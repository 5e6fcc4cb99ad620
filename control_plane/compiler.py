"""Compiler: documents in force -> content in force, at the cost of what changed since the last time."""

import gc
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from control_plane.spec.base import Spec
from control_plane.spec.compile import compile
from control_plane.spec.documents import Document, parse
from control_plane.spec.memory import Memory
from control_plane.spec.names import Key
from control_plane.spec.prompts import NO_PINS, Pins
from control_plane.spec.records import Revision
from control_plane.spec.snapshots import Content, canonical


@dataclass(frozen=True, slots=True)
class Compiled:
    """Content with its canonical JSON and the hash of that."""

    content: Content
    text: str
    sha256: str


class Compiler:
    """Remembers what each document was read and compiled to. Used inside write transactions alone, which take turns."""

    def __init__(self) -> None:
        self._memory = Memory()
        self._settled: Compiled | None = None

    def documents(self, heads: Mapping[Key, Revision]) -> dict[Key, Document]:
        """The documents that were not deleted. Raises TiermeshError where this program does not read one any more."""
        return {key: self._memory(_parsed, head) for key, head in heads.items() if not head.deleted}

    def compile(self, documents: Iterable[Document], serve_url: str, pins: Pins = NO_PINS) -> Compiled:
        """What the documents come to. Raises TiermeshError(INVALID_DOCUMENT) where they do not fit together."""
        content = compile(documents, serve_url, pins, self._memory)
        text = self._text(content)
        return Compiled(content, text, hashlib.sha256(text.encode()).hexdigest())

    @contextmanager
    def round(self, keep: bool) -> Iterator[None]:
        """One write. What it compiled is remembered where it is kept and ends well."""
        kept = False
        try:
            yield
            kept = keep
        finally:
            if kept:
                self._memory.keep()
            else:
                self._memory.drop()

    def settle(self, compiled: Compiled) -> None:
        """This is in force from now on."""
        self._settled = compiled
        # It stays, and holds no cycles: to look ten thousand Routes through takes the collector half a second.
        gc.freeze()

    def known(self, sha256: str) -> Content | None:
        """The content that was settled last, if this is its hash."""
        settled = self._settled
        return settled.content if settled is not None and settled.sha256 == sha256 else None

    def _text(self, content: Content) -> str:
        """The canonical JSON of the content, from that of its parts."""
        parts = {
            field.alias or name: ",".join(self._memory(_canonical, part) for part in getattr(content, name))
            for name, field in Content.model_fields.items()
        }
        return "{" + ",".join(f'"{name}":[{parts[name]}]' for name in sorted(parts)) + "}"


def _parsed(head: Revision) -> Document:
    return parse(head.document)


def _canonical(part: Spec) -> str:
    return canonical(part.model_dump(mode="json")).decode()
