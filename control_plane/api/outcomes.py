"""/v1/events and /v1/feedback: what routers measured of requests with arms, and what callers report of them."""

import json
import uuid
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import Field

from control_plane.api.callers import needs
from control_plane.api.operations import operations
from control_plane.api.problems import answers
from control_plane.outcomes.intake import Intake
from control_plane.spec.base import Spec
from control_plane.spec.events import EventBatch, EventsTaken, RouterEvents
from control_plane.spec.feedback import ReportsTaken, TenantReports
from control_plane.spec.people import Role
from control_plane.store import event_batches, spools
from control_plane.store.database import Database


class KeptBatch(Spec):
    """Events of one spool as they came, numbered from `first`."""

    id: int
    spool: str
    first: int
    events: tuple[dict[str, Any] | None, ...]
    """None is one that was refused."""


class KeptEvents(Spec):
    """Batches, oldest first. The last one's id is what to ask for next."""

    items: tuple[KeptBatch, ...]


class EventSources(Spec):
    """Who sends events."""

    items: tuple[RouterEvents, ...] = Field(description="By the router's name.")


def outcome_routes(database: Database, intake: Intake) -> APIRouter:
    """The operations."""
    routes = operations("outcomes")

    @routes.post("/v1/events", responses=answers(413), dependencies=[needs(Role.ADMIN, everywhere=True, routers=True)])
    def take(batch: EventBatch) -> EventsTaken:
        """A router hands over events of its spool. Each is counted once, however often it is sent."""
        return intake.take(batch)

    @routes.get("/v1/events", response_model=KeptEvents, dependencies=[needs(Role.VIEWER, everywhere=True)])
    def list_kept(
        after: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0, limit: Annotated[int, Query(ge=1, le=20)] = 5
    ) -> Any:
        """Events as they came, while they are kept: the batches behind one."""
        with database.read() as transaction:
            found = [batch._asdict() for batch in event_batches.after(transaction, after, limit)]
        # As they came: a router that is no longer to be trusted may have sent numbers that JSON does not know.
        return Response(json.dumps({"items": found}), media_type="application/json")

    @routes.get("/v1/events/sources", dependencies=[needs(Role.VIEWER, everywhere=True)])
    def list_sources() -> EventSources:
        """How many events came of each router, and how many never will."""
        with database.read() as transaction:
            return EventSources(items=tuple(spools.of_routers(transaction)))

    @routes.post(
        "/v1/feedback",
        status_code=202,
        responses=answers(413),
        dependencies=[needs(Role.EXPERIMENTER, everywhere=True, routers=True)],
    )
    def report(reports: TenantReports) -> ReportsTaken:
        """Outcomes of requests or units, reported here rather than at a router."""
        now = datetime.now(UTC)
        intake.report([each.event(each.tenant, uuid.uuid4().hex, now) for each in reports.items])
        return ReportsTaken(taken=len(reports.items))

    return routes
