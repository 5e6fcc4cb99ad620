"""/v1/routers: which routers are alive, and what each of them serves."""

from datetime import UTC, datetime, timedelta

from fastapi import APIRouter

from control_plane.api.callers import needs
from control_plane.api.operations import operations
from control_plane.spec.people import Role
from control_plane.spec.records import Presence
from control_plane.store import acks, snapshots
from control_plane.store.database import Database

LIVE_SECONDS = 90
"""A router says that it serves what it serves at least every 40 s."""


def router_routes(database: Database) -> APIRouter:
    """The one operation."""
    routes = operations("snapshots")

    @routes.get("/v1/routers", dependencies=[needs(Role.VIEWER, everywhere=True)])
    def presence() -> Presence:
        """The routers that said something within the last 90 seconds, by name, and the snapshot in force."""
        since = datetime.now(UTC) - timedelta(seconds=LIVE_SECONDS)
        with database.read() as transaction:
            in_force = snapshots.in_force(transaction)
            return Presence(snapshot=in_force and in_force.number, items=acks.alive(transaction, since))

    return routes
