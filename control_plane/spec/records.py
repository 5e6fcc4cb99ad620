"""Records: what the control plane writes down, in the shapes its API answers with and its client reads."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import Field

from control_plane.spec.base import Spec
from control_plane.spec.names import DEFAULT_NAMESPACE, Key
from control_plane.spec.snapshots import Snapshot


class Outcome(StrEnum):
    """What a write did to one document."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    DELETED = "deleted"


class Reference(Spec):
    """One document at one generation."""

    kind: str
    name: str
    namespace: str = DEFAULT_NAMESPACE
    generation: int = Field(ge=1)
    """Counts the revisions of this document, a deletion included. It is the document's `resourceVersion`."""

    @property
    def key(self) -> Key:
        """The document's identity."""
        return Key(self.kind, self.name, self.namespace)


class Change(Reference):
    """What a write did to one document, and the generation it has now."""

    outcome: Outcome


class Difference(Spec):
    """One place at which the compiled content differs: `routes[shop].threshold`."""

    path: str
    before: Any = None
    """None where there was nothing."""
    after: Any = None
    """None where there is nothing any more."""


class Applied(Spec):
    """The answer to a write."""

    changes: tuple[Change, ...]
    snapshot: int | None
    """The snapshot in force after the write; None where none was ever published."""
    published: bool
    """Whether the write published it. Equal content publishes nothing."""
    dry_run: bool = False
    diff: tuple[Difference, ...] = ()
    """How the compiled content changes; the first hundred places."""
    diff_complete: bool = True
    """Whether these are all."""
    rollouts: tuple[str, ...] = Field(default=(), exclude=True)
    """What Rollouts make of it rather than that it holds at once, in words. No part of an answer."""


class Revision(Reference):
    """One document as it was written once; never changed and never removed."""

    id: int
    deleted: bool
    document: dict[str, Any] | None
    """None where this revision is a deletion."""
    sha256: str
    """Of the document's canonical JSON; of `null` for a deletion."""
    author: str
    reason: str
    created_at: datetime
    first_snapshot: int | None = None
    """The first snapshot compiled from it; None where it changed nothing that a router sees."""
    last_snapshot: int | None = None
    """The newest snapshot compiled from it."""


class Ack(Spec):
    """What one router said about one snapshot."""

    router: str
    error: str | None
    """None: in service. A text: it could not be built, and the router goes on with the one before."""
    at: datetime


class RouterState(Spec):
    """What a router that is alive serves."""

    name: str
    snapshot: int | None = None
    """The newest that it could build; None where it has built none yet."""
    refused: int | None = None
    """A newer one that it could not build."""
    error: str | None = None
    """Why it could not."""
    at: datetime
    """When it last said something."""


class Presence(Spec):
    """Which routers are alive, and how far they are."""

    snapshot: int | None
    """In force; None before the first."""
    items: tuple[RouterState, ...]


class SnapshotSummary(Spec):
    """A snapshot without its content."""

    number: int
    parent: int | None
    sha256: str
    author: str
    reason: str
    created_at: datetime
    acknowledged: int
    """How many routers serve it."""
    refused: int
    """How many routers could not build it."""


class SnapshotView(Snapshot):
    """A snapshot with the documents it was compiled from and what routers say about it."""

    documents: tuple[Reference, ...] = ()
    acks: tuple[Ack, ...] = ()
