"""A Model as a plain Deployment and Service."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from control_plane.spec.documents import Model
from operators.render import budgets, gateways, monitoring, pods, scaling
from operators.render.bounds import Bounds
from operators.render.names import MODEL_LABEL, metadata, object_name
from operators.render.offers import Offers
from operators.render.pods import Json, Volumes
from operators.render.rendered import Object, Rendered
from operators.render.server import CONFIG, Server
from operators.render.site import Site

GRACE_SECONDS = 60
"""For the answers that a pod has begun."""


def render(document: Model, server: Server, bounds: Bounds, offers: Offers, site: Site) -> Rendered:
    """The Deployment, the Service before it, and what stands beside them."""
    name, namespace = object_name("model", document.metadata.name), document.metadata.namespace
    about = metadata(name, namespace, MODEL_LABEL, document.metadata.name)
    chosen = pods.labels(document)
    scaled = scaling.scaler(about, ("apps/v1", "Deployment", name), document, bounds, server.queries, offers, site)
    port = server.container.ports[server.port]
    front = gateways.before_pods(about, chosen, port, offers, site) if server.pooled else gateways.Front()
    url = address(document, port, site)
    watched = monitoring.of_service(about, chosen, server.metrics_port, offers, site) if server.metrics_port else []
    objects: tuple[Object, ...] = (
        *_config(about, server),
        _deployment(document, server, about, scaled.replicas, site),
        _service(about, chosen, server),
        *budgets.one_at_a_time(about, chosen, offers),
        *scaled.objects,
        *front.objects,
        *watched,
    )
    missing = (*scaled.missing, *front.missing, *pods.missing_nodes(document, site))
    return Rendered(objects, f"{front.url or url}{server.path}", missing=missing)


def address(document: Model, port: int, site: Site) -> str:
    """Of the Service, without the API's path."""
    name, namespace = object_name("model", document.metadata.name), document.metadata.namespace
    return site.address.format(service=name, namespace=namespace, port=port)


def _deployment(document: Model, server: Server, about: Mapping[str, Any], replicas: int | None, site: Site) -> Object:
    chosen = pods.labels(document)
    volumes = server.volumes + _config_volume(about["name"], server)
    placed = pods.place(document, site, chosen)
    if server.user is not None:
        placed["securityContext"] = pods.security(site, server.user)
    spec: Json = {
        "selector": {"matchLabels": chosen},
        # A new pod answers before an old one goes.
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
        "progressDeadlineSeconds": 3600,
        "revisionHistoryLimit": 3,
        "template": {
            "metadata": {"labels": {**about["labels"], **chosen}, **_annotations(server)},
            "spec": {
                **placed,
                "terminationGracePeriodSeconds": GRACE_SECONDS,
                "containers": [pods.container(document, server.container, volumes)],
                "volumes": list(volumes.volumes),
            },
        },
    }
    if replicas is not None:
        spec["replicas"] = replicas
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": dict(about), "spec": spec}


def _annotations(server: Server) -> Json:
    """A new configuration is a new template, and so new pods."""
    if not server.config:
        return {}
    said = json.dumps(dict(server.config), sort_keys=True).encode()
    return {"annotations": {"tiermesh.dev/config": hashlib.sha256(said).hexdigest()[:16]}}


def _config(about: Mapping[str, Any], server: Server) -> list[Object]:
    if not server.config:
        return []
    return [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": dict(about), "data": dict(server.config)}]


def _config_volume(name: str, server: Server) -> Volumes:
    if not server.config:
        return Volumes()
    return Volumes(
        ({"name": "config", "configMap": {"name": name}},),
        ({"name": "config", "mountPath": CONFIG, "readOnly": True},),
    )


def _service(about: Mapping[str, Any], chosen: Mapping[str, str], server: Server) -> Object:
    ports = [
        {"name": name, "port": port, "targetPort": name, "protocol": "TCP"}
        for name, port in server.container.ports.items()
    ]
    spec = {"type": "ClusterIP", "selector": dict(chosen), "ports": ports}
    return {"apiVersion": "v1", "kind": "Service", "metadata": dict(about), "spec": spec}
