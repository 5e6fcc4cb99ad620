"""The control plane's registry and its requests for approval, for people's tools."""

from typing import Any
from urllib.parse import quote

from pydantic import TypeAdapter

from control_plane.client.answers import read
from control_plane.client.http import Client
from control_plane.spec.approvals import Approval, State
from control_plane.spec.prompts import PromptSpec
from control_plane.spec.registry import Moved, PromptSummary, PromptVersion, VersionSummary, Written

_APPROVAL = TypeAdapter(Approval)
_APPROVALS = TypeAdapter(list[Approval])
_MOVED = TypeAdapter(Moved)
_PROMPTS = TypeAdapter(list[PromptSummary])
_VERSION = TypeAdapter(PromptVersion)
_VERSIONS = TypeAdapter(list[VersionSummary])
_WRITTEN = TypeAdapter(Written)


class RegistryClient(Client):
    """A client that also knows prompts and approvals. Every method raises as `Client`'s do."""

    def prompts(self) -> list[PromptSummary]:
        """All prompts, by name."""
        return read(_PROMPTS, self._call("GET", "/v1/registry/prompts"), "items")

    def prompt_versions(self, name: str) -> list[VersionSummary]:
        """All versions of a prompt, newest first."""
        return read(_VERSIONS, self._call("GET", _path(name, "versions")), "items")

    def prompt_version(self, name: str, which: int | str) -> PromptVersion:
        """One version, by its number or by an alias."""
        return read(_VERSION, self._call("GET", _path(name, "versions", str(which))))

    def push_prompt(self, name: str, prompt: PromptSpec, author: str, commit: str = "") -> Written:
        """Write a version, where the newest says something else."""
        said = prompt.model_dump(mode="json", exclude_unset=True)
        # The version's message says why.
        body: dict[str, Any] = {"prompt": said, "commit": commit, **self._signed(author)}
        return read(_WRITTEN, self._call("POST", _path(name, "versions"), json=body))

    def move_alias(self, name: str, alias: str, version: int, author: str, reason: str = "") -> Moved:
        """Let an alias lead to a version; APPROVAL_REQUIRED where it is protected."""
        body = {"version": version, **self._signed(author, reason)}
        return read(_MOVED, self._call("PUT", _path(name, "aliases", alias), json=body))

    def approvals(self, state: State | None = None) -> list[Approval]:
        """The newest requests, in one state or in any."""
        params = {} if state is None else {"state": state.value}
        return read(_APPROVALS, self._call("GET", "/v1/approvals", params=params), "items")

    def decide(self, number: int, approve: bool, author: str, reason: str = "") -> Approval:
        """Approve a request, or reject it."""
        verb = "approve" if approve else "reject"
        body = self._signed(author, reason)
        return read(_APPROVAL, self._call("POST", f"/v1/approvals/{number}/{verb}", json=body))


def _path(name: str, *parts: str) -> str:
    return "/v1/registry/prompts/" + "/".join(quote(part, safe="") for part in (name, *parts))
