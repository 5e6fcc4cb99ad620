"""Registry: prompts as MLflow keeps them: versions that never change, and aliases that lead to them.

Only what the language of prompts knows goes in. What others have written into MLflow may be anything: it is read with
care, and a version that does not parse is refused by its name.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from control_plane.prompts.connection import Absent, Connection
from control_plane.spec.base import nearest
from control_plane.spec.documents import field_errors
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.prompts import Template
from control_plane.spec.registry import Known, PromptVersion, VersionSummary, Written, same

if TYPE_CHECKING:
    from mlflow.entities.model_registry.prompt_version import PromptVersion as Stored
    from mlflow.tracking.client import MlflowClient

AUTHOR, COMMIT = "tiermesh.dev/author", "tiermesh.dev/commit"
"""Tags of a version."""
_PROMPTS = "tag.`mlflow.prompt.is_prompt` = 'true'"
_PAGE = 500


class PromptRegistry:
    """The prompts. Safe for several threads.

    Every method raises TiermeshError(UNAVAILABLE) where MLflow is away.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def known(self) -> Mapping[str, Known]:
        """All prompts, by name."""
        return {one.name: one for one in self._connection.ask(_known)}

    def newest(self, name: str) -> PromptVersion | None:
        """The newest version, or None where there is no such prompt, or one that does not parse."""
        found = next(iter(self._connection.ask(lambda client: _known(client, name))), None)
        if found is None or not found.newest:
            return None
        try:
            return self.version(name, found.newest)
        except TiermeshError as error:
            if error.code is not Code.INVALID_DOCUMENT:
                raise
            return None

    def version(self, name: str, which: int | str) -> PromptVersion:
        """One version, by its number or by an alias.

        Raises TiermeshError: NOT_FOUND with the nearest name, INVALID_DOCUMENT where it does not parse.
        """

        def ask(client: "MlflowClient") -> "Stored | None":
            stored: Stored | None  # MLflow's decorators hide its types
            if isinstance(which, int):
                stored = client.get_prompt_version(name, which)
            else:
                stored = client.get_prompt_version_by_alias(name, which)
            return stored

        try:
            found = self._connection.ask(ask)
        except Absent:
            found = None
        if found is None:
            raise self._no_such(name, which)
        return _read(found)

    def versions(self, name: str) -> list[VersionSummary]:
        """All versions, newest first. Raises TiermeshError(NOT_FOUND)."""

        def ask(client: "MlflowClient") -> tuple[list["Stored"], list[Known]]:
            found: list[Stored] = []
            token = None
            while True:
                page = client.search_prompt_versions(name, max_results=_PAGE, page_token=token)
                found += page
                token = page.token
                if not token:
                    return found, _known(client, name)

        try:
            stored, known = self._connection.ask(ask)
        except Absent:
            raise self._no_such(name, 1) from None
        aliases = known[0].aliases if known else {}
        return sorted((_summary(one, aliases) for one in stored), key=lambda one: -one.version)

    def write(self, name: str, template: Template, message: str, author: str, commit: str = "") -> Written:
        """Write a version, where the newest says something else."""
        newest = self.newest(name)
        if newest is not None and same(newest, template):
            return Written(version=newest, created=False)
        tags = {key: value for key, value in ((AUTHOR, author), (COMMIT, commit)) if value}
        said = template.said()

        def ask(client: "MlflowClient") -> "Stored":
            if not _known(client, name):
                client.create_prompt(name)
            text = said.get("template") or said["chat"]
            made: Stored = client.create_prompt_version(name, text, message or None, tags, said.get("responseFormat"))
            return made

        try:
            made = self._connection.ask(ask)
        except Absent as error:
            raise self._no_such(name, 1) from error
        return Written(version=self.version(name, int(made.version)), created=True)

    def move(self, name: str, alias: str, version: int) -> None:
        """Let an alias lead to a version. Raises TiermeshError(NOT_FOUND)."""
        try:
            self._connection.ask(lambda client: client.set_prompt_alias(name, alias, version))
        except Absent:
            raise self._no_such(name, version) from None

    def _no_such(self, name: str, which: int | str) -> TiermeshError:
        """The error that names what there is."""
        known = self.known()
        if name not in known:
            near = nearest(name, list(known))
            hint = f"Did you mean {near!r}?" if near else f"There are: {', '.join(sorted(known)[:20]) or 'none yet'}."
            return TiermeshError(Code.NOT_FOUND, f"There is no prompt {name!r} in MLflow.", hint, param="name")
        found = known[name]
        if isinstance(which, int):
            hint = f"Its newest is version {found.newest}."
            return TiermeshError(Code.NOT_FOUND, f"Prompt {name!r} has no version {which}.", hint, param="version")
        near = nearest(which, list(found.aliases))
        hint = f"Did you mean {near!r}?" if near else f"It has: {', '.join(sorted(found.aliases)) or 'none'}."
        hint += f" 'tiermesh prompt alias {name} {which} VERSION' makes one."
        return TiermeshError(Code.NOT_FOUND, f"Prompt {name!r} has no alias {which!r}.", hint, param="alias")


def _known(client: "MlflowClient", name: str | None = None) -> list[Known]:
    query = _PROMPTS if name is None else f"name = '{name}' AND {_PROMPTS}"
    found: list[Known] = []
    token = None
    while True:
        page = client.search_registered_models(filter_string=query, max_results=_PAGE, page_token=token)
        for one in page:
            newest = max((int(version.version) for version in one.latest_versions or ()), default=0)
            aliases = {alias: int(version) for alias, version in sorted((one.aliases or {}).items())}
            found.append(Known(name=one.name, newest=newest, aliases=aliases))
        token = page.token
        if not token:
            return found


def _read(stored: "Stored") -> PromptVersion:
    try:
        return PromptVersion.model_validate(
            {
                **_content(stored),
                "name": stored.name,
                "aliases": sorted(stored.aliases),
                **_provenance(stored),
            }
        )
    except ValidationError as error:
        wrong = field_errors(error)
        message = f"Version {stored.version} of prompt {stored.name!r} cannot be used: {wrong[0].message}."
        hint = "Write a corrected version with 'tiermesh prompt push'."
        raise TiermeshError(Code.INVALID_DOCUMENT, message, hint, errors=wrong) from error


def _content(stored: "Stored") -> dict[str, Any]:
    form = {"template": stored.template} if stored.is_text_prompt else {"chat": stored.template}
    format = stored.response_format
    return {**form, **({} if format is None else {"responseFormat": format})}


def _provenance(stored: "Stored") -> dict[str, Any]:
    return {
        "version": int(stored.version),
        "message": stored.commit_message or "",
        "author": stored.tags.get(AUTHOR, ""),
        "commit": stored.tags.get(COMMIT, ""),
        "createdAt": datetime.fromtimestamp((stored.creation_timestamp or 0) / 1000, UTC),
    }


def _summary(stored: "Stored", aliases: Mapping[str, int]) -> VersionSummary:
    try:
        _read(stored)
        problem = None
    except TiermeshError as error:
        problem = error.message
    leading = sorted(alias for alias, version in aliases.items() if version == int(stored.version))
    return VersionSummary.model_validate({**_provenance(stored), "aliases": leading, "problem": problem})
