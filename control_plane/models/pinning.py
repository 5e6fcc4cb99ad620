"""Pinning: which versions a write's Models stand for, found out before anything is written.

A reference that is pinned already is not asked for, so that what names it is written while MLflow is away; but a gate
that the documents in force do not have yet is checked first.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from control_plane.models import gates
from control_plane.models.registry import ModelRegistry
from control_plane.spec.documents import Document, Model
from control_plane.spec.errors import Code, FieldError, TiermeshError
from control_plane.spec.gates import Gate
from control_plane.spec.served import references
from control_plane.spec.uris import reference
from control_plane.spec.versions import GateInForce, ModelVersion
from control_plane.store.model_pins import ModelPin

_PASSED_ON = frozenset({Code.NOT_FOUND, Code.CONFLICT, Code.INVALID_REQUEST})
"""What is wrong with the documents, rather than with MLflow or a disk."""


@dataclass(frozen=True, slots=True)
class ModelPinning:
    """Resolves references to the model registry."""

    registry: ModelRegistry
    reader: gates.Reader = gates.read

    def plan(
        self, documents: Iterable[Document], stored: Mapping[str, ModelPin], in_force: Iterable[Document]
    ) -> dict[str, ModelPin]:
        """Pins of references that have none yet. `in_force` are the documents whose gates were checked already.

        Raises TiermeshError: INVALID_DOCUMENT with one FieldError for each reference that leads nowhere or has not
        passed its gate, UNAVAILABLE where MLflow has to be asked and is away.
        """
        checked = {(name, gate_key(gate)) for name, gate in gated(in_force)}
        found: dict[str, ModelPin] = {}
        errors: list[FieldError] = []
        for model in (document for document in documents if isinstance(document, Model)):
            for name in dict.fromkeys(references(model)):
                gate = model.spec.gate
                if name in stored and (gate is None or (name, gate_key(gate)) in checked):
                    continue
                try:
                    # What is pinned is what is served: a gate that is new has to hold for it.
                    version = self._version(name, stored.get(name) or found.get(name))
                    if gate is not None:
                        gates.check(version, gate, self.reader)
                except TiermeshError as error:
                    if error.code not in _PASSED_ON:
                        raise
                    errors.append(FieldError(f"Model/{model.metadata.name}.spec.{_field(model, name)}", str(error)))
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

    def _version(self, name: str, pin: ModelPin | None) -> ModelVersion:
        if pin is not None:
            return self.registry.version(pin.model.name, pin.model.version)
        said = reference(name)
        assert said is not None  # `references` gives nothing else
        return self.registry.resolve(said)


def gated(documents: Iterable[Document]) -> list[tuple[str, Gate]]:
    """Each reference that stands behind a gate, with that gate."""
    models = (document for document in documents if isinstance(document, Model))
    return [(name, model.spec.gate) for model in models if model.spec.gate for name in references(model)]


def gate_key(gate: Gate) -> str:
    """Equal for gates that ask the same."""
    return gate.model_dump_json()


def gates_of(documents: Iterable[Document], name: str) -> list[GateInForce]:
    """The gates before a registered model's versions, by the Model documents that have them."""
    found = []
    for document in documents:
        if isinstance(document, Model) and document.spec.gate:
            for each in filter(None, map(reference, references(document))):
                if each.name == name:
                    gate = document.spec.gate.model_dump(by_alias=False, exclude_unset=True)
                    said = {"model": document.metadata.name, "alias": each.alias, **gate}
                    found.append(GateInForce.model_validate(said, by_name=True, by_alias=False))
    return found


def _field(model: Model, name: str) -> str:
    if model.spec.source == name:
        return "source"
    index = next(index for index, adapter in enumerate(model.spec.adapters) if adapter.source == name)
    return f"adapters[{index}].source"
