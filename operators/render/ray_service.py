"""A Model as a RayService of KubeRay.

A change of the document changes the application in place, replica by replica. A change of the pods (image, resources,
nodes) starts a second cluster, to which KubeRay turns the traffic once it answers.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from control_plane.spec.documents import Model
from operators.render import budgets, monitoring, pods, quantities, ray_scaling, serve_config
from operators.render.bounds import Bounds
from operators.render.names import MODEL_LABEL, metadata, object_name
from operators.render.offers import Offers
from operators.render.pods import Container, Json
from operators.render.ray_scaling import Count
from operators.render.rendered import Object, Rendered
from operators.render.site import Site

_RAY_GIB, _HEAD_GIB = 1.0, 3.0
"""Ray's own processes beside a replica; and the head, which runs no replica."""
_OBJECT_STORE_BYTES = 128 * 1024 * 1024
"""Requests do not use it."""
_AGENT, _DASHBOARD, _METRICS = 52365, 8265, 8080
_START_SECONDS = 30 * 60
"""Weights may have to be fetched first."""
_DRAIN_SECONDS = 60
"""A cluster that was replaced answers what it has begun."""


def render(document: Model, bounds: Bounds, beside: Mapping[str, Model], offers: Offers, site: Site) -> Rendered:
    """The RayService, and what stands beside it."""
    models = serve_config.together(document, beside)
    counts = [_count(model, bounds if model is document else Bounds.of(model, None)) for model in models]
    name, namespace = object_name("model", document.metadata.name), document.metadata.namespace
    about = metadata(name, namespace, MODEL_LABEL, document.metadata.name)
    chosen = pods.labels(document)
    service: Object = {
        "apiVersion": offers.versions["RayService"],
        "kind": "RayService",
        "metadata": about,
        "spec": {
            "serveConfigV2": serve_config.written(models, [count.options for count in counts], site, "EveryNode"),
            "upgradeStrategy": {"type": "NewCluster"},
            "rayClusterDeletionDelaySeconds": _DRAIN_SECONDS,
            "excludeHeadPodFromServeSvc": True,
            "rayClusterConfig": _cluster(document, models, counts, site),
        },
    }
    fewest = sum(group["minReplicas"] for group in service["spec"]["rayClusterConfig"]["workerGroupSpecs"])
    url = site.address.format(service=f"{name}-serve-svc", namespace=namespace, port=serve_config.PORT)
    return Rendered(
        (
            service,
            *budgets.all_but_one(about, chosen, offers, fewest),
            *monitoring.of_pods(about, chosen, "metrics", offers, site),
        ),
        f"{url}/{serve_config.segment(document)}/v1",
        missing=(*ray_scaling.left_out(bounds), *pods.missing_nodes(document, site)),
    )


def _count(model: Model, bounds: Bounds) -> Count:
    return ray_scaling.counted(bounds, model.spec.limits, _per_pod(model))


def _per_pod(model: Model) -> int:
    """Replicas of one pod: one, or as many as share its GPU."""
    gpus = model.spec.resources.gpus
    return math.floor(1 / gpus) if 0 < gpus < 1 else 1


def _cluster(document: Model, models: Sequence[Model], counts: Sequence[Count], site: Site) -> Json:
    groups = _groups(document, models, counts, site)
    cluster: Json = {
        "rayVersion": site.ray_version,
        # Whoever reaches Ray's ports without the token cannot run code through them.
        "authOptions": {"mode": "token"},
        "headGroupSpec": _head(document, site, autoscaled=False),
        "workerGroupSpecs": groups,
    }
    if any(group["maxReplicas"] > group["minReplicas"] for group in groups):
        return cluster | {
            "enableInTreeAutoscaling": True,
            "autoscalerOptions": {
                "upscalingMode": "Default",
                "idleTimeoutSeconds": 60,
                "securityContext": pods.CONTAINER_SECURITY | {"readOnlyRootFilesystem": False},
            },
            "headGroupSpec": _head(document, site, autoscaled=True),
        }
    return cluster


def _groups(document: Model, models: Sequence[Model], counts: Sequence[Count], site: Site) -> list[Json]:
    """One for each accelerator: models that need the same run on the same nodes."""
    by_accelerator: dict[str, list[tuple[Model, Count]]] = {}
    for model, count in zip(models, counts, strict=True):
        by_accelerator.setdefault(_accelerator(model), []).append((model, count))
    return [_group(document, name, members, site) for name, members in by_accelerator.items()]


def _accelerator(model: Model) -> str:
    resources = model.spec.resources
    return (resources.accelerator or "gpu").lower().replace("_", "-") if resources.gpus else "cpu"


def _group(document: Model, name: str, members: Sequence[tuple[Model, Count]], site: Site) -> Json:
    """Pods that hold one replica of each member, or several that share a GPU."""
    first = members[0][0]
    reserved = first.spec.resources.model_copy(
        update={
            "cpus": sum(model.spec.resources.cpus * _per_pod(model) for model, _ in members),
            "gpus": sum(math.ceil(model.spec.resources.gpus) for model, _ in members),
            "memory_gib": sum(model.spec.resources.memory_gib * _per_pod(model) for model, _ in members),
        }
    )
    fewest = max(math.ceil(count.bounds.min / _per_pod(model)) for model, count in members)
    most = max(math.ceil(count.bounds.max / _per_pod(model)) for model, count in members)
    fixed = all("num_replicas" in count.options and count.options["num_replicas"] != "auto" for _, count in members)
    ports = {"serve": serve_config.PORT, "metrics": _METRICS}
    said = Container(
        "ray-worker",
        site.models_image,
        ports=ports,
        env=pods.RAY_ENVIRONMENT,
        probes=pods.probes("/-/healthz", "/api/local_raylet_healthz", serve_config.PORT, _START_SECONDS),
        resources=pods.resources(reserved, site, _RAY_GIB),
    )
    said.probes["livenessProbe"]["httpGet"]["port"] = _AGENT
    return {
        "groupName": name,
        "replicas": fewest,
        "minReplicas": fewest,
        "maxReplicas": fewest if fixed else most,
        "rayStartParams": {
            "num-cpus": str(max(1, math.ceil(reserved.cpus))),
            "object-store-memory": str(_OBJECT_STORE_BYTES),
        },
        "template": _template(document, first, said, pods.labels(document), site),
    }


def _head(document: Model, site: Site, *, autoscaled: bool) -> Json:
    """It keeps the cluster together and runs no replica."""
    said = Container(
        "ray-head",
        site.models_image,
        ports={"gcs": 6379, "dashboard": _DASHBOARD, "metrics": _METRICS},
        env=pods.RAY_ENVIRONMENT,
        probes=pods.probes("/api/gcs_healthz", "/api/gcs_healthz", _DASHBOARD, 300),
        resources={
            "requests": {"cpu": "1", "memory": quantities.gib(_HEAD_GIB)},
            "limits": {"memory": quantities.gib(_HEAD_GIB)},
        },
    )
    # Neither on a GPU's node nor with the rights of its replicas: KubeRay gives the autoscaler an account of its own.
    nowhere = {"resources": document.spec.resources.model_copy(update={"gpus": 0.0, "accelerator": None})}
    asked = pods.in_cluster(document).model_copy(update={"service_account": None, "node_selector": {}})
    plain = document.model_copy(update={"spec": document.spec.model_copy(update={**nowhere, "kubernetes": asked})})
    template = _template(document, plain, said, {"app.kubernetes.io/component": "ray-head"}, site)
    if autoscaled:
        del template["spec"]["automountServiceAccountToken"]
    return {
        "rayStartParams": {
            "num-cpus": "0",
            "object-store-memory": str(_OBJECT_STORE_BYTES),
            "dashboard-host": "0.0.0.0",
        },
        "template": template,
    }


def _template(document: Model, placed: Model, said: Container, labels: Mapping[str, str], site: Site) -> dict[str, Any]:
    volumes = pods.scratch(placed) + pods.files(document, site)
    return {
        "metadata": {"labels": {"app.kubernetes.io/part-of": "tiermesh", **labels}},
        "spec": {
            **pods.place(placed, site, labels),
            "terminationGracePeriodSeconds": _DRAIN_SECONDS,
            "containers": [pods.container(placed, said, volumes)],
            "volumes": list(volumes.volumes),
        },
    }
