"""/v1/registry/prompts: prompts as MLflow keeps them.

Documents of kind Prompt are at /v1/prompts, as those of every kind are at its plural.
"""

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import Field, SkipValidation, TypeAdapter, ValidationError, WithJsonSchema

from control_plane.aliases import Aliases
from control_plane.api.callers import Caller, author_of, needs, origin_of, permit
from control_plane.api.documents import Author, Said, part
from control_plane.api.operations import operations
from control_plane.api.problems import answers
from control_plane.drift import Drift
from control_plane.spec.base import Spec
from control_plane.spec.errors import Code, FieldError, TiermeshError
from control_plane.spec.names import DEFAULT_NAMESPACE
from control_plane.spec.people import Role
from control_plane.spec.prompts import Alias, PromptName, PromptSpec, Version
from control_plane.spec.registry import Moved, PromptSummary, PromptVersion, VersionSummary, Written

_WHICH: TypeAdapter[int | str] = TypeAdapter(Version | Alias)
Name = Annotated[PromptName, Path()]
Which = Annotated[str, WithJsonSchema(_WHICH.json_schema())]
"""A version's number, or an alias that leads to it."""


class PromptList(Spec):
    """Prompts, by name."""

    items: tuple[PromptSummary, ...]


class VersionList(Spec):
    """Versions, newest first."""

    items: tuple[VersionSummary, ...]


class NewPromptVersion(Spec):
    """What a version shall say."""

    prompt: SkipValidation[PromptSpec]
    """As the spec of a Prompt document; described here, and read with errors that name the cure."""
    author: Author = None
    commit: str = Field(default="", max_length=200)


class Move(Said):
    """Where an alias shall lead."""

    version: Version


def prompt_routes(aliases: Aliases, drift: Drift) -> APIRouter:
    """The operations on prompts."""
    routes = operations("registry", "/v1/registry/prompts")
    registry = aliases.registry

    @routes.get("", dependencies=[needs(Role.VIEWER)])
    def list_all() -> PromptList:
        """All prompts with their aliases, who uses them, and what has drifted."""
        return PromptList(items=tuple(drift.prompts()))

    @routes.get("/{name}/versions", responses=answers(404), dependencies=[needs(Role.VIEWER)])
    def versions(name: Name) -> VersionList:
        """All versions of a prompt, newest first."""
        return VersionList(items=tuple(registry.versions(name)))

    @routes.post("/{name}/versions", responses=answers(404, 409, 413, 422), dependencies=[needs(Role.EXPERIMENTER)])
    def write(name: Name, body: NewPromptVersion, caller: Caller) -> Written:
        """Write a version, where the newest says something else."""
        permit(caller, Role.EXPERIMENTER, DEFAULT_NAMESPACE)
        author = author_of(caller, body.author)
        spec = part(PromptSpec, body.prompt, "prompt")
        written = registry.write(name, spec, spec.message, author, body.commit)
        if written.created:
            what = f"{name}/{written.version.version}"
            aliases.audit("prompt push", what, author, spec.message, origin_of(caller))
        return written

    @routes.get("/{name}/versions/{which}", responses=answers(404, 422), dependencies=[needs(Role.VIEWER)])
    def version(name: Name, which: Which) -> PromptVersion:
        """One version, by its number or by an alias."""
        return registry.version(name, _which(which))

    @routes.put(
        "/{name}/aliases/{alias}", responses=answers(404, 409, 413, 422), dependencies=[needs(Role.EXPERIMENTER)]
    )
    def move(name: Name, alias: Alias, body: Move, caller: Caller) -> Moved:
        """Let an alias lead to a version and publish it; 409 with a request's number where the alias is protected."""
        permit(caller, Role.EXPERIMENTER, DEFAULT_NAMESPACE)
        author = author_of(caller, body.author)
        return aliases.move(name, alias, body.version, author, body.reason, origin_of(caller))

    return routes


def _which(written: str) -> int | str:
    try:
        return _WHICH.validate_python(int(written) if written.isdecimal() and len(written) < 12 else written)
    except ValidationError as error:
        message = f"{written[:100]!r} is neither a version's number nor an alias."
        wrong = (FieldError("which", "must be a number or an alias"),)
        hint = "Write 3, or an alias such as production."
        raise TiermeshError(Code.INVALID_REQUEST, message, hint, errors=wrong) from error
