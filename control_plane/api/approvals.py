"""/v1/approvals: changes that wait for a second person."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from control_plane.api.documents import ANONYMOUS, Author, Reason
from control_plane.approvals import Approvals
from control_plane.spec.approvals import Approval, State
from control_plane.spec.base import Spec
from control_plane.store import approvals as stored

Number = Annotated[int, Path(ge=1, le=2**63 - 1)]


class ApprovalList(Spec):
    """Requests, newest first."""

    items: tuple[Approval, ...]


class Decided(Spec):
    """Who decides and why."""

    author: Author = ANONYMOUS
    reason: Reason = ""


def approval_routes(approvals: Approvals) -> APIRouter:
    """The operations on requests."""
    routes = APIRouter(prefix="/v1/approvals", tags=["approvals"])

    @routes.get("")
    def list_newest(
        state: Annotated[State | None, Query()] = None, limit: Annotated[int, Query(ge=1, le=1000)] = 100
    ) -> ApprovalList:
        """The newest requests, in one state or in any."""
        with approvals.database.read() as transaction:
            return ApprovalList(items=tuple(stored.newest(transaction, state, limit)))

    @routes.post("/{number}/approve")
    def approve(number: Number, body: Decided) -> Approval:
        """Carry the change out; 403 for who asked for it."""
        return approvals.approve(number, body.author, body.reason)

    @routes.post("/{number}/reject")
    def reject(number: Number, body: Decided) -> Approval:
        """Leave everything as it is."""
        return approvals.reject(number, body.author, body.reason)

    return routes
