"""/v1/decisions: why requests were answered as they were. Routers write, people read."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import Field

from control_plane.api.callers import needs
from control_plane.api.operations import operations
from control_plane.api.problems import answers
from control_plane.spec.base import Moment, Spec
from control_plane.spec.decisions import REQUEST_ID, Batch, DecisionRecord
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.people import Role
from control_plane.store import decisions
from control_plane.store.database import Database

_MOST_OF_A_REQUEST = 100
"""An id that a caller chose may stand in any number of records."""

_Filter = Annotated[str | None, Query(max_length=200)]


class Written(Spec):
    """How many records were written down."""

    records: int = Field(ge=1)


class DecisionList(Spec):
    """Records, newest first."""

    items: tuple[DecisionRecord, ...]


def decision_routes(database: Database, most: int, days: float) -> APIRouter:
    """The operations. At most about `most` records of the last `days` are kept."""
    routes = operations("decisions", "/v1/decisions")

    @routes.post("", responses=answers(413), dependencies=[needs(Role.ADMIN, everywhere=True, routers=True)])
    def write(batch: Batch) -> Written:
        """A router hands over records of its answers."""
        made = decisions.rows(batch.records)
        with database.write() as transaction:
            decisions.append(transaction, made)
            decisions.forget(transaction, datetime.now(UTC) - timedelta(days=days), most)
        return Written(records=len(batch.records))

    @routes.get("", dependencies=[needs(Role.VIEWER, everywhere=True)])
    def list_newest(
        route: _Filter = None,
        tenant: _Filter = None,
        since: Annotated[Moment | None, Query()] = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> DecisionList:
        """The newest records: of a Route, of a tenant, since a moment."""
        with database.read() as transaction:
            return DecisionList(items=tuple(decisions.newest(transaction, route, tenant, since, limit)))

    @routes.get("/{request_id}", responses=answers(404), dependencies=[needs(Role.VIEWER, everywhere=True)])
    def get(request_id: Annotated[str, Path(pattern=REQUEST_ID)]) -> DecisionList:
        """All records of one request, newest first; several, where callers chose the same id."""
        with database.read() as transaction:
            found = decisions.of_request(transaction, request_id, _MOST_OF_A_REQUEST)
        if not found:
            message = f"No decision about a request {request_id!r} is written down."
            hint = "It comes a second or two after the answer, and goes with its age; what was refused before has none."
            raise TiermeshError(Code.NOT_FOUND, message, hint)
        return DecisionList(items=tuple(found))

    return routes
