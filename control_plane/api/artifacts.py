"""/v1/artifacts: learned routers, for the routers that are to use them."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import Field
from starlette.responses import Response

from control_plane.api.callers import Caller, needs
from control_plane.api.operations import operations
from control_plane.api.problems import answers
from control_plane.spec import learned
from control_plane.spec.audit import Deed
from control_plane.spec.base import Spec
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.learned import MAX_BYTES, SUFFIX, RouterName
from control_plane.spec.people import Role
from control_plane.store import artifacts, audit
from control_plane.store.database import Database

Name = Annotated[RouterName, Path()]


class ArtifactText(Spec):
    """An artifact as `tiermesh router train` wrote it, to the last byte: its name is the hash of it."""

    text: Annotated[str, Field(max_length=MAX_BYTES)]


class ArtifactKept(Spec):
    """What became of it."""

    name: RouterName
    added: bool
    """False: it was there already."""


def artifact_routes(database: Database) -> APIRouter:
    """The operations. Whoever may write a Route may add an artifact; none is taken away."""
    routes = operations("artifacts", "/v1/artifacts")

    @routes.put("/{name}", responses=answers(413, 422), dependencies=[needs(Role.OPERATOR)])
    def put(name: Name, body: ArtifactText, caller: Caller) -> ArtifactKept:
        """Keep an artifact under its name."""
        summary = learned.read(name, body.text)
        with database.write() as transaction:
            added = artifacts.add(transaction, name, summary, body.text)
            if added:
                audit.append(
                    transaction,
                    Deed(
                        at=datetime.now(UTC),
                        who=caller.name,
                        via=caller.via,
                        address=caller.address,
                        action="artifact add",
                        what=(f"{name}{SUFFIX}",),
                    ),
                )
        return ArtifactKept(name=name, added=added)

    @routes.get(
        "/{name}",
        response_model=ArtifactText,
        responses=answers(404),
        dependencies=[needs(Role.VIEWER, everywhere=True, routers=True)],
    )
    def get(name: Name) -> Response:
        """The artifact of this name."""
        with database.read() as transaction:
            text = artifacts.get(transaction, name)
        if text is None:
            message = f"There is no artifact {name!r}."
            raise TiermeshError(Code.NOT_FOUND, message, f"Add it: 'tiermesh router push {name}{SUFFIX}'.")
        return Response(ArtifactText(text=text).model_dump_json(), media_type="application/json")

    return routes
