"""Observed: all that decides what becomes of a custom resource, beside itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from control_plane.spec.documents import Model, ScalingPolicy
from control_plane.spec.records import Presence
from operators.conditions import Happening
from operators.kinds import Object
from operators.render import Offers, Site
from operators.serving import Served


@dataclass(frozen=True, slots=True)
class Standing:
    """What the control plane last said about a document."""

    digest: str | None
    """Of the document that was sent; None: it was to be deleted."""
    snapshot: int | None = None
    """In force after it was accepted; None where it was not."""
    changed: bool = False
    """Whether accepting it changed anything."""
    refusal: str | None = None
    """Why it was refused, with the field and the cure."""
    reason: str = ""
    """The refusal in one word."""
    unreachable: str | None = None
    """Why nobody could be asked."""

    @property
    def accepted(self) -> bool:
        """Whether the control plane has it; or no longer has it, where it was to be deleted."""
        return self.refusal is None and self.unreachable is None


@dataclass(frozen=True, slots=True)
class Observed:
    """One look."""

    now: datetime
    offers: Offers
    site: Site
    patience_seconds: float = 300
    """How long a deletion waits for a control plane or a router that does not answer."""
    children: Sequence[Object] = ()
    """What it controls, live."""
    policy: ScalingPolicy | None = None
    """Of a Model: how much of it runs."""
    beside: Mapping[str, Model] = field(default_factory=dict)
    """Models of its namespace that a Model names, by name."""
    served: Served | None = None
    """Which versions of the model registry are to be served; None while nobody knows."""
    standing: Standing | None = None
    """None: the control plane was not asked yet."""
    presence: Presence | None = None
    """None: nobody knows which routers are alive."""
    progress: Mapping[str, Any] | None = None
    """How far the control plane is with an Experiment or a Rollout, as its status says it; None: nobody knows."""
    problem: str | None = None
    """What the cluster refused when it was written last."""


@dataclass(frozen=True, slots=True)
class Patch:
    """What is to be done about a custom resource. Nothing at all, where everything is as it should be."""

    hold: bool = False
    """Put the finalizer on it."""
    release: bool = False
    """Take the finalizer off: nothing is left to do."""
    apply: tuple[Object, ...] = ()
    """Children to write, in this order."""
    prune: tuple[Object, ...] = ()
    """Live children that nobody wants any more."""
    send: Mapping[str, Any] | None = None
    """The document that the control plane is to have; what it is said to have already is not sent twice."""
    withdraw: bool = False
    """The control plane is to have no such document."""
    status: Object | None = None
    """To be written; None: it says so already."""
    happenings: tuple[Happening, ...] = ()
    again_seconds: float | None = None
    """Look again by then, whatever happens."""

    @property
    def writes(self) -> bool:
        """Whether it writes anything to the cluster."""
        return bool(self.hold or self.release or self.apply or self.prune or self.status is not None)
