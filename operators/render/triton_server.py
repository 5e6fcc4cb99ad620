"""NVIDIA Triton with its model repository."""

from collections.abc import Iterator

from control_plane.spec.documents import Model
from control_plane.spec.models import Protocol
from control_plane.spec.scaling import Signal
from operators.render import pods, sources
from operators.render.pods import Container, Volumes
from operators.render.server import Server
from operators.render.site import Site

_CLAIM = "pvc://"
_CLAIMED_AT = "/mnt/models"
_READS = ("file://", "s3://", "gs://", _CLAIM)
_PORTS = {"http": 8000, "grpc": 8001, "metrics": 8002}
_QUERIES = {
    # What a second of requests took, in seconds, is how many were under way on average.
    Signal.CONCURRENCY: "sum(rate(nv_inference_request_duration_us{chosen}[1m])) / 1e6",
    Signal.QUEUE: "sum(nv_inference_pending_request_count{chosen})",
}


def lacks(document: Model) -> Iterator[str]:
    """A sentence for each thing that Triton cannot do."""
    source = document.spec.source
    if source is not None and not source.startswith(_READS):
        yield f"Triton reads no {source!r}: write a model repository at file://, s3://, gs:// or pvc://."
    if document.spec.sha256:
        yield "Triton checks no sha256: remove it, or pin the repository by its address."
    if document.spec.spoken is Protocol.OPENAI:
        yield "Triton is started without its OpenAI front end: remove protocol, or give the url of one that runs."


def server(document: Model, site: Site) -> Server:
    """Its HTTP, gRPC and metrics ports; the document's protocol says which of the first two routers ask."""
    repository, volumes = _repository(document, site)
    container = Container(
        "triton",
        site.triton_image,
        ("tritonserver",),
        (f"--model-repository={repository}", "--allow-metrics=true"),
        _PORTS,
        {"HOME": pods.HOME},
        pods.probes("/v2/health/ready", "/v2/health/live", "http", start_seconds=15 * 60),
        pods.resources(document.spec.resources, site, more_gib=1),
        pods.LEAVE,
    )
    return Server(container, pods.scratch(document) + volumes, _asked(document), "", "metrics", _QUERIES)


def port(document: Model) -> int:
    """Which of its ports routers ask."""
    return _PORTS[_asked(document)]


def _asked(document: Model) -> str:
    return "grpc" if document.spec.spoken is Protocol.OIP_GRPC else "http"


def _repository(document: Model, site: Site) -> tuple[str, Volumes]:
    """Where Triton finds it; an image that brings its own has it at the site's root."""
    source = sources.local(document.spec.source or f"file://{site.files}", site)
    if source.startswith(_CLAIM):
        claim, _, path = source.removeprefix(_CLAIM).partition("/")
        return f"{_CLAIMED_AT}/{path}".rstrip("/"), pods.claimed(claim, _CLAIMED_AT)
    return source.removeprefix("file://"), pods.files(document, site)
