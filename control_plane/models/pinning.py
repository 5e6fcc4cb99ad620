"""Pinning: which versions a write's Models stand for, found out before anything is written.

A reference that is pinned already is not asked for, so that what names it is written while MLflow is away; but a gate
that the documents in force do not have yet is checked first.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from control_plane.models import gates
from control_plane.models.registry import ModelRegistry
from control_plane.spec.documents import Document, Model, parse
from control_plane.spec.errors import Code, FieldError, TiermeshError
from control_plane.spec.gates import Gate
from control_plane.spec.served import references
from control_plane.spec.uris import reference
from control_plane.spec.versions import GateInForce, ModelVersion
from control_plane.store import model_pins, revisions
from control_plane.store.database import Database
from control_plane.store.model_pins import ModelPin

_PASSED_ON = frozenset({Code.NOT_FOUND, Code.CONFLICT, Code.INVALID_REQUEST})
"""What is wrong with the documents, rather than with MLflow or a disk."""


@dataclass(frozen=True, slots=True)
class ModelPinning:
    """Resolves references to the model registry."""

    database: Database
    registry: ModelRegistry
    reader: gates.Reader = gates.read

    def plan(self, documents: Iterable[Document]) -> dict[str, ModelPin]:
        """Pins of references that have none yet.

        Raises TiermeshError: INVALID_DOCUMENT with one FieldError for each reference that leads nowhere or has not
        passed its gate, UNAVAILABLE where MLflow has to be asked and is away.
        """
        named = [document for document in documents if isinstance(document, Model) and references(document)]
        if not named:
            return {}
        stored, checked = self._known(named)
        found: dict[str, ModelPin] = {}
        errors: list[FieldError] = []
        for model in named:
            for name in dict.fromkeys(references(model)):
                gate = model.spec.gate
                if name in stored and (gate is None or (name, gate) in checked):
                    continue
                try:
                    # What is pinned is what is served: a gate that is new has to hold for it.
                    version = self._version(name, stored.get(name) or found.get(name))
                    if gate is not None:
                        gates.check(version, gate, self.reader)
                except TiermeshError as error:
                    if error.code not in _PASSED_ON:
                        raise
                    errors.append(
                        FieldError(f"Model/{model.metadata.qualified_name}.spec.{_field(model, name)}", str(error))
                    )
                    continue
                if name not in stored:
                    found[name] = ModelPin(reference=name, model=version.pinned, observed=version.version)
        if errors:
            raise TiermeshError(
                Code.INVALID_DOCUMENT,
                f"The documents do not fit together: {errors[0].field}: {errors[0].message}",
                "Correct the references named in errors; nothing was changed.",
                errors=tuple(errors),
            )
        return found

    def _known(self, named: Iterable[Model]) -> tuple[Mapping[str, ModelPin], list[tuple[str, Gate]]]:
        """What is pinned, and the references that these documents, as they are in force, have had checked."""
        with self.database.read() as transaction:
            stored = model_pins.read(transaction)
            heads = [revisions.head(transaction, each.key) for each in named]
        checked = []
        for head in heads:
            if head is not None and head.document is not None:
                before = parse(head.document)
                assert isinstance(before, Model)
                checked += [(name, before.spec.gate) for name in references(before) if before.spec.gate]
        return stored, checked

    def _version(self, name: str, pin: ModelPin | None) -> ModelVersion:
        if pin is not None:
            return self.registry.version(pin.model.name, pin.model.version)
        said = reference(name)
        assert said is not None  # `references` gives nothing else
        return self.registry.resolve(said)


def gates_of(documents: Iterable[Document], name: str) -> list[GateInForce]:
    """The gates before a registered model's versions, by the Model documents that have them."""
    found = []
    for document in documents:
        if isinstance(document, Model) and document.spec.gate:
            for each in filter(None, map(reference, references(document))):
                if each.name == name:
                    said = {"model": document.metadata.qualified_name, "alias": each.alias}
                    found.append(GateInForce.model_validate({**document.spec.gate.model_dump(mode="json"), **said}))
    return found


def _field(model: Model, name: str) -> str:
    if model.spec.source == name:
        return "source"
    index = next(index for index, adapter in enumerate(model.spec.adapters) if adapter.source == name)
    return f"adapters[{index}].source"
