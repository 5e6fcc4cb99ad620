"""/v1/promises: how the quality contracts of Routes stand."""

from fastapi import APIRouter

from control_plane import promises
from control_plane.api.callers import Caller, needs
from control_plane.api.operations import operations
from control_plane.spec.base import Spec
from control_plane.spec.names import key_of
from control_plane.spec.people import Role
from control_plane.spec.watched import PromiseStatus
from control_plane.store.database import Database


class PromiseList(Spec):
    """Promises by Route; of each Route the one that was heard of last at the end."""

    items: tuple[PromiseStatus, ...]


def promise_routes(database: Database) -> APIRouter:
    """The one operation."""
    routes = operations("promises")

    @routes.get("/v1/promises", dependencies=[needs(Role.VIEWER)])
    def list_all(caller: Caller) -> PromiseList:
        """What is known of each promise that was ever watched, of the namespaces that the caller may view."""
        found = promises.statuses(database)
        return PromiseList(
            items=tuple(one for one in found if caller.may(Role.VIEWER, key_of("Route", one.route).namespace))
        )

    return routes
