"""Documents as Kubernetes objects. Pure: one file a target, nothing here asks a cluster anything."""

from operators.render.comparing import differs
from operators.render.models import render_model
from operators.render.offers import KNOWN, Offers
from operators.render.readiness import answers_nowhere, readiness
from operators.render.rendered import Object, Readiness, Rendered
from operators.render.routes import render_route
from operators.render.site import Parent, Port, Site

__all__ = [
    "KNOWN",
    "Object",
    "Offers",
    "Parent",
    "Port",
    "Readiness",
    "Rendered",
    "Site",
    "answers_nowhere",
    "differs",
    "readiness",
    "render_model",
    "render_route",
]
