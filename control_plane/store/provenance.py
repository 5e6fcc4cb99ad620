"""Provenance: who wrote something, why and when."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Provenance:
    """Stands beside everything that is written."""

    author: str
    reason: str
    at: datetime
    """Aware."""
