"""Snapshot: what is in force. Compiled, immutable, numbered, hash-addressed; all that a router needs."""

import hashlib
import json
from datetime import datetime
from typing import Any

from pydantic import Field, field_serializer

from control_plane.spec.base import Spec
from control_plane.spec.models import Operation, Tier

SCHEMA_VERSION = 1
"""Routers accept this and the one before it, so that a rolling upgrade works."""


class Backend(Spec):
    """A Model as a router sees it."""

    name: str
    version: str
    tier: Tier
    url: str
    """OpenAI base URL, /v1 included."""
    served_name: str
    operations: frozenset[Operation]
    api_key_from_env: str | None = None

    @field_serializer("operations")
    def _in_order(self, operations: frozenset[Operation]) -> list[Operation]:
        return sorted(operations)  # a set's order differs between processes


class CompiledRoute(Spec):
    """A Route as a router sees it."""

    name: str
    model: str
    """The `model` that callers write."""
    revision: str
    """Changes exactly when the answers may: the first 12 hex digits of a sha256 over the Route and its Models."""
    light: tuple[str, ...]
    heavy: tuple[str, ...]
    threshold: float
    cache_ttl_seconds: float | None
    """None: no exact cache."""
    deadline_seconds: float


class Content(Spec):
    """The part of a snapshot that decides: equal contents have equal hashes."""

    routes: tuple[CompiledRoute, ...] = ()
    backends: tuple[Backend, ...] = ()


class Snapshot(Spec):
    """Content with its number and provenance."""

    schema_version: int = SCHEMA_VERSION
    number: int = Field(ge=1)
    parent: int | None = None
    sha256: str
    author: str
    reason: str
    created_at: datetime
    content: Content


def canonical(value: Any) -> bytes:
    """JSON with sorted keys and no spaces: equal values give equal bytes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def digest(part: Spec) -> str:
    """sha256 of the part's canonical JSON, in hex."""
    return hashlib.sha256(canonical(part.model_dump(mode="json"))).hexdigest()
