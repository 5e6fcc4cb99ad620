"""The Gateway API between the routers and vLLM's pods: an InferencePool, whose endpoint picker looks at what each pod
has cached and how much waits there."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from operators.render.offers import Offers
from operators.render.pods import Json
from operators.render.rendered import Object
from operators.render.site import Parent, Site

_PICKER_PORT = 9002
_NEEDS = ("HTTPRoute", "InferencePool")


@dataclass(frozen=True, slots=True)
class Front:
    """What stands in front; nothing where the site has no such Gateway."""

    objects: tuple[Object, ...] = ()
    url: str | None = None
    """Where routers then ask, without the API's path."""
    missing: tuple[str, ...] = ()


def before_pods(about: Mapping[str, Any], chosen: Mapping[str, str], port: int, offers: Offers, site: Site) -> Front:
    """A pool of the pods, and a path of the Gateway that leads there."""
    parent = site.inference_gateway
    if parent is None:
        return Front()
    absent = [kind for kind in _NEEDS if kind not in offers]
    if absent:
        return Front(
            missing=(
                f"The cluster has no {' and no '.join(absent)}, so that routers ask the Service and not the inference "
                "gateway: install the Gateway API with its inference extension, or configure no such gateway.",
            )
        )
    name, namespace = about["name"], about["namespace"]
    pool = {
        "apiVersion": offers.versions["InferencePool"],
        "kind": "InferencePool",
        "metadata": dict(about),
        "spec": {
            "selector": {"matchLabels": dict(chosen)},
            "targetPorts": [{"number": port}],
            "endpointPickerRef": {
                "name": site.endpoint_picker.format(model=name),
                "port": {"number": _PICKER_PORT},
                "failureMode": "FailOpen",
            },
        },
    }
    path = f"/{namespace}/{name}"
    backend = {"group": "inference.networking.k8s.io", "kind": "InferencePool", "name": name}
    route = http_route(about, parent, path, backend, "0s", offers)
    return Front((pool, route), f"{parent.url}{path}")


def http_route(
    about: Mapping[str, Any], parent: Parent, path: str, backend: Mapping[str, Any], timeout: str, offers: Offers
) -> Object:
    """A path of a Gateway that leads to a backend, which does not see the path. A timeout of "0s" is none."""
    rule: Json = {
        "matches": [{"path": {"type": "PathPrefix", "value": path}}],
        "filters": [
            {"type": "URLRewrite", "urlRewrite": {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}}}
        ],
        "backendRefs": [dict(backend)],
        "timeouts": {"request": timeout},
    }
    return {
        "apiVersion": offers.versions["HTTPRoute"],
        "kind": "HTTPRoute",
        "metadata": dict(about),
        "spec": {"parentRefs": [{"name": parent.name, "namespace": parent.namespace}], "rules": [rule]},
    }
