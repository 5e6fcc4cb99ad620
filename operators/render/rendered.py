"""What comes of rendering, and what is made of the live objects."""

from dataclasses import dataclass
from typing import Any

from control_plane.spec.models import Protocol

Object = dict[str, Any]
"""A Kubernetes object as JSON has it."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a document asks of the cluster."""

    objects: tuple[Object, ...] = ()
    """Complete but for ownerReferences; in the order in which they are applied."""
    url: str | None = None
    """What `spec.url` of the document says upwards; None: as it is written."""
    protocol: Protocol | None = None
    """What `spec.protocol` says upwards; None: as it is written."""
    missing: tuple[str, ...] = ()
    """What the cluster or the document lacks, a sentence each, with the cure. Without `objects` nothing runs."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """How far the cluster is."""

    ready: bool
    why: str = ""
    """Where it is not ready: one sentence."""
    replicas: int = 0
    """Pods that answer."""
    selector: str = ""
    """A label selector that finds all its pods."""
