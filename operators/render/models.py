"""A Model as the objects that run it."""

from collections.abc import Mapping
from types import MappingProxyType

from control_plane.spec.documents import Model, ScalingPolicy
from control_plane.spec.kubernetes import Runtime
from control_plane.spec.models import RUNTIMES, Engine
from operators.render import (
    bento_server,
    deployments,
    inference_service,
    llm_inference_service,
    pods,
    ray_service,
    serve_config,
    serve_server,
    sources,
    triton_server,
    vllm_server,
)
from operators.render.bounds import Bounds
from operators.render.offers import Offers
from operators.render.rendered import Rendered
from operators.render.server import Server
from operators.render.site import Site

_KINDS = {
    Runtime.RAY: ("RayService", "KubeRay"),
    Runtime.INFERENCE_SERVICE: ("InferenceService", "KServe"),
    Runtime.LLM_INFERENCE_SERVICE: ("LLMInferenceService", "KServe"),
}
"""What a runtime needs beyond what every cluster has, and who brings it."""
_NOBODY: Mapping[str, Model] = MappingProxyType({})


def render_model(
    document: Model, policy: ScalingPolicy | None, offers: Offers, site: Site, beside: Mapping[str, Model] = _NOBODY
) -> Rendered:
    """What runs a Model here; nothing where it says the URL of one that runs already.

    `document` has the sources of the versions that its `models:/…` stand for in their place. `beside` are other Models
    of its namespace by name: one that finds passages runs beside the one that uses them.
    """
    if document.spec.addressed:
        return Rendered()
    runtime = _runtime(document, offers)
    if runtime is None:
        return Rendered(missing=(_no_runtime(document),))
    # A Bento has none: `lacks` says so.
    if document.spec.engine is not Engine.BENTO and (unusable := tuple(sources.unusable(document, site))):
        return Rendered(url=_address(document, runtime, site), missing=unusable)
    bounds = Bounds.of(document, policy)
    match runtime:
        case Runtime.RAY:
            lacks = serve_config.lacks(document, beside)
            return Rendered(missing=lacks) if lacks else ray_service.render(document, bounds, beside, offers, site)
        case Runtime.DEPLOYMENT:
            server = _server(document, beside, site)
            return (
                server if isinstance(server, Rendered) else deployments.render(document, server, bounds, offers, site)
            )
        case Runtime.INFERENCE_SERVICE:
            lacks = tuple(inference_service.lacks(document))
            return Rendered(missing=lacks) if lacks else inference_service.render(document, bounds, offers, site)
        case Runtime.LLM_INFERENCE_SERVICE:
            lacks = tuple(llm_inference_service.lacks(document, site))
            return Rendered(missing=lacks) if lacks else llm_inference_service.render(document, bounds, offers, site)


def _address(document: Model, runtime: Runtime, site: Site) -> str | None:
    """Where a Model will answer that waits for its version of the registry. The control plane takes none without an
    address whose engine nothing else runs, and says which version it is only of those that it took."""
    if not document.spec.elsewhere:
        return None
    match runtime:
        case Runtime.INFERENCE_SERVICE:
            return inference_service.address(document, site)
        case Runtime.LLM_INFERENCE_SERVICE:
            return llm_inference_service.address(document, site)
        case _ if document.spec.engine is Engine.TRITON:
            return deployments.address(document, triton_server.port(document), site)
        case _:
            return None


def _runtime(document: Model, offers: Offers) -> Runtime | None:
    """What the document asks for, else the first of its engine's; None where the cluster does not offer it."""
    for runtime in _wanted(document):
        if runtime not in _KINDS or _KINDS[runtime][0] in offers:
            return runtime
    return None


def _wanted(document: Model) -> tuple[Runtime, ...]:
    asked = pods.in_cluster(document).runtime
    return (asked,) if asked else RUNTIMES[document.spec.engine]


def _no_runtime(document: Model) -> str:
    kind, project = _KINDS[_wanted(document)[0]]
    asked, engine = pods.in_cluster(document).runtime, document.spec.engine.value
    other = "remove kubernetes.runtime" if asked else "give the url of one that runs elsewhere"
    return f"The cluster has no {kind}, as which engine {engine!r} would run: install {project}, or {other}."


def _server(document: Model, beside: Mapping[str, Model], site: Site) -> Server | Rendered:
    """The server of a Deployment, or the sentences that say why there is none."""
    lacks: tuple[str, ...]
    match document.spec.engine:
        case Engine.TRITON:
            lacks = tuple(triton_server.lacks(document))
            return Rendered(missing=lacks) if lacks else triton_server.server(document, site)
        case Engine.BENTO:
            lacks = tuple(bento_server.lacks(document))
            return Rendered(missing=lacks) if lacks else bento_server.server(document, site)
        case Engine.VLLM if not any(vllm_server.lacks(document.spec)):
            return vllm_server.server(document, site)
        case _:
            lacks = serve_config.lacks(document, beside)
            return Rendered(missing=lacks) if lacks else serve_server.server(document, beside, site)
