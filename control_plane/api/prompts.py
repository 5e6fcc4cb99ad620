"""/v1/registry/prompts: prompts as MLflow keeps them.

Documents of kind Prompt are at /v1/prompts, as those of every kind are at its plural.
"""

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import Field, TypeAdapter, ValidationError

from control_plane.aliases import Aliases
from control_plane.api.documents import ANONYMOUS, Author, Reason
from control_plane.drift import Drift
from control_plane.spec.base import Spec
from control_plane.spec.errors import Code, FieldError, TiermeshError
from control_plane.spec.prompts import Alias, PromptName, PromptSpec, Version
from control_plane.spec.registry import Moved, PromptSummary, PromptVersion, VersionSummary, Written

Name = Annotated[PromptName, Path()]
_WHICH: TypeAdapter[int | str] = TypeAdapter(Version | Alias)


class PromptList(Spec):
    """Prompts, by name."""

    items: tuple[PromptSummary, ...]


class VersionList(Spec):
    """Versions, newest first."""

    items: tuple[VersionSummary, ...]


class NewVersion(Spec):
    """What a version shall say."""

    prompt: PromptSpec
    author: Author = ANONYMOUS
    commit: str = Field(default="", max_length=200)


class Move(Spec):
    """Where an alias shall lead."""

    version: Version
    author: Author = ANONYMOUS
    reason: Reason = ""


def prompt_routes(aliases: Aliases, drift: Drift) -> APIRouter:
    """The operations on prompts."""
    routes = APIRouter(prefix="/v1/registry/prompts", tags=["registry"])
    registry = aliases.registry

    @routes.get("")
    def list_all() -> PromptList:
        """All prompts with their aliases, who uses them, and what has drifted."""
        return PromptList(items=tuple(drift.prompts()))

    @routes.get("/{name}/versions")
    def versions(name: Name) -> VersionList:
        """All versions of a prompt, newest first."""
        return VersionList(items=tuple(registry.versions(name)))

    @routes.post("/{name}/versions")
    def write(name: Name, body: NewVersion) -> Written:
        """Write a version, where the newest says something else."""
        return registry.write(name, body.prompt, body.prompt.message, body.author, body.commit)

    @routes.get("/{name}/versions/{which}")
    def version(name: Name, which: str) -> PromptVersion:
        """One version, by its number or by an alias."""
        return registry.version(name, _which(which))

    @routes.put("/{name}/aliases/{alias}")
    def move(name: Name, alias: Alias, body: Move) -> Moved:
        """Let an alias lead to a version and publish it; 409 with a request's number where the alias is protected."""
        return aliases.move(name, alias, body.version, body.author, body.reason)

    return routes


def _which(written: str) -> int | str:
    try:
        return _WHICH.validate_python(int(written) if written.isdecimal() and len(written) < 12 else written)
    except ValidationError as error:
        message = f"{written[:100]!r} is neither a version's number nor an alias."
        wrong = (FieldError("which", "must be a number or an alias"),)
        hint = "Write 3, or an alias such as production."
        raise TiermeshError(Code.INVALID_REQUEST, message, hint, errors=wrong) from error
