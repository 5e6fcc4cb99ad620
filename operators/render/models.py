"""A Model as the objects that run it."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from control_plane.spec.documents import Model
from operators.render.offers import Offers
from operators.render.rendered import Rendered
from operators.render.site import Site


def render_model(
    document: Model, policy: Any, offers: Offers, site: Site, beside: Mapping[str, Model] = MappingProxyType({})
) -> Rendered:
    """What runs a Model here.

    `document` has the sources of the versions that its `models:/…` stand for in their place. `beside` are other Models
    of its namespace by name: one that finds passages runs beside the one that uses them.
    """
    if document.spec.addresses:
        return Rendered()
    return Rendered(missing=(f"Nothing here runs {document.spec.engine.value}: give url.",))
