"""A Route as what stands in front of the routers: a path of a Gateway, which does what gateways do (certificates,
sign-on, limits by address)."""

import math

from control_plane.spec.documents import Route
from operators.render.gateways import http_route
from operators.render.names import ROUTE_LABEL, metadata, object_name
from operators.render.offers import Offers
from operators.render.rendered import Rendered
from operators.render.site import Site


def render_route(document: Route, offers: Offers, site: Site) -> Rendered:
    """`/NAMESPACE/NAME/v1/…` of the site's Gateway leads to the routers. Nothing where the site names no Gateway."""
    if site.gateway is None or site.router is None:
        return Rendered()
    if "HTTPRoute" not in offers:
        why = "The cluster has no HTTPRoute, without which nothing leads from the gateway to the routers: install the"
        return Rendered(missing=(f"{why} Gateway API, or configure no gateway.",))
    namespace, name = document.metadata.namespace, document.metadata.name
    about = metadata(object_name("route", name), namespace, ROUTE_LABEL, name)
    backend = {"name": site.router.service, "port": site.router.port}
    if site.router.namespace != namespace:  # which needs a ReferenceGrant there
        backend["namespace"] = site.router.namespace
    # The routers' own deadline comes first, so that the caller hears why.
    seconds = math.ceil(document.spec.resilience.deadline_seconds) + 5
    path = f"/{namespace}/{name}"
    route = http_route(about, site.gateway, path, backend, f"{seconds}s", offers)
    return Rendered((route,), f"{site.gateway.url}{path}/v1")
