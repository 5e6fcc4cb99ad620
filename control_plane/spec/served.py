"""What Model documents come to: each reference to the registry replaced by its version, each adapter a name of its own.

Routes name an adapter as `MODEL:ADAPTER` wherever they may name a Model. It is a backend like any other: its version
keys the caches, its name stands in `x-tiermesh-model`; only its address is its base's.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple, TypeVar

from control_plane.spec.documents import Model
from control_plane.spec.errors import FieldError
from control_plane.spec.models import Adapter, ModelSpec
from control_plane.spec.uris import reference
from control_plane.spec.versions import ModelPins, PinnedModel, PinnedWeights

SEPARATOR = ":"
"""Between a Model's name and its adapter's; no name holds one."""

_Sourced = TypeVar("_Sourced", ModelSpec, Adapter)


def base_of(name: str) -> str:
    """The Model that a name in a Route stands for, or the base of its adapter."""
    return name.partition(SEPARATOR)[0]


def references(model: Model) -> list[str]:
    """The versions of the registry that a Model names."""
    sources = (model.spec.source, *(adapter.source for adapter in model.spec.adapters))
    return [source for source in sources if source and reference(source)]


def aliases(model: Model, name: str) -> Iterator[tuple[str, str]]:
    """The registry's aliases that decide what answers under one of a Model's names, its own or an adapter's; each with
    the qualified name whose weights it says."""
    own, chosen = model.metadata.qualified_name, name.partition(SEPARATOR)[2]
    sources = [(model.spec.source, own)]
    sources += [(one.source, f"{own}{SEPARATOR}{one.name}") for one in model.spec.adapters if one.name == chosen]
    for source, of in sources:
        if source and (said := reference(source)) and said.alias:
            yield source, of


def unresolved(models: Iterable[Model], pins: ModelPins) -> Iterator[FieldError]:
    """Each reference that no pin stands for."""
    for model in models:
        where = f"Model/{model.metadata.qualified_name}.spec"
        fields = {"source": model.spec.source} | {
            f"adapters[{index}].source": adapter.source for index, adapter in enumerate(model.spec.adapters)
        }
        for field, source in fields.items():
            if reference(source) and source not in pins:
                yield FieldError(f"{where}.{field}", f"{source!r} is not resolved to a version")


def pinned(model: Model, pins: ModelPins) -> Model:
    """The Model with the source, checksum and version of each registry reference in its place."""
    if not references(model):
        return model
    adapters = tuple(_pinned(adapter, pins) for adapter in model.spec.adapters)
    spec = _pinned(model.spec, pins)
    # The gate has been passed: whoever serves it has nothing to do with it.
    update = {"adapters": adapters, "gate": None} if adapters else {"gate": None}
    return model.model_copy(update={"spec": spec.model_copy(update=update)})


class Variant(NamedTuple):
    """One of the names that a Model document brings."""

    model: Model
    """As it is served: its weights pinned, and at most the one adapter that the name stands for."""
    weights: PinnedWeights | None
    """The registry's version behind the name, where there is one."""


def variants(model: Model, *found: PinnedModel | None) -> dict[str, Variant]:
    """All names of a Model, its own first, qualified; `found` are what its `references` stand for, in their order.

    What is not resolved stays as it is.
    """
    name = model.metadata.qualified_name
    pins = {source: pin for source, pin in zip(references(model), found, strict=True) if pin}
    complete = len(pins) == len(set(references(model)))
    written = with_adapters({name: model})
    resolved = with_adapters({name: pinned(model, pins)}) if complete else written
    return {name: Variant(one, _weights(written[name], pins)) for name, one in resolved.items()}


def _weights(model: Model, pins: ModelPins) -> PinnedWeights | None:
    """Of a Model's own weights, or of the one adapter that it stands for."""
    adapters = model.spec.adapters
    source = adapters[0].source if SEPARATOR in model.metadata.name else model.spec.source
    pin = pins.get(source or "")
    return PinnedWeights(**pin.model_dump(), reference=source) if pin and source else None


def with_adapters(models: Mapping[str, Model]) -> dict[str, Model]:
    """Each Model under its name, without its adapters, and each adapter as a Model under `NAME:ADAPTER`."""
    found: dict[str, Model] = {}
    for name, model in models.items():
        spec = model.spec
        base = model.metadata.name
        found[name] = _copy(model, base, spec.model_copy(update={"adapters": ()})) if spec.adapters else model
        for adapter in sorted(spec.adapters, key=lambda adapter: adapter.name):
            update = {
                "adapters": (adapter,),
                "version": f"{spec.version}-{adapter.version}",
                "served_name": f"{model.served_name}{SEPARATOR}{adapter.name}",
            }
            own = f"{base}{SEPARATOR}{adapter.name}"
            found[f"{name}{SEPARATOR}{adapter.name}"] = _copy(model, own, spec.model_copy(update=update))
    return found


def _pinned(sourced: _Sourced, pins: ModelPins) -> _Sourced:
    if not reference(sourced.source):
        return sourced
    pin = pins[sourced.source or ""]
    return sourced.model_copy(update={"source": pin.source, "sha256": pin.sha256, "version": str(pin.version)})


def _copy(model: Model, name: str, spec: ModelSpec) -> Model:
    return model.model_copy(update={"metadata": model.metadata.model_copy(update={"name": name}), "spec": spec})
