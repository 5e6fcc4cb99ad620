"""A Model as a RayService of KubeRay.

A change of the document changes the application in place, replica by replica. A change of the pods (image, resources,
nodes) starts a second cluster, to which KubeRay turns the traffic once it answers.
"""

import math
from collections.abc import Mapping

from control_plane.spec.documents import Model
from operators.render import budgets, monitoring, pods, ray_cluster, ray_scaling, serve_config
from operators.render.bounds import Bounds
from operators.render.names import MODEL_LABEL, metadata, object_name
from operators.render.offers import Offers
from operators.render.ray_scaling import Count
from operators.render.rendered import Object, Rendered
from operators.render.site import Site

_DRAIN_SECONDS = 60
"""A cluster that was replaced answers what it has begun."""


def render(document: Model, bounds: Bounds, beside: Mapping[str, Model], offers: Offers, site: Site) -> Rendered:
    """The RayService, and what stands beside it."""
    models = serve_config.together(document, beside)
    counts = [_count(model, bounds if model is document else Bounds.of(model, None)) for model in models]
    name, namespace = object_name("model", document.metadata.name), document.metadata.namespace
    about = metadata(name, namespace, MODEL_LABEL, document.metadata.name)
    cluster = ray_cluster.cluster(document, list(zip(models, counts, strict=True)), site)
    fewest = sum(group["minReplicas"] for group in cluster["workerGroupSpecs"])
    service: Object = {
        "apiVersion": offers.versions["RayService"],
        "kind": "RayService",
        "metadata": about,
        "spec": {
            "serveConfigV2": serve_config.written(models, [count.options for count in counts], site, "EveryNode"),
            "upgradeStrategy": {"type": "NewCluster"},
            "rayClusterDeletionDelaySeconds": _DRAIN_SECONDS,
            # While there is no other pod, the head takes the request that starts one.
            "excludeHeadPodFromServeSvc": fewest > 0,
            "rayClusterConfig": cluster,
        },
    }
    chosen = pods.labels(document)
    objects = (
        service,
        *budgets.all_but_one(about, chosen, offers, fewest),
        *monitoring.of_pods(about, chosen, ray_cluster.METRICS, offers, site),
    )
    url = site.address.format(service=f"{name}-serve-svc", namespace=namespace, port=serve_config.PORT)
    missing = (*ray_scaling.left_out(bounds), *pods.missing_nodes(document, site))
    return Rendered(objects, f"{url}/{serve_config.segment(document)}/v1", missing=missing)


def _count(model: Model, bounds: Bounds) -> Count:
    gpus = model.spec.resources.gpus
    return ray_scaling.counted(bounds, model.spec.limits, math.floor(1 / gpus) if 0 < gpus < 1 else 1)
