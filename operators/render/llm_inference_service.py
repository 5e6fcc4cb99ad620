"""A Model as an LLMInferenceService of KServe: vLLM behind a Gateway, with KServe's own scheduler between its pods."""

import shlex
from collections.abc import Iterator

from control_plane.spec.documents import Model
from control_plane.spec.models import Engine, Generation, Protocol
from operators.render import budgets, pods, vllm_server
from operators.render.bounds import Bounds
from operators.render.names import MODEL_LABEL, metadata, object_name
from operators.render.offers import Offers
from operators.render.pods import Json
from operators.render.rendered import Object, Rendered
from operators.render.serve_config import model_name
from operators.render.site import Site

_READS = ("hf://", "s3://", "pvc://", "oci://")
_CONTAINER = "main"
"""What KServe's own templates call vLLM's container, which this one is laid over."""
_MORE_ARGUMENTS = "VLLM_ADDITIONAL_ARGS"
"""Where those templates take further arguments from."""


def lacks(document: Model, site: Site) -> Iterator[str]:
    """A sentence for each thing that it cannot do."""
    spec = document.spec
    if spec.source is None or not spec.source.startswith(_READS):
        yield f"An LLMInferenceService reads no {spec.source!r}: write hf://, s3://, pvc:// or oci://."
    if site.inference_gateway is None:
        yield (
            "An LLMInferenceService is reached through a Gateway, and the operator knows none: set "
            "TIERMESH_OPERATOR_INFERENCE_GATEWAY."
        )
    if spec.sha256:
        yield "KServe checks no sha256: remove it, or pin the weights by their address."
    if spec.adapters:
        yield "Adapters are served by runtime ray or deployment: set kubernetes.runtime to one of them."
    if spec.spoken is not Protocol.OPENAI:
        yield "An LLMInferenceService speaks the OpenAI API: set protocol to openai."
    if spec.engine is Engine.VLLM:
        for left_out in vllm_server.lacks(spec):
            if not left_out.startswith(("sources", "sha256")):
                yield f"KServe's server has no {left_out}: set kubernetes.runtime to ray, or remove it."


def render(document: Model, bounds: Bounds, offers: Offers, site: Site) -> Rendered:
    """The LLMInferenceService and its budget; KServe makes the route and the pool."""
    assert site.inference_gateway is not None, "`lacks` says so before"
    name, namespace = object_name("model", document.metadata.name), document.metadata.namespace
    about = metadata(name, namespace, MODEL_LABEL, document.metadata.name)
    parent = site.inference_gateway
    service: Object = {
        "apiVersion": offers.versions["LLMInferenceService"],
        "kind": "LLMInferenceService",
        "metadata": about,
        "spec": {
            "labels": pods.labels(document),
            "model": {"uri": _uri(document.spec.source or ""), "name": model_name(document)},
            "replicas": max(1, bounds.min),
            "parallelism": {"tensor": (document.spec.generation or Generation()).tensor_parallel},
            "template": _template(document, site),
            "router": {
                "gateway": {"refs": [{"name": parent.name, "namespace": parent.namespace}]},
                "route": {},
                "scheduler": {},
            },
        },
    }
    objects = (service, *budgets.one_at_a_time(about, pods.labels(document), offers))
    missing = (*_stays(bounds), *pods.missing_nodes(document, site))
    return Rendered(objects, address(document, site), missing=missing)


def address(document: Model, site: Site) -> str | None:
    """Where it answers, whatever its weights are: KServe's route leads there by these two names."""
    name, namespace = object_name("model", document.metadata.name), document.metadata.namespace
    return f"{site.inference_gateway.url}/{namespace}/{name}/v1" if site.inference_gateway else None


def _stays(bounds: Bounds) -> Iterator[str]:
    if bounds.moves:
        yield (
            "KServe scales an LLMInferenceService by a program of its own, which is not set up here: it stays at "
            f"{max(1, bounds.min)} of {bounds.min} to {bounds.max} replicas. Ray and Deployments are scaled: see "
            "kubernetes.runtime."
        )


def _uri(source: str) -> str:
    return source.replace("@", ":") if source.startswith("hf://") else source


def _template(document: Model, site: Site) -> Json:
    asked = pods.in_cluster(document)
    arguments = shlex.join(vllm_server.engine_arguments(document.spec))
    container: Json = {
        "name": _CONTAINER,
        "image": asked.image,
        "env": [{"name": _MORE_ARGUMENTS, "value": arguments.replace("$(", "$$(")}],
        "envFrom": pods.secrets(document),
        "resources": pods.resources(document.spec.resources, site, more_gib=1),
        "securityContext": {**pods.CONTAINER_SECURITY, "readOnlyRootFilesystem": False},
    }
    written = {field: value for field, value in container.items() if value not in (None, [], {})}
    return {**pods.place(document, site, pods.labels(document)), "containers": [written]}
