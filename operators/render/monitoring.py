"""What Prometheus scrapes."""

from collections.abc import Mapping
from typing import Any

from operators.render.offers import Offers
from operators.render.rendered import Object
from operators.render.site import Site


def of_service(
    metadata: Mapping[str, Any], chosen: Mapping[str, str], port: str, offers: Offers, site: Site
) -> list[Object]:
    """The pods behind a Service, by its labels."""
    return _monitor("ServiceMonitor", {"endpoints": [_endpoint(port)]}, metadata, chosen, offers, site)


def of_pods(
    metadata: Mapping[str, Any], chosen: Mapping[str, str], port: str, offers: Offers, site: Site
) -> list[Object]:
    """Pods that no Service of ours stands before."""
    return _monitor("PodMonitor", {"podMetricsEndpoints": [_endpoint(port)]}, metadata, chosen, offers, site)


def _endpoint(port: str) -> dict[str, str]:
    return {"port": port, "path": "/metrics"}


def _monitor(
    kind: str,
    scraped: Mapping[str, Any],
    metadata: Mapping[str, Any],
    chosen: Mapping[str, str],
    offers: Offers,
    site: Site,
) -> list[Object]:
    version = offers.versions.get(kind) if site.monitoring else None
    if version is None:
        return []
    labelled = {**metadata, "labels": {**metadata["labels"], **site.monitor_labels}}
    spec = {"selector": {"matchLabels": dict(chosen)}, **scraped}
    return [{"apiVersion": version, "kind": kind, "metadata": labelled, "spec": spec}]
