"""The pods of a RayService: a head that keeps the cluster together, and a group of workers for each accelerator."""

import math
import re
from collections.abc import Mapping, Sequence

from control_plane.spec.documents import Model
from operators.render import pods, quantities, serve_config
from operators.render.pods import Container, Json
from operators.render.ray_scaling import Count
from operators.render.site import Site

METRICS = "metrics"
"""The port on which Ray says how it does."""
_WORKER_GIB, _HEAD_GIB = 1.0, 3.0
"""Ray's own processes beside a replica; and the head, which runs no replica."""
_AGENT, _DASHBOARD = 52365, 8265
_PORTS = {"serve": serve_config.PORT, METRICS: 8080}
_ALIVE = "/api/local_raylet_healthz"
_START_SECONDS = 300
_LONGEST = 40
"""Of a group's name, which becomes part of its pods'."""
_DRAIN_SECONDS = 60
"""Ray itself takes up to 30 to let go of a node."""

Member = tuple[Model, Count]


def cluster(document: Model, members: Sequence[Member], site: Site) -> Json:
    """`rayClusterConfig`: the Model, and what runs beside it."""
    groups = _groups(document, members, site)
    scales = any(group["maxReplicas"] > group["minReplicas"] for group in groups)
    written: Json = {
        "rayVersion": site.ray_version,
        # Whoever reaches Ray's ports without the token cannot run code through them.
        "authOptions": {"mode": "token"},
        "headGroupSpec": _head(document, site, scales),
        "workerGroupSpecs": groups,
    }
    if scales:
        written["enableInTreeAutoscaling"] = True
        # It writes beside Ray's own logs.
        security = {**pods.CONTAINER_SECURITY, "readOnlyRootFilesystem": False}
        written["autoscalerOptions"] = {"idleTimeoutSeconds": 60, "securityContext": security}
    return written


def _groups(document: Model, members: Sequence[Member], site: Site) -> list[Json]:
    """Models that need the same accelerator share pods."""
    by_accelerator: dict[str, list[Member]] = {}
    for model, count in members:
        by_accelerator.setdefault(_accelerator(model), []).append((model, count))
    return [_group(document, name, sharing, site) for name, sharing in by_accelerator.items()]


def _accelerator(model: Model) -> str:
    resources = model.spec.resources
    name = (resources.accelerator or "gpu") if resources.gpus else "cpu"
    return re.sub("[^a-z0-9]+", "-", name.lower())[:_LONGEST].strip("-") or "gpu"


def _group(document: Model, name: str, sharing: Sequence[Member], site: Site) -> Json:
    """Pods that hold one replica of each Model, or as many as share its GPU."""
    first = sharing[0][0]
    needs = [(model.spec.resources, count.per_pod) for model, count in sharing]
    reserved = first.spec.resources.model_copy(
        update={
            "cpus": sum(one.cpus * copies for one, copies in needs),
            "gpus": sum(math.ceil(one.gpus) for one, _ in needs),
            "memory_gib": sum(one.memory_gib * copies for one, copies in needs),
        }
    )
    said = Container(
        "ray-worker",
        site.models_image,
        ports=_PORTS,
        env=pods.RAY_ENVIRONMENT,
        # A worker without a replica has nothing that answers, and is well all the same.
        probes=pods.probes(_ALIVE, _ALIVE, _AGENT, _START_SECONDS)
        | {"readinessProbe": pods.probe("/-/healthz", serve_config.PORT, periodSeconds=5, failureThreshold=1)},
        resources=pods.resources(reserved, site, _WORKER_GIB),
    )
    fewest = max(count.fewest for _, count in sharing)
    return {
        "groupName": name,
        "replicas": fewest,
        "minReplicas": fewest,
        "maxReplicas": max(count.most for _, count in sharing),
        "rayStartParams": {"num-cpus": str(max(1, math.ceil(reserved.cpus)))},
        "template": _template(first, said, pods.labels(document), site),
    }


def _head(document: Model, site: Site, scales: bool) -> Json:
    said = Container(
        "ray-head",
        site.models_image,
        ports={"gcs": 6379, "dashboard": _DASHBOARD, **_PORTS},
        env=pods.RAY_ENVIRONMENT,
        probes=pods.probes("/api/gcs_healthz", "/api/gcs_healthz", _DASHBOARD, _START_SECONDS),
        resources={
            "requests": {"cpu": "1", "memory": quantities.gib(_HEAD_GIB)},
            "limits": {"memory": quantities.gib(_HEAD_GIB)},
        },
    )
    template = _template(_without_rights(document), said, {"app.kubernetes.io/component": "ray-head"}, site)
    if scales:  # KubeRay gives the autoscaler an account of its own
        del template["spec"]["automountServiceAccountToken"]
    return {"rayStartParams": {"num-cpus": "0", "dashboard-host": "0.0.0.0"}, "template": template}


def _without_rights(document: Model) -> Model:
    """The same as far as a pod needs it that runs no replica: no GPU, no secrets, no account."""
    spec = document.spec
    wished: Json = {"service_account": None, "env_from": (), "storage": None, "node_selector": {}}
    update = {
        "resources": spec.resources.model_copy(update={"gpus": 0.0, "accelerator": None}),
        "kubernetes": pods.in_cluster(document).model_copy(update=wished),
    }
    return document.model_copy(update={"spec": spec.model_copy(update=update)})


def _template(model: Model, said: Container, labels: Mapping[str, str], site: Site) -> Json:
    volumes = pods.scratch(model) + pods.files(model, site)
    return {
        "metadata": {"labels": {"app.kubernetes.io/part-of": "tiermesh", **labels}},
        "spec": {
            **pods.place(model, site, labels),
            "terminationGracePeriodSeconds": _DRAIN_SECONDS,
            "containers": [pods.container(model, said, volumes)],
            "volumes": list(volumes.volumes),
        },
    }
