"""A Route as what stands in front of the routers."""

from control_plane.spec.documents import Route
from operators.render.offers import Offers
from operators.render.rendered import Rendered
from operators.render.site import Site


def render_route(document: Route, offers: Offers, site: Site) -> Rendered:
    """Nothing where the site names no Gateway: callers then ask the routers' Service."""
    return Rendered()
