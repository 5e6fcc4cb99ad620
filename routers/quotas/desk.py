"""Desk: where requests enter and where answers are paid for. In memory, or shared by all routers."""

from collections.abc import Callable
from typing import Protocol

from control_plane.spec.errors import TiermeshError
from routers.http import Reply
from routers.quotas.costs import Use
from routers.tenants import Tenant

Serve = Callable[[Reply], None]
"""Goes on with the request. Every error of it must have become an answer to the reply that it is given."""
Refuse = Callable[[TiermeshError, Reply], None]
"""Answers with the error."""
Settle = Callable[[Use], None]
"""Says what an answer took; to be called once."""


class Desk(Protocol):
    """For tenants with limits. `lease_seconds` is how long the request can last, whatever becomes of its router."""

    def admit(self, tenant: Tenant, lease_seconds: float, reply: Reply, serve: Serve, refuse: Refuse) -> None:
        """Call one of the two, now or as soon as it is known which."""

    async def reserve(self, tenant: Tenant, lease_seconds: float, use: Use) -> Settle:
        """Set aside what an answer may take.

        Raises TiermeshError: RATE_LIMITED, INSUFFICIENT_QUOTA, or UNAVAILABLE where nobody can say.
        """
