"""Beside: where other versions of a Model are served, of one that its document's manager runs, as operators do.

An annotation of the document says it. A Model that has it can be served in two versions at once, although it has a URL.
"""

from pydantic import TypeAdapter, ValidationError

from control_plane.spec.base import Spec
from control_plane.spec.documents import Model
from control_plane.spec.names import Name
from control_plane.spec.uris import HttpUrl

BESIDE = "tiermesh.dev/beside"


class Place(Spec):
    """Where one Model is served."""

    url: HttpUrl
    running: bool = False
    """Whether it answers."""


_PLACES: TypeAdapter[dict[Name, Place]] = TypeAdapter(dict[Name, Place])


def written(places: dict[str, Place]) -> str:
    """The annotation's text."""
    return _PLACES.dump_json(places, by_alias=True).decode()


def is_run(model: Model) -> bool:
    """Whether somebody says where other versions of it are served."""
    return BESIDE in model.metadata.annotations


def place(model: Model, name: str) -> Place | None:
    """Where another version of it is served, by the name of that; None while nobody says."""
    try:
        return _PLACES.validate_json(model.metadata.annotations.get(BESIDE, "")).get(name)
    except ValidationError:
        return None


def awaited(model: Model) -> bool:
    """Whether nobody says yet where a Model is served that is tried."""
    return is_run(model) and place(model, model.metadata.name) is None
