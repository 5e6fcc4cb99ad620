"""Drift: where MLflow, the documents and what Routes are pinned to say different things."""

from collections.abc import Mapping
from dataclasses import dataclass

from control_plane.prompts.registry import PromptRegistry
from control_plane.spec.documents import Prompt, Route, parse
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.prompts import PinnedPrompt
from control_plane.spec.registry import Known, PromptSummary, same
from control_plane.store import pins, revisions
from control_plane.store.database import Database
from control_plane.store.pins import Pin


@dataclass(frozen=True, slots=True)
class Drift:
    """Compares. Changes nothing."""

    database: Database
    registry: PromptRegistry

    def prompts(self) -> list[PromptSummary]:
        """All prompts of MLflow, by name, and what of each has drifted. Raises TiermeshError(UNAVAILABLE)."""
        known = self.registry.known()
        with self.database.read() as transaction:
            heads = [head for kind in ("Prompt", "Route") for head in revisions.heads(transaction, kind).values()]
            stored = pins.read(transaction)
        documents = [parse(head.document) for head in heads if head.document is not None]
        said = {one.metadata.name: one for one in documents if isinstance(one, Prompt)}
        routes = [(one.metadata.qualified_name, one.spec.prompt) for one in documents if isinstance(one, Route)]
        return [
            PromptSummary(
                name=name,
                newest=one.newest,
                aliases=one.aliases,
                routes=tuple(sorted(route for route, prompt in routes if prompt and prompt.name == name)),
                drift=(*self._of_document(one, said.get(name)), *_of_pins(one, stored)),
            )
            for name, one in sorted(known.items())
        ]

    def _of_document(self, known: Known, document: Prompt | None) -> tuple[str, ...]:
        if document is None or not known.newest:
            return ()
        places = {f"newest ({known.newest})": known.newest} if not known.aliases else {}
        places |= {f"{alias} ({version})": version for alias, version in known.aliases.items()}
        contents = {version: self._content(known.name, version) for version in set(places.values())}
        return tuple(
            f"{place} differs from the document"
            for place, version in places.items()
            if (content := contents[version]) is None or not same(content, document.spec)
        )

    def _content(self, name: str, version: int) -> PinnedPrompt | None:
        try:
            return self.registry.version(name, version)
        except TiermeshError as error:
            if error.code is Code.UNAVAILABLE:
                raise
            return None


def _of_pins(known: Known, stored: Mapping[str, Pin]) -> tuple[str, ...]:
    """Where a Route's pin is not what its alias says."""
    found = []
    for pin in stored.values():
        name, _, alias = pin.reference.partition("@")
        if name == known.name and alias and known.aliases.get(alias) != pin.prompt.version:
            why = f": {pin.problem}" if pin.problem else ""
            found.append(f"{alias} is held at {pin.prompt.version}{why}")
    return tuple(found)
