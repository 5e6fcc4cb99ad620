"""Tenant: whose request it is, made ready to serve."""

from dataclasses import dataclass

from control_plane.spec.snapshots import CompiledTenant
from routers.quotas.limits import Limits


@dataclass(frozen=True, slots=True)
class Tenant:
    """Who calls, and what it may do."""

    name: str
    priority: int = 0
    """Under overload the requests of lower priority go first."""
    weight: float = 1.0
    """Its share of the places for which several tenants wait."""
    routes: frozenset[str] | None = None
    """The Routes it may use, by their documents' names; None: all of them."""
    limits: Limits | None = None
    """None: nothing is limited."""

    @classmethod
    def of(cls, compiled: CompiledTenant) -> "Tenant":
        """Make one ready."""
        routes = None if compiled.routes is None else frozenset(compiled.routes)
        return cls(compiled.name, compiled.priority, compiled.weight, routes, Limits.of(compiled.quotas))


DEFAULT = Tenant("default")
"""Whose every request is where there are no Tenant documents: the mesh is open."""
