"""/v1/registry/models: versions of models as MLflow keeps them, their results, and who promoted them.

Documents of kind Model are at /v1/models, as those of every kind are at its plural.
"""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Path
from fastapi.responses import JSONResponse
from pydantic import SkipValidation

from control_plane import serving
from control_plane.api.callers import Caller, author_of, needs, origin_of, permit
from control_plane.api.documents import Author, Said, list_of, part
from control_plane.api.operations import operations
from control_plane.api.problems import answers
from control_plane.models.promotions import Promotions
from control_plane.spec.base import Spec
from control_plane.spec.documents import stored
from control_plane.spec.errors import Code, FieldError, TiermeshError
from control_plane.spec.names import DEFAULT_NAMESPACE
from control_plane.spec.people import Role
from control_plane.spec.versions import (
    AliasName,
    Evaluation,
    ModelVersion,
    ModelView,
    Promoted,
    RegisteredModel,
    RegisteredName,
    Registration,
    Result,
    VersionNumber,
)
from control_plane.store import model_pins
from control_plane.store.model_pins import ModelPin

Name = Annotated[RegisteredName, Path()]
Number = Annotated[VersionNumber, Path()]


class ModelList(Spec):
    """Registered models, by name."""

    items: tuple[RegisteredModel, ...]


class PinList(Spec):
    """What references of documents in force stand for, by reference."""

    items: tuple[ModelPin, ...]


class NewModelVersion(Spec):
    """A version to be, and whose it is."""

    version: SkipValidation[Registration]
    author: Author = None


class NewResult(Spec):
    """How a version did, and who found out."""

    result: SkipValidation[Result]
    author: Author = None


class Promote(Said):
    """Which version an alias shall stand for."""

    version: VersionNumber


def version_routes(promotions: Promotions) -> APIRouter:
    """The operations on registered models."""
    routes = operations("registry", "/v1/registry")
    registry = promotions.registry

    @routes.get("/models", dependencies=[needs(Role.VIEWER)])
    def list_all() -> ModelList:
        """All registered models with their versions and aliases."""
        return ModelList(items=tuple(registry.models()))

    @routes.get("/models/{name}", responses=answers(404), dependencies=[needs(Role.VIEWER)])
    def get(name: Name) -> ModelView:
        """One registered model, and the gates before its versions."""
        found = registry.model(name)
        return ModelView(**found.model_dump(), gates=tuple(promotions.gates(name)))

    @routes.post("/models/{name}/versions", responses=answers(404, 409, 413, 422), dependencies=[needs(Role.OPERATOR)])
    def register(name: Name, body: NewModelVersion, caller: Caller) -> ModelVersion:
        """Write a version. It never changes; a model comes into being with its first."""
        permit(caller, Role.OPERATOR, DEFAULT_NAMESPACE)
        author = author_of(caller, body.author)
        found = registry.register(name, part(Registration, body.version, "version"), author)
        promotions.audit("model register", f"{name}/{found.version}", author, "", origin_of(caller))
        return found

    @routes.get("/models/{name}/versions/{version}", responses=answers(404), dependencies=[needs(Role.VIEWER)])
    def version(name: Name, version: Number) -> ModelVersion:
        """One version with its results and promotions."""
        return registry.version(name, version)

    @routes.post(
        "/models/{name}/versions/{version}/evaluations",
        responses=answers(404, 409, 413, 422),
        dependencies=[needs(Role.OPERATOR)],
    )
    def evaluated(name: Name, version: Number, body: NewResult, caller: Caller) -> Evaluation:
        """Keep a result with its version; it has to be of exactly its weights."""
        permit(caller, Role.OPERATOR, DEFAULT_NAMESPACE)
        author = author_of(caller, body.author)
        found = registry.version(name, version)
        result = part(Result, body.result, "result")
        if result.sha256 != found.sha256:
            message = f"The result is of weights {result.sha256[:12]}…, and version {version} is {found.sha256[:12]}…."
            wrong = (FieldError("result.sha256", "is not the version's"),)
            raise TiermeshError(Code.CONFLICT, message, "Evaluate the version itself.", errors=wrong)
        evaluation = Evaluation(**result.model_dump(), by=author, at=datetime.now(UTC))
        registry.evaluated(name, version, evaluation)
        promotions.audit("model evaluate", f"{name}/{version}", author, "", origin_of(caller))
        return evaluation

    @routes.put(
        "/models/{name}/aliases/{alias}", responses=answers(404, 409, 413, 422), dependencies=[needs(Role.OPERATOR)]
    )
    def promote(name: Name, alias: AliasName, body: Promote, caller: Caller) -> Promoted:
        """Let an alias stand for a version and publish it.

        409 with the failing questions where a gate is not passed, or with a request's number where the alias is
        protected.
        """
        permit(caller, Role.OPERATOR, DEFAULT_NAMESPACE)
        author = author_of(caller, body.author)
        return promotions.promote(name, body.version, alias, author, body.reason, origin_of(caller))

    @routes.get("/pins", dependencies=[needs(Role.VIEWER)])
    def pins() -> PinList:
        """What the references of the Models in force stand for. Needs no MLflow."""
        with promotions.publisher.database.read() as transaction:
            return PinList(items=tuple(model_pins.read(transaction).values()))

    @routes.get("/served", responses=list_of("Model"), dependencies=[needs(Role.VIEWER)])
    def served(caller: Caller) -> JSONResponse:
        """The Models that the caller may view as they are to be served: versions in place of references, and beside
        them those whose versions Rollouts try, which are no documents."""
        with promotions.publisher.database.read() as transaction:
            found = serving.models(transaction)
        visible = (one for one in found if caller.may(Role.VIEWER, one.metadata.namespace))
        return JSONResponse({"items": [stored(one) for one in visible]})

    return routes
