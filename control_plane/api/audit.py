"""/v1/audit: who changed what, when, why and from where; and who was refused."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from control_plane.api.callers import needs
from control_plane.api.operations import operations
from control_plane.audit import verify
from control_plane.spec.audit import Anchor, AuditEntry, Verdict
from control_plane.spec.base import LARGEST, Spec
from control_plane.spec.people import Role
from control_plane.store import audit
from control_plane.store.database import Database

SomeNumber = Annotated[int | None, Query(ge=0, le=LARGEST)]


AnchorText = Annotated[str, Field(pattern=r"^[0-9]{1,18}:[0-9a-f]{64}$", description="NUMBER:SHA256 of an entry.")]


class AuditList(Spec):
    """Entries: newest first, or oldest first behind `after`."""

    items: tuple[AuditEntry, ...]


def audit_routes(database: Database) -> APIRouter:
    """The operations on the audit. Nobody writes it: what is done or refused does."""
    routes = operations("audit", "/v1/audit", dependencies=[needs(Role.ADMIN, everywhere=True)])

    @routes.get("")
    def list_some(
        before: SomeNumber = None, after: SomeNumber = None, limit: Annotated[int, Query(ge=1, le=1000)] = 100
    ) -> AuditList:
        """The newest entries, or the newest `before` a number; `after` one the oldest come first."""
        with database.read() as transaction:
            return AuditList(items=tuple(audit.some(transaction, before, after, limit)))

    @routes.get("/verify")
    def check(
        anchor: Annotated[list[AnchorText] | None, Query(max_length=100)] = None,
    ) -> Verdict:
        """Look at the whole chain: every entry that was edited, dropped, added or moved is named."""
        anchors = [Anchor.read(text) for text in anchor or ()]
        with database.read() as transaction:
            return verify(audit.every(transaction), anchors, audit.head(transaction))

    return routes
