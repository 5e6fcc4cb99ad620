"""/v1/approvals: changes that wait for a second person."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from control_plane.api.callers import Caller, author_of, needs, origin_of, permit
from control_plane.api.documents import Said
from control_plane.api.operations import operations
from control_plane.api.problems import answers
from control_plane.approvals import Approvals
from control_plane.spec.approvals import Approval, State
from control_plane.spec.base import LARGEST, Spec
from control_plane.spec.people import EVERYWHERE, Role
from control_plane.store import approvals as stored

Number = Annotated[int, Path(ge=1, le=LARGEST)]


class ApprovalList(Spec):
    """Requests, newest first."""

    items: tuple[Approval, ...]


def approval_routes(approvals: Approvals) -> APIRouter:
    """The operations on requests."""
    routes = operations("approvals", "/v1/approvals")
    deciding = answers(404, 409, 413)

    @routes.get("", dependencies=[needs(Role.VIEWER)])
    def list_newest(
        state: Annotated[State | None, Query()] = None, limit: Annotated[int, Query(ge=1, le=1000)] = 100
    ) -> ApprovalList:
        """The newest requests, in one state or in any."""
        with approvals.database.read() as transaction:
            return ApprovalList(items=tuple(stored.newest(transaction, state, limit)))

    @routes.post(
        "/{number}/approve", responses=deciding | answers(422), dependencies=[needs(Role.ADMIN, everywhere=True)]
    )
    def approve(number: Number, body: Said, caller: Caller) -> Approval:
        """Carry the change out; 403 for who asked for it."""
        return approvals.approve(number, author_of(caller, body.author), body.reason, origin_of(caller))

    @routes.post("/{number}/reject", responses=deciding, dependencies=[needs(Role.EXPERIMENTER)])
    def reject(number: Number, body: Said, caller: Caller) -> Approval:
        """Leave everything as it is; an admin may, and who asked for it."""
        author = author_of(caller, body.author)
        if approvals.find(number).requested_by != author:
            permit(caller, Role.ADMIN, EVERYWHERE)
        return approvals.reject(number, author, body.reason, origin_of(caller))

    return routes
