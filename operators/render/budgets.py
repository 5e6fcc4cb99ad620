"""How many pods may leave at once when nodes are emptied."""

from collections.abc import Mapping
from typing import Any

from operators.render.offers import Offers
from operators.render.rendered import Object


def one_at_a_time(metadata: Mapping[str, Any], chosen: Mapping[str, str], offers: Offers) -> list[Object]:
    """For pods of a Deployment, which Kubernetes can count. A single replica may leave too: nodes must empty."""
    return _budget(metadata, chosen, offers, {"maxUnavailable": 1})


def all_but_one(metadata: Mapping[str, Any], chosen: Mapping[str, str], offers: Offers, pods: int) -> list[Object]:
    """For pods of a controller that Kubernetes does not know: it counts only what stays. None for a single one."""
    return _budget(metadata, chosen, offers, {"minAvailable": pods - 1}) if pods > 1 else []


def _budget(
    metadata: Mapping[str, Any], chosen: Mapping[str, str], offers: Offers, bound: Mapping[str, int]
) -> list[Object]:
    version = offers.versions.get("PodDisruptionBudget")
    if version is None:
        return []
    spec = {**bound, "selector": {"matchLabels": dict(chosen)}}
    return [{"apiVersion": version, "kind": "PodDisruptionBudget", "metadata": dict(metadata), "spec": spec}]
