"""Provenance: who wrote something, why and when, and where that came from."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Origin:
    """How an author is known, and from where it was asked; both empty for the control plane itself."""

    via: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class Provenance:
    """Stands beside everything that is written."""

    author: str
    reason: str
    at: datetime
    """Aware."""
    origin: Origin = Origin()
