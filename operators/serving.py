"""Serving: which versions of the registry Models are to serve, as the control plane says. Pure.

A Rollout that follows changes holds a Model's version back, and has another one served beside it: both are run by what
hangs on the Model's one custom resource.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from control_plane.spec.documents import TRIED, Model
from control_plane.spec.models import Adapter, ModelSpec
from control_plane.spec.names import Key
from control_plane.spec.served import references
from control_plane.spec.uris import reference

_Sourced = TypeVar("_Sourced", ModelSpec, Adapter)


@dataclass(frozen=True, slots=True)
class Served:
    """All Models that the control plane has."""

    models: Mapping[Key, Model] = field(default_factory=dict)
    tried: Mapping[Key, Model] = field(default_factory=dict)
    """Model -> the one that serves another version of it."""

    @classmethod
    def of(cls, models: Iterable[Model]) -> "Served":
        """As the control plane lists them."""
        known = list(models)
        tried = {one.key._replace(name=one.metadata.annotations[TRIED]): one for one in known if one.tried}
        return cls({one.key: one for one in known if not one.tried}, tried)

    def resolved(self, model: Model) -> Model | None:
        """A Model with the versions that it is to serve in place of its references; None while nobody says."""
        said = self.models.get(model.key)
        return model if not references(model) else said and _with(model, said)

    def beside(self, model: Model) -> Model | None:
        """The Model that serves another version of it, where a Rollout tries one."""
        said = self.tried.get(model.key)
        return said and _with(model.model_copy(update={"metadata": said.metadata}), said)


def _with(model: Model, said: Model) -> Model | None:
    """The Model as its custom resource has it, in the versions that are said."""
    adapters = {one.name: one for one in said.spec.adapters}
    if references(said) or {one.name for one in model.spec.adapters} - adapters.keys():
        return None
    update = {"adapters": tuple(_at(one, adapters[one.name]) for one in model.spec.adapters), "gate": None}
    spec = _at(model.spec, said.spec).model_copy(update=update)
    if spec.fetched_by_others:
        # Nobody would check it: that is said, and a checksum that a document itself asks for is refused.
        spec = spec.model_copy(update={"sha256": None})
    return model.model_copy(update={"spec": spec})


def _at(written: _Sourced, said: _Sourced) -> _Sourced:
    if not reference(written.source):
        return written
    return written.model_copy(update={"source": said.source, "sha256": said.sha256, "version": said.version})
