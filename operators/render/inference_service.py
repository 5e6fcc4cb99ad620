"""A Model as an InferenceService of KServe.

KServe fetches the weights and chooses the server by their format. It has no say in who answers what: its canary stays
off, as weights between versions are a Rollout's.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from control_plane.spec.documents import Model
from control_plane.spec.models import Engine, Protocol
from control_plane.spec.scaling import Signal
from operators.render import budgets, monitoring, pods, scaling, vllm_server
from operators.render.bounds import Bounds
from operators.render.names import MODEL_LABEL, metadata, object_name
from operators.render.offers import Offers
from operators.render.pods import Json
from operators.render.rendered import Object, Rendered
from operators.render.serve_config import model_name
from operators.render.site import Site

_PORT = 8080
"""On which KServe's servers answer HTTP."""
_BY_ENGINE = {Engine.VLLM: "huggingface", Engine.TRITON: "triton"}
_BY_ENDING = {
    ".joblib": "sklearn",
    ".onnx": "onnx",
    ".bst": "xgboost",
    ".ubj": "xgboost",
    ".txt": "lightgbm",
    ".pmml": "pmml",
    ".pt": "pytorch",
    ".savedmodel": "tensorflow",
}
_READS = ("hf://", "s3://", "gs://", "pvc://", "oci://", "http://", "https://")
_QUERIES = {
    # What a second of requests took, in seconds, is how many were under way on average.
    Signal.CONCURRENCY: "sum(rate(request_predict_seconds_sum{chosen}[1m]))",
}
_TRITON_FORMAT = "triton"


def lacks(document: Model) -> Iterator[str]:
    """A sentence for each thing that KServe cannot do."""
    spec = document.spec
    if spec.source is not None and not spec.source.startswith(_READS):
        yield f"KServe reads no {spec.source!r}: write hf://, s3://, gs://, pvc://, oci:// or https://."
    if spec.source is None:
        yield "An InferenceService needs source: where its weights are."
    if spec.sha256:
        yield "KServe checks no sha256: remove it, or pin the weights by their address."
    if spec.adapters:
        yield "Adapters are served by runtime ray or deployment: set kubernetes.runtime to one of them."
    if spec.spoken is Protocol.OIP_GRPC:
        yield "KServe's servers agree on no port for gRPC: remove protocol, or give the url of one that runs."
    if spec.engine is Engine.VLLM:
        for left_out in vllm_server.lacks(spec):
            if not left_out.startswith(("sources", "sha256")):
                yield f"KServe's server has no {left_out}: set kubernetes.runtime to ray, or remove it."
    if not _format(document):
        yield f"What kind of weights is {spec.source!r}? Say it in spec.kubernetes.modelFormat, such as sklearn."


def _format(document: Model) -> str:
    asked = pods.in_cluster(document).model_format
    ending = next((name for end, name in _BY_ENDING.items() if (document.spec.source or "").endswith(end)), "")
    if not ending and document.spec.spoken is Protocol.OPENAI:
        ending = "huggingface"
    return asked or _BY_ENGINE.get(document.spec.engine) or ending


def render(document: Model, bounds: Bounds, offers: Offers, site: Site) -> Rendered:
    """The InferenceService, a Service of our own before its pods, and what stands beside them."""
    name, namespace = object_name("model", document.metadata.name), document.metadata.namespace
    about = metadata(name, namespace, MODEL_LABEL, document.metadata.name)
    chosen = pods.labels(document)
    queries = vllm_server.QUERIES if _format(document) == "huggingface" else _QUERIES
    # KServe calls its predictor's Deployment so.
    target = ("apps/v1", "Deployment", f"{name}-predictor")
    scaled = scaling.scaler(about, target, document, bounds, queries, offers, site)
    objects: tuple[Object, ...] = (
        _inference_service(document, about, scaled.replicas, bounds, offers, site),
        _service(about, chosen),
        *budgets.one_at_a_time(about, chosen, offers),
        *scaled.objects,
        *monitoring.of_service(about, chosen, "http", offers, site),
    )
    missing = (*scaled.missing, *pods.missing_nodes(document, site))
    return Rendered(objects, address(document, site), missing=missing)


def address(document: Model, site: Site) -> str:
    """Where it answers, whatever its weights are."""
    service, namespace = _service_name(object_name("model", document.metadata.name)), document.metadata.namespace
    url = site.address.format(service=service, namespace=namespace, port=_PORT)
    return f"{url}/openai/v1" if document.spec.spoken is Protocol.OPENAI else url


def _inference_service(
    document: Model, about: Mapping[str, Any], replicas: int | None, bounds: Bounds, offers: Offers, site: Site
) -> Object:
    chosen = pods.labels(document)
    annotations = {
        "serving.kserve.io/deploymentMode": "Standard",
        # Who scales it is decided here: an autoscaler of ours, or nobody.
        "serving.kserve.io/autoscalerClass": "external" if replicas is None else "none",
    }
    predictor: Json = {
        "labels": chosen,
        "minReplicas": bounds.min if replicas is None else replicas,
        "maxReplicas": bounds.max if replicas is None else replicas,
        **pods.place(document, site, chosen),
        "terminationGracePeriodSeconds": 60,
        "model": _model(document, site),
    }
    return {
        "apiVersion": offers.versions["InferenceService"],
        "kind": "InferenceService",
        "metadata": {**about, "annotations": annotations},
        "spec": {"predictor": predictor},
    }


def _model(document: Model, site: Site) -> Json:
    spec, kind = document.spec, _format(document)
    asked = pods.in_cluster(document)
    written: Json = {
        "modelFormat": {"name": kind},
        "protocolVersion": "v2",
        "storageUri": _storage(spec.source or ""),
        "image": asked.image,
        "args": [argument.replace("$(", "$$(") for argument in _arguments(document, kind)],
        "envFrom": pods.secrets(document),
        "resources": pods.resources(spec.resources, site, more_gib=1),
        "securityContext": {**pods.CONTAINER_SECURITY, "readOnlyRootFilesystem": False},
    }
    return {field: value for field, value in written.items() if value not in (None, [], {})}


def _arguments(document: Model, kind: str) -> Iterator[str]:
    if kind == _TRITON_FORMAT:
        return
    yield f"--model_name={model_name(document)}"
    if document.spec.engine is Engine.VLLM:
        yield from vllm_server.engine_arguments(document.spec)


def _storage(source: str) -> str:
    """KServe writes a revision of Hugging Face's behind a colon."""
    return source.replace("@", ":") if source.startswith("hf://") else source


def _service_name(name: str) -> str:
    """KServe makes Services by the InferenceService's own name, with a port or without one by its configuration."""
    return f"{name}-http"


def _service(about: Mapping[str, Any], chosen: Mapping[str, str]) -> Object:
    port = {"name": "http", "port": _PORT, "targetPort": _PORT, "protocol": "TCP"}
    spec = {"type": "ClusterIP", "selector": dict(chosen), "ports": [port]}
    named = {**about, "name": _service_name(about["name"])}
    return {"apiVersion": "v1", "kind": "Service", "metadata": named, "spec": spec}
