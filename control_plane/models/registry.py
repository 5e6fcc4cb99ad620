"""Registry: model versions as MLflow keeps them. A version never changes; aliases lead to one, results are added to it.

What Tiermesh knows of a version stands in its tags. MLflow lets whoever reaches it change tags, so that they are read
with care, and a Model serves what its version said when it was pinned: see `control_plane.models.pinning`.
"""

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from control_plane.prompts.connection import Absent, Connection
from control_plane.spec.base import Spec, nearest
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.uris import Reference
from control_plane.spec.versions import (
    Evaluation,
    Lineage,
    ModelVersion,
    Promotion,
    RegisteredModel,
    Registration,
)

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion as Stored
    from mlflow.entities.model_registry import RegisteredModel as StoredModel
    from mlflow.tracking.client import MlflowClient

_PREFIX = "tiermesh.dev/"
SOURCE, SHA256, LINEAGE, AUTHOR = f"{_PREFIX}source", f"{_PREFIX}sha256", f"{_PREFIX}lineage", f"{_PREFIX}author"
_EVALUATION = f"{_PREFIX}evaluation/"
_PROMOTIONS = f"{_PREFIX}promotions"
_PROMPT = "mlflow.prompt.is_prompt"
_PAGE = 500
_MOST_TAG_CHARACTERS = 90_000
"""MLflow keeps 100,000. Of many failing questions the first are kept."""
_MOST_PROMOTIONS = 20
"""The newest that are kept."""
_PROMOTION_LIST: TypeAdapter[tuple[Promotion, ...]] = TypeAdapter(tuple[Promotion, ...])

_Read = TypeVar("_Read", bound=Spec)


class ModelRegistry:
    """The versions. Safe for several threads.

    Every method raises TiermeshError(UNAVAILABLE) where MLflow is away.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def models(self) -> list[RegisteredModel]:
        """All models with their aliases and all versions, by name."""
        return self._connection.ask(lambda client: [_model(client, one) for one in _registered(client)])

    def model(self, name: str) -> RegisteredModel:
        """One model with all versions. Raises TiermeshError(NOT_FOUND) with the nearest name."""
        found = self._found(name)
        return self._connection.ask(lambda client: _model(client, found))

    def version(self, name: str, which: int | str) -> ModelVersion:
        """One version by its number or an alias. Raises TiermeshError: NOT_FOUND; INVALID_DOCUMENT where it was
        registered past the mesh and says no checksum."""
        found = self.model(name)
        number = found.aliases.get(which) if isinstance(which, str) else which
        for version in found.versions:
            if version.version == number:
                return version
        if isinstance(which, str) and number is None:
            near = nearest(which, list(found.aliases))
            hint = f"Did you mean {near!r}?" if near else f"It has: {', '.join(sorted(found.aliases)) or 'none'}."
            raise TiermeshError(Code.NOT_FOUND, f"Model {name!r} has no alias {which!r}.", hint, param="alias")
        raise self._no_version(name, number or 0, found)

    def resolve(self, reference: Reference) -> ModelVersion:
        """The version that a source names."""
        return self.version(reference.name, reference.alias or reference.version or 0)

    def register(self, name: str, registration: Registration, author: str) -> ModelVersion:
        """Write a version, and the model where it is the first. Raises TiermeshError(INVALID_REQUEST) where its
        parent is not there or the name is a prompt's."""
        known = self._lookup(name)
        parent = registration.lineage.parent
        if parent is not None:
            self.version(name, parent)
        tags = {
            SOURCE: registration.source,
            SHA256: registration.sha256,
            LINEAGE: registration.lineage.model_dump_json(exclude_none=True),
            AUTHOR: author,
        }
        # A tracking server refuses versions in folders that are not its own; what counts is the tag.
        shown = registration.source.replace("file://", "tiermesh-file://", 1)

        def ask(client: "MlflowClient") -> "Stored":
            if known is None:
                client.create_registered_model(name)
            return client.create_model_version(
                name, shown, tags=tags, description=registration.description, await_creation_for=0
            )

        made = self._connection.ask(ask)
        return self.version(name, int(made.version))

    def evaluated(self, name: str, version: int, evaluation: Evaluation) -> None:
        """Keep a result with its version; it replaces one of the same questions."""
        value = evaluation.model_dump_json()
        while len(value) > _MOST_TAG_CHARACTERS:
            evaluation = evaluation.model_copy(
                update={"failures": evaluation.failures[: len(evaluation.failures) // 2]}
            )
            value = evaluation.model_dump_json()
        self._tag(name, version, f"{_EVALUATION}{evaluation.evaluation}", value)

    def promote(self, name: str, version: int, promotion: Promotion) -> None:
        """Let an alias stand for a version, and keep who did so. Raises TiermeshError(NOT_FOUND)."""
        before = self.version(name, version)
        try:
            self._connection.ask(lambda client: client.set_registered_model_alias(name, promotion.alias, str(version)))
        except Absent:
            raise self._no_version(name, version, self.model(name)) from None
        kept = [promotion, *before.promotions][:_MOST_PROMOTIONS]
        self._tag(name, version, _PROMOTIONS, json.dumps([one.model_dump(mode="json") for one in kept]))

    def _tag(self, name: str, version: int, key: str, value: str) -> None:
        try:
            self._connection.ask(lambda client: client.set_model_version_tag(name, str(version), key, value))
        except Absent:
            raise self._no_version(name, version, self.model(name)) from None

    def _lookup(self, name: str) -> "StoredModel | None":
        try:
            return self._connection.ask(lambda client: client.get_registered_model(name))
        except Absent:
            return None

    def _found(self, name: str) -> "StoredModel":
        found = self._lookup(name)
        if found is not None:
            return found
        known = sorted(one.name for one in self._connection.ask(_registered))
        near = nearest(name, known)
        hint = f"Did you mean {near!r}?" if near else f"There are: {', '.join(known[:20]) or 'none yet'}."
        raise TiermeshError(Code.NOT_FOUND, f"There is no model {name!r} in the registry.", hint, param="name")

    def _no_version(self, name: str, version: int, found: RegisteredModel) -> TiermeshError:
        known = ", ".join(str(one.version) for one in found.versions[:20]) or "none with a checksum"
        message = f"Model {name!r} has no version {version} that 'tiermesh model register' wrote."
        return TiermeshError(Code.NOT_FOUND, message, f"It has: {known}.", param="version")


def _registered(client: "MlflowClient") -> "list[StoredModel]":
    found: list[StoredModel] = []
    token = None
    while True:
        page = client.search_registered_models(max_results=_PAGE, page_token=token)
        found += [one for one in page if _PROMPT not in (one.tags or {})]
        token = page.token
        if not token:
            return sorted(found, key=lambda one: one.name)


def _model(client: "MlflowClient", found: "StoredModel") -> RegisteredModel:
    aliases = {alias: int(version) for alias, version in sorted((found.aliases or {}).items())}
    versions: list[ModelVersion] = []
    token = None
    while True:
        page = client.search_model_versions(f"name = '{found.name}'", max_results=_PAGE, page_token=token)
        versions += filter(None, (_version(one, aliases) for one in page))
        token = page.token
        if not token:
            break
    versions.sort(key=lambda one: -one.version)
    return RegisteredModel(name=found.name, aliases=aliases, versions=tuple(versions))


def _version(stored: "Stored", aliases: dict[str, int]) -> ModelVersion | None:
    """A version as the mesh wrote it; None for one that was registered past it and says no checksum."""
    tags: dict[str, str] = stored.tags or {}
    number = int(stored.version)
    results = (_lenient(Evaluation, value) for key, value in sorted(tags.items()) if key.startswith(_EVALUATION))
    try:
        return ModelVersion(
            name=stored.name,
            version=number,
            source=tags[SOURCE],
            sha256=tags[SHA256],
            description=stored.description or "",
            lineage=_lenient(Lineage, tags.get(LINEAGE, "{}")) or Lineage(),
            registeredBy=tags.get(AUTHOR, ""),
            createdAt=datetime.fromtimestamp(stored.creation_timestamp / 1000, UTC),
            aliases=tuple(alias for alias, version in aliases.items() if version == number),
            evaluations=tuple(sorted(filter(None, results), key=lambda one: one.at, reverse=True)),
            promotions=_promotions(tags.get(_PROMOTIONS, "[]")),
        )
    except (KeyError, ValidationError):
        return None


def _promotions(value: str) -> tuple[Promotion, ...]:
    try:
        return _PROMOTION_LIST.validate_json(value)
    except ValidationError:
        return ()


def _lenient(kind: type[_Read], value: Any) -> _Read | None:
    """What a tag says; None where somebody wrote something else there."""
    try:
        return kind.model_validate_json(value)
    except (ValidationError, TypeError):
        return None
