"""Ray Serve inside one pod, where the cluster has no KubeRay: each replica of the Deployment is a whole Ray."""

from collections.abc import Mapping

from control_plane.spec.documents import Model
from operators.render import pods, serve_config
from operators.render.pods import Container
from operators.render.server import CONFIG, Server
from operators.render.site import Site

_FILE = "serve.yaml"
_RAY_GIB = 2.0
"""Ray's own processes, its head among them."""


def server(document: Model, beside: Mapping[str, Model], site: Site) -> Server:
    """`serve run` of the configuration that a RayService would have."""
    models = serve_config.together(document, beside)
    once = [{"num_replicas": 1} for _ in models]
    config = serve_config.written(models, once, site, "HeadOnly")
    segment = serve_config.segment(document)
    reserved = document.spec.resources.model_copy(
        update={
            "cpus": sum(model.spec.resources.cpus for model in models),
            "gpus": sum(model.spec.resources.gpus for model in models),
            "memory_gib": sum(model.spec.resources.memory_gib for model in models),
        }
    )
    container = Container(
        "serve",
        site.models_image,
        ("serve", "run", "--address", "local", f"{CONFIG}/{_FILE}"),
        (),
        {"http": serve_config.PORT},
        pods.RAY_ENVIRONMENT,
        pods.probes(f"/{segment}/v1/models", "/-/healthz", "http", start_seconds=30 * 60),
        pods.resources(reserved, site, _RAY_GIB),
        pods.LEAVE,
    )
    volumes = pods.scratch(document) + pods.files(document, site)
    return Server(container, volumes, "http", f"/{segment}/v1", config={_FILE: config})
