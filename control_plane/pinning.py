"""Pinning: what a write's documents need of MLflow, found out before anything is written.

A reference that is pinned already is not asked for: what names it is written, and compiles, while MLflow is away.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from control_plane.prompts.registry import COMMIT, PromptRegistry
from control_plane.spec.documents import Document, Prompt, stored
from control_plane.spec.errors import Code, FieldError, TiermeshError
from control_plane.spec.fitting import place
from control_plane.spec.prompts import PinnedPrompt, RoutePrompt
from control_plane.spec.references import prompts as prompts_of
from control_plane.spec.registry import same
from control_plane.store import pins, revisions
from control_plane.store.database import Database
from control_plane.store.pins import Pin
from control_plane.store.revisions import document_sha256


@dataclass(frozen=True, slots=True)
class Plan:
    """What a write needs."""

    pins: Mapping[str, Pin] = field(default_factory=dict)
    """Of references that were not pinned before."""
    unwritten: tuple[Prompt, ...] = ()
    """Documents that say something else than the newest version: each becomes a version."""


@dataclass(frozen=True, slots=True)
class Pinning:
    """Resolves references and writes versions."""

    database: Database
    registry: PromptRegistry

    def plan(self, documents: Iterable[Document]) -> Plan:
        """Look everything up, and change nothing. Versions that are still to be written count as if they were.

        Raises TiermeshError: INVALID_DOCUMENT with one FieldError for each reference that leads nowhere, UNAVAILABLE
        where MLflow has to be asked and is away.
        """
        documents = list(documents)
        prompts = [document for document in documents if isinstance(document, Prompt)]
        named = [(document, *said) for document in documents for said in prompts_of(document)]
        if not prompts and not named:
            return Plan()
        unwritten = tuple(document for document in prompts if self._differs(document))
        coming = {document.metadata.name: self._coming(document) for document in unwritten}
        with self.database.read() as transaction:
            known = pins.read(transaction)
        found: dict[str, Pin] = {}
        errors: list[FieldError] = []
        for document, place_in_spec, said in named:
            if said.reference in known or said.reference in found:
                continue
            try:
                prompt = self._resolve(said, coming.get(said.name))
            except TiermeshError as error:
                if error.code not in (Code.NOT_FOUND, Code.INVALID_DOCUMENT):
                    raise
                part = f".{error.param}" if error.param else ""
                errors.append(FieldError(f"{place(document)}.spec.{place_in_spec}{part}", str(error)))
                continue
            found[said.reference] = Pin(reference=said.reference, prompt=prompt, observed=prompt.version)
        if errors:
            first = errors[0]
            message = f"The documents do not fit together: {first.field}: {first.message}"
            hint = "Correct the references named in errors; nothing was changed."
            raise TiermeshError(Code.INVALID_DOCUMENT, message, hint, errors=tuple(errors))
        return Plan(found, unwritten)

    def write(self, prompts: Iterable[Prompt], author: str, reason: str) -> None:
        """Make each document a version; where its newest says the same by now, nothing is written."""
        for document in prompts:
            commit = document.metadata.annotations.get(COMMIT, "")
            self.registry.write(document.metadata.name, document.spec, document.spec.message or reason, author, commit)

    def _differs(self, document: Prompt) -> bool:
        try:
            newest = self.registry.newest(document.metadata.name)
        except TiermeshError as error:
            if error.code is Code.UNAVAILABLE and self._is_in_force(document):
                return False  # it was written when it was applied; whether anybody has changed it since can wait
            raise
        return newest is None or not same(newest, document.spec)

    def _is_in_force(self, document: Prompt) -> bool:
        with self.database.read() as transaction:
            head = revisions.head(transaction, document.key)
        return head is not None and head.sha256 == document_sha256(stored(document))

    def _coming(self, document: Prompt) -> PinnedPrompt:
        known = self.registry.known().get(document.metadata.name)
        said = document.spec.said()
        version = (known.newest if known else 0) + 1
        return PinnedPrompt.model_validate({**said, "name": document.metadata.name, "version": version})

    def _resolve(self, said: RoutePrompt, coming: PinnedPrompt | None) -> PinnedPrompt:
        if coming is not None and said.version == coming.version:
            return coming
        which = said.alias if said.version is None else said.version
        assert which is not None
        return pinned(self.registry.version(said.name, which))


def pinned(version: PinnedPrompt) -> PinnedPrompt:
    """The content alone of a version that may say more of itself."""
    return PinnedPrompt.model_validate({**version.said(), "name": version.name, "version": version.version})
