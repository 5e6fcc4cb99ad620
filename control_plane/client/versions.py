"""The control plane's model registry, for people's tools and for whoever serves the versions."""

from typing import Any
from urllib.parse import quote

from pydantic import TypeAdapter

from control_plane.client.answers import read
from control_plane.client.registry import RegistryClient
from control_plane.spec.documents import Model, parse
from control_plane.spec.versions import (
    Evaluation,
    ModelVersion,
    ModelView,
    Promoted,
    RegisteredModel,
    Registration,
    Result,
)

_EVALUATION = TypeAdapter(Evaluation)
_MODELS = TypeAdapter(list[RegisteredModel])
_DOCUMENTS = TypeAdapter(list[dict[str, Any]])
_PROMOTED = TypeAdapter(Promoted)
_VERSION = TypeAdapter(ModelVersion)
_VIEW = TypeAdapter(ModelView)


class VersionsClient(RegistryClient):
    """A client that also knows registered models. Every method raises as `Client`'s do."""

    def registered(self) -> list[RegisteredModel]:
        """All registered models, by name."""
        return read(_MODELS, self._call("GET", "/v1/registry/models"), "items")

    def registered_model(self, name: str) -> ModelView:
        """One of them with all versions and the gates before them."""
        return read(_VIEW, self._call("GET", _path(name)))

    def model_version(self, name: str, version: int) -> ModelVersion:
        """One version."""
        return read(_VERSION, self._call("GET", _path(name, "versions", str(version))))

    def register(self, name: str, registration: Registration, author: str) -> ModelVersion:
        """Write a version."""
        body = {"version": registration.model_dump(mode="json", exclude_unset=True), **self._signed(author)}
        return read(_VERSION, self._call("POST", _path(name, "versions"), json=body))

    def evaluated(self, name: str, version: int, result: Result, author: str) -> Evaluation:
        """Keep a result with its version."""
        body = {"result": result.model_dump(mode="json"), **self._signed(author)}
        return read(_EVALUATION, self._call("POST", _path(name, "versions", str(version), "evaluations"), json=body))

    def promote(self, name: str, version: int, alias: str, author: str, reason: str = "") -> Promoted:
        """Let an alias stand for a version; CONFLICT where a gate is shut, APPROVAL_REQUIRED where it is protected."""
        body = {"version": version, **self._signed(author, reason)}
        return read(_PROMOTED, self._call("PUT", _path(name, "aliases", alias), json=body))

    def served_models(self) -> list[Model]:
        """The Models as they are to be served: versions in place of references, and those that Rollouts try."""
        documents = read(_DOCUMENTS, self._call("GET", "/v1/registry/served"), "items")
        return [one for one in map(parse, documents) if isinstance(one, Model)]


def _path(name: str, *parts: str) -> str:
    return "/v1/registry/models/" + "/".join(quote(part, safe="") for part in (name, *parts))
