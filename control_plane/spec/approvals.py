"""Approval: a change that one person asks for and another decides."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from control_plane.spec.base import Spec


class State(StrEnum):
    """How far a request has come."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"


class Approval(Spec):
    """One request."""

    id: int
    kind: str
    """What kind of change: `prompt-alias`."""
    subject: dict[str, Any]
    """All that carries it out."""
    summary: str
    """The change in one sentence."""
    requested_by: str
    reason: str
    requested_at: datetime
    state: State
    decided_by: str | None = None
    note: str | None = None
    """Why it was decided so."""
    decided_at: datetime | None = None
