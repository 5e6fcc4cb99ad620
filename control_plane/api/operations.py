"""Operations: what all of them have in common."""

from collections.abc import Sequence

from fastapi import APIRouter, Depends
from fastapi.params import Depends as Dependency

from control_plane.api import problems
from control_plane.api.limits import refuse_unknown_parameters


def operations(tag: str, prefix: str = "", dependencies: Sequence[Dependency] = ()) -> APIRouter:
    """For the operations of a part of the API.

    What is common is said here and not of the application: FastAPI's `include_router` makes each operation a second
    time to add it, which is half of what the start of a control plane takes.
    """
    needed = [Depends(refuse_unknown_parameters), *dependencies]
    return APIRouter(prefix=prefix, tags=[tag], dependencies=needed, responses=problems.answers(400, 401, 403, 503))
