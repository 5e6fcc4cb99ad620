"""What the registry of prompts says, in the shapes that the API answers with and its client reads."""

from datetime import datetime

from pydantic import Field

from control_plane.spec.base import Spec
from control_plane.spec.prompts import PinnedPrompt, Template


class PromptVersion(PinnedPrompt):
    """One version of a prompt, and where it comes from."""

    aliases: tuple[str, ...] = ()
    """Those that lead to it now."""
    message: str = ""
    """Why it was written."""
    author: str = ""
    """Empty where it was not written by way of the mesh."""
    commit: str = ""
    """Of Git, where its document named one (annotation tiermesh.dev/commit)."""
    created_at: datetime


class Written(Spec):
    """What writing a version did."""

    version: PromptVersion
    created: bool
    """False where the newest said the same already."""


class VersionSummary(Spec):
    """One version in a list."""

    version: int
    aliases: tuple[str, ...]
    message: str
    author: str
    commit: str
    created_at: datetime
    problem: str | None = None
    """Why no Route can use it, where it was written past the mesh."""


class PromptSummary(Spec):
    """One prompt in a list."""

    name: str
    newest: int
    aliases: dict[str, int]
    routes: tuple[str, ...] = ()
    """Those that put it before what their callers say."""
    drift: tuple[str, ...] = ()
    """What differs from the prompt's document, or from what a Route is pinned to; empty where nothing does."""


class Moved(Spec):
    """What moving an alias did."""

    name: str
    alias: str
    version: int
    before: int | None
    """The version that it led to; None where it was new."""
    snapshot: int | None
    """In force now."""
    published: bool
    rollouts: tuple[str, ...] = ()
    """What Rollouts make of it rather than that it holds at once, in words."""


class Known(Spec):
    """A prompt's name, newest version and aliases."""

    name: str
    newest: int = Field(ge=0)
    aliases: dict[str, int]


def same(one: Template, other: Template) -> bool:
    """Whether both tell a model the same."""
    return one.said() == other.said()
