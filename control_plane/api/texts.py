"""/v1/documents/read: documents as people write them, as the API takes them."""

import json
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field
from starlette.responses import Response

from control_plane.api.callers import needs
from control_plane.api.operations import operations
from control_plane.api.problems import answers
from control_plane.spec.base import Spec
from control_plane.spec.errors import Code, TiermeshError
from control_plane.texts import yaml_values

_MOST_CHARACTERS = 100_000
"""Some seconds of work."""


class Text(Spec):
    """Documents in YAML."""

    text: Annotated[str, Field(max_length=_MOST_CHARACTERS)]


class Values(Spec):
    """What stands in a text."""

    items: list[Any]
    """In order; those that are documents are not checked."""


def text_routes() -> APIRouter:
    """Reading only: nothing of the documents is checked, and nothing is written."""
    routes = operations("documents")

    @routes.post("/v1/documents/read", response_model=Values, responses=answers(413, 422), dependencies=[needs(None)])
    def read(written: Text) -> Response:
        """The documents of a YAML text, in order, for a page that shows both. Aliases (`*name`) are not read.

        What is wrong with them says a dry run.
        """
        values = [value for _, value in yaml_values(written.text, "The text", aliases=False)]
        return Response(_json({"items": values}), media_type="application/json")

    return routes


def _json(value: dict[str, Any]) -> str:
    """In ASCII: half of a surrogate pair can be told apart in an error later, and has no UTF-8."""
    try:
        return json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        message = "The text holds a value that documents do not have, such as a date or .nan."
        raise TiermeshError(Code.INVALID_DOCUMENT, message, 'Write it in quotes: "2026-01-31".') from error
