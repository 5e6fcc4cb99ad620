"""Runtime: a snapshot made ready to serve. Immutable; a router swaps it by one assignment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import urlsplit

from control_plane.spec import snapshots
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.models import Operation, Tier
from control_plane.spec.snapshots import SCHEMA_VERSION, Snapshot, digest
from routers.reasons import Reason
from routers.upstream import Origin

_PATHS = {
    Operation.CHAT: "chat/completions",
    Operation.COMPLETIONS: "completions",
    Operation.EMBEDDINGS: "embeddings",
}


@dataclass(frozen=True, slots=True)
class Backend:
    """A Model that answers: where it is, and the head of a request to it."""

    name: str
    version: str
    tier: Tier
    served_name: str
    origin: Origin
    heads: Mapping[Operation, bytes]
    """The request line and fixed headers, for each operation the Model can do."""

    def request(self, operation: Operation, request_id: str, body: bytes) -> bytes:
        """A whole HTTP request. Of the caller's headers none goes on: its key is for the mesh, not for the model."""
        head = b"%bx-request-id: %b\r\ncontent-length: %d\r\n\r\n"
        return head % (self.heads[operation], request_id.encode(), len(body)) + body


@dataclass(frozen=True, slots=True)
class Route:
    """A Route with its Models at hand."""

    name: str
    model: str
    revision: str
    light: Mapping[Operation, tuple[Backend, ...]]
    heavy: Mapping[Operation, tuple[Backend, ...]]
    """The Models of a tier that can do an operation, in the order in which they are tried."""
    threshold: float
    cache_ttl_seconds: float | None
    deadline_seconds: float
    headers: str
    """What every answer's headers say of the Route."""
    reasons: tuple[Reason, ...]
    """Why a request is answered by it."""


@dataclass(frozen=True, slots=True)
class Runtime:
    """All that a request needs to know; captured once, at its start."""

    snapshot: Snapshot
    number: int
    """The snapshot's."""
    routes: Mapping[str, Route]
    """By the `model` that callers write."""

    @classmethod
    def build(cls, snapshot: Snapshot, environ: Mapping[str, str] = os.environ) -> "Runtime":
        """Make a snapshot ready.

        Raises TiermeshError(UNAVAILABLE) for a snapshot of another schema, with a wrong hash, that does not hold
        together, or whose keys are missing here.
        """
        if snapshot.schema_version not in (SCHEMA_VERSION, SCHEMA_VERSION - 1):
            message = (
                f"Snapshot {snapshot.number} has schema {snapshot.schema_version}; this router knows {SCHEMA_VERSION}."
            )
            raise TiermeshError(Code.UNAVAILABLE, message, "Upgrade the router.")
        if digest(snapshot.content) != snapshot.sha256:
            message = f"Snapshot {snapshot.number} does not have the hash it claims."
            raise TiermeshError(Code.UNAVAILABLE, message, "Publish it again.")
        try:
            backends = {backend.name: _backend(backend, environ) for backend in snapshot.content.backends}
            routes = {route.model: _route(route, backends) for route in snapshot.content.routes}
        except (KeyError, ValueError) as error:
            message = f"Snapshot {snapshot.number} names a Model it does not hold, or a URL that is none: {error}."
            raise TiermeshError(Code.UNAVAILABLE, message, "Publish it again.") from error
        return cls(snapshot, snapshot.number, MappingProxyType(routes))


def _backend(backend: snapshots.Backend, environ: Mapping[str, str]) -> Backend:
    parts = urlsplit(backend.url)
    lines = f"host: {parts.netloc}\r\ncontent-type: application/json\r\n"
    if backend.api_key_from_env is not None:
        key = environ.get(backend.api_key_from_env)
        if not key or not key.isprintable():
            message = (
                f"Model {backend.name!r} needs a key in {backend.api_key_from_env}, which this router does not have."
            )
            raise TiermeshError(Code.UNAVAILABLE, message, "Set it in the router's environment and restart the router.")
        lines += f"authorization: Bearer {key}\r\n"
    heads = {
        operation: f"POST {parts.path}/{_PATHS[operation]} HTTP/1.1\r\n{lines}".encode()
        for operation in backend.operations
    }
    return Backend(
        name=backend.name,
        version=backend.version,
        tier=backend.tier,
        served_name=backend.served_name,
        origin=Origin.of(backend.url),
        heads=MappingProxyType(heads),
    )


def _route(route: snapshots.CompiledRoute, backends: Mapping[str, Backend]) -> Route:
    return Route(
        name=route.name,
        model=route.model,
        revision=route.revision,
        light=_by_operation(tuple(backends[name] for name in route.light)),
        heavy=_by_operation(tuple(backends[name] for name in route.heavy)),
        threshold=route.threshold,
        cache_ttl_seconds=route.cache_ttl_seconds,
        deadline_seconds=route.deadline_seconds,
        headers=f"x-tiermesh-route: {route.name}\r\nx-tiermesh-revision: {route.revision}\r\n",
        reasons=(Reason("route", f"model {route.model!r} is Route {route.name!r}"),),
    )


def _by_operation(tier: tuple[Backend, ...]) -> Mapping[Operation, tuple[Backend, ...]]:
    able = {operation: tuple(backend for backend in tier if operation in backend.heads) for operation in Operation}
    return MappingProxyType(able)
