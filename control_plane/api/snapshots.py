"""/v1/snapshots: what is in force, what was, and who serves it."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Header, Path, Query
from pydantic import Field
from starlette.responses import Response

from control_plane.api.callers import Caller, author_of, needs, origin_of
from control_plane.api.documents import Said
from control_plane.api.operations import operations
from control_plane.api.problems import answers
from control_plane.api.waiting import WaitingRoom
from control_plane.publisher import Publisher
from control_plane.refusals import no_such_snapshot
from control_plane.spec.base import LARGEST, Spec
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.names import TIERMESH, Name
from control_plane.spec.people import Role
from control_plane.spec.records import Ack, Applied, Reference, SnapshotSummary, SnapshotView
from control_plane.spec.snapshots import Snapshot
from control_plane.store import acks, revisions, snapshots
from observability.control_plane_metrics import ControlPlaneMetrics

LONGEST_WAIT_SECONDS = 60
"""Proxies and load balancers cut idle connections soon after a minute."""

Number = Annotated[int, Path(ge=1, le=LARGEST)]
SomeNumber = Annotated[int | None, Query(ge=1, le=LARGEST)]


class SnapshotList(Spec):
    """Snapshots, newest first."""

    items: tuple[SnapshotSummary, ...]


class Rollback(Said):
    """Who rolls back and why."""

    manager: Name = TIERMESH


class Acknowledgement(Spec):
    """What a router says about a snapshot."""

    router: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]{0,199}$")
    error: str | None = Field(default=None, min_length=1, max_length=4000)


def snapshot_routes(publisher: Publisher, room: WaitingRoom, metrics: ControlPlaneMetrics) -> APIRouter:
    """The operations on snapshots."""
    routes = operations("snapshots", "/v1/snapshots")
    database = publisher.database

    @routes.get("", dependencies=[needs(Role.VIEWER)])
    def list_newest(before: SomeNumber = None, limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> SnapshotList:
        """The newest snapshots, or the newest before a number."""
        with database.read() as transaction:
            return SnapshotList(items=tuple(snapshots.summaries(transaction, before, limit)))

    @routes.get(
        "/latest",
        response_model=Snapshot,
        responses={204: {"description": "Nothing newer"}, 304: {"description": "Known already"}, **answers(404, 429)},
        dependencies=[needs(Role.VIEWER, everywhere=True, routers=True)],
    )
    async def latest(
        after: SomeNumber = None,
        wait: Annotated[float | None, Query(ge=0, le=LONGEST_WAIT_SECONDS)] = None,
        if_none_match: Annotated[str | None, Header()] = None,
    ) -> Response:
        """The snapshot in force, as soon as its number is not `after`; 204 where `wait` seconds bring none."""
        found = await room.newer(after, wait or 0)
        if found is None:
            if after is None and wait is None:
                raise TiermeshError(Code.NOT_FOUND, "No snapshot was published yet.", "'tiermesh apply -f' makes one.")
            return Response(status_code=204)
        tag = f'"{found.sha256}"'
        if if_none_match == tag:
            return Response(status_code=304, headers={"etag": tag})
        return Response(found.body, headers={"etag": tag}, media_type="application/json")

    @routes.get("/{number}", responses=answers(404), dependencies=[needs(Role.VIEWER, everywhere=True)])
    def get(number: Number) -> SnapshotView:
        """One snapshot, the documents it was compiled from, and what routers say about it."""
        with database.read() as transaction:
            found = snapshots.get(transaction, number)
            sources = revisions.of_snapshot(transaction, number)
            said = acks.of_snapshot(transaction, number)
        if found is None:
            raise no_such_snapshot(number)
        documents = tuple(Reference(**one.key._asdict(), generation=one.generation) for one in sources)
        return SnapshotView(**found.model_dump(), documents=documents, acks=said)

    @routes.post(
        "/{number}/acks",
        responses=answers(404, 413),
        dependencies=[needs(Role.OPERATOR, everywhere=True, routers=True)],
    )
    def acknowledge(number: Number, body: Acknowledgement) -> Ack:
        """A router says that it serves this snapshot, or why it cannot."""
        ack = Ack(router=body.router, error=body.error, at=datetime.now(UTC))
        with database.write() as transaction:
            if not snapshots.exists(transaction, number):
                raise no_such_snapshot(number)
            acks.put(transaction, number, ack)
        metrics.acks.labels("refused" if ack.error else "served").inc()
        return ack

    @routes.post(
        "/{number}/rollback",
        responses=answers(404, 409, 413, 422),
        dependencies=[needs(Role.OPERATOR, everywhere=True)],
    )
    def rollback(number: Number, body: Rollback, caller: Caller) -> Applied:
        """Restore the documents of this snapshot as new revisions, and publish them under a new number."""
        by = author_of(caller, body.author)
        return publisher.rollback(number, by, body.reason, manager=body.manager, origin=origin_of(caller))

    return routes
