"""A Bento, from the image that `bentoml containerize` makes."""

from collections.abc import Iterator

from control_plane.spec.documents import Model
from control_plane.spec.models import Protocol
from control_plane.spec.scaling import Signal
from operators.render import pods
from operators.render.pods import Container
from operators.render.server import Server
from operators.render.site import Site

_PORT = 3000
_USER = 1034
"""Whom the image's files belong to."""
_QUERIES = {Signal.CONCURRENCY: "sum(bentoml_service_request_in_progress{chosen})"}


def lacks(document: Model) -> Iterator[str]:
    """A sentence for each thing that it cannot do."""
    if not pods.in_cluster(document).image:
        yield "A Bento runs from an image of its own: run `bentoml containerize`, and name it in spec.kubernetes.image."
    if document.spec.source:
        yield "A Bento holds its weights: remove source."
    if document.spec.spoken is Protocol.OIP_GRPC:
        yield "A Bento is asked over HTTP here: set protocol to openai or oip-http."


def server(document: Model, site: Site) -> Server:
    """The image's own command."""
    container = Container(
        "bento",
        "",
        ports={"http": _PORT},
        env={"HOME": pods.HOME, "BENTOML_HOME": pods.HOME, "BENTOML_DO_NOT_TRACK": "True"},
        probes=pods.probes("/readyz", "/livez", "http", start_seconds=15 * 60),
        resources=pods.resources(document.spec.resources, site),
        lifecycle=pods.LEAVE,
    )
    path = "/v1" if document.spec.spoken is Protocol.OPENAI else ""
    volumes = pods.scratch(document) + pods.files(document, site)
    return Server(container, volumes, "http", path, "http", _QUERIES, user=_USER)
