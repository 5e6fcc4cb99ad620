"""How many pods run: KEDA's ScaledObject, or a HorizontalPodAutoscaler, or a number."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from control_plane.spec.documents import Model
from control_plane.spec.scaling import Signal, Target
from operators.render.bounds import Bounds
from operators.render.offers import Offers
from operators.render.pods import Json
from operators.render.rendered import Object
from operators.render.site import Site

_BUSY = 0.7
"""Of what a replica takes at once, where nothing says when more are needed."""
_BUSY_PERCENT = 70.0
_LONGEST_WINDOW_SECONDS = 3600
"""What a HorizontalPodAutoscaler allows."""
_ONLY_WAKES = "1000000"
"""Requests a second that no replica answers: the trigger asks for one replica, never for two."""


@dataclass(frozen=True, slots=True)
class Scaled:
    """What decides on the number of pods."""

    objects: tuple[Object, ...] = ()
    replicas: int | None = None
    """The number itself, where nothing decides."""
    missing: tuple[str, ...] = ()


def scaler(
    about: Mapping[str, Any],
    target: tuple[str, str, str],
    document: Model,
    bounds: Bounds,
    queries: Mapping[Signal, str],
    offers: Offers,
    site: Site,
) -> Scaled:
    """For a `target` (apiVersion, kind, name) that can be scaled; `queries` are what its server says of itself."""
    if not bounds.moves:
        return Scaled(replicas=bounds.min)
    signals = bounds.signals or (() if bounds.schedule else _by_default(document, queries, offers, site))
    if "ScaledObject" in offers:
        wanting = tuple(_unmeasured(signals, queries, site))
        usable = [signal for signal in signals if _measured(signal, queries, site)]
        triggers = [
            *(_trigger(signal, about, queries, site) for signal in usable),
            *_wake(document, bounds, site),
            *_windows(bounds),
        ]
        if triggers:
            return Scaled((_scaled_object(about, target, bounds, triggers, offers),), missing=wanting)
        return Scaled(replicas=max(1, bounds.min), missing=(*wanting, _stays(bounds)))
    return _without_keda(about, target, bounds, signals, offers)


def _by_default(document: Model, queries: Mapping[Signal, str], offers: Offers, site: Site) -> tuple[Target, ...]:
    """Where only bounds are given: requests where they can be counted, else the processor where it does the work."""
    spec = document.spec
    demand = Target(metric=Signal.CONCURRENCY, target=max(1.0, spec.limits.max_ongoing * _BUSY))
    if "ScaledObject" in offers and _measured(demand, queries, site):
        return (demand,)
    return (demand,) if spec.resources.gpus else (Target(metric=Signal.CPU, target=_BUSY_PERCENT),)


def _measured(signal: Target, queries: Mapping[Signal, str], site: Site) -> bool:
    if signal.metric is Signal.CPU:
        return True
    return site.prometheus_url is not None and (signal.metric is Signal.GPU or signal.metric in queries)


def _unmeasured(signals: tuple[Target, ...], queries: Mapping[Signal, str], site: Site) -> Iterator[str]:
    for signal in signals:
        if _measured(signal, queries, site):
            continue
        if site.prometheus_url is None:
            yield (
                f"KEDA asks Prometheus for {signal.metric.value}, and the operator does not know where that is: set "
                "TIERMESH_OPERATOR_PROMETHEUS_URL."
            )
        else:
            yield f"Nothing here measures {signal.metric.value} of this Model's server: watch another signal."


def _stays(bounds: Bounds) -> str:
    return f"It stays at {max(1, bounds.min)} of {bounds.min} to {bounds.max} replicas."


def _scaled_object(
    about: Mapping[str, Any], target: tuple[str, str, str], bounds: Bounds, triggers: list[Json], offers: Offers
) -> Object:
    version, kind, name = target
    spec: Json = {
        "scaleTargetRef": {"apiVersion": version, "kind": kind, "name": name},
        "minReplicaCount": bounds.min,
        "maxReplicaCount": bounds.max,
        "pollingInterval": 15,
        "cooldownPeriod": bounds.cooldown_seconds,
        "advanced": {"horizontalPodAutoscalerConfig": {"behavior": _behavior(bounds)}},
        "triggers": triggers,
    }
    if any(trigger.get("metricType") == "AverageValue" for trigger in triggers):
        # While Prometheus is away nobody knows better.
        replicas = max(1, bounds.min)
        spec["fallback"] = {"failureThreshold": 3, "replicas": replicas, "behavior": "currentReplicasIfHigher"}
    return {
        "apiVersion": offers.versions["ScaledObject"],
        "kind": "ScaledObject",
        "metadata": dict(about),
        "spec": spec,
    }


def _behavior(bounds: Bounds) -> Json:
    return {"scaleDown": {"stabilizationWindowSeconds": min(bounds.cooldown_seconds, _LONGEST_WINDOW_SECONDS)}}


def _trigger(signal: Target, about: Mapping[str, Any], queries: Mapping[Signal, str], site: Site) -> Json:
    if signal.metric is Signal.CPU:
        return {"type": "cpu", "metricType": "Utilization", "metadata": {"value": _number(signal.target)}}
    if signal.metric is Signal.GPU:
        return _prometheus(_gpu_query(about), signal.target, "Value", site)
    chosen = f'{{namespace="{about["namespace"]}",service="{about["name"]}"}}'
    return _prometheus(queries[signal.metric].format(chosen=chosen), signal.target, "AverageValue", site)


def _prometheus(query: str, threshold: float | str, metric_type: str, site: Site) -> Json:
    metadata = {
        "serverAddress": site.prometheus_url,
        "query": query,
        "threshold": threshold if isinstance(threshold, str) else _number(threshold),
        "ignoreNullValues": "true",
    }
    return {"type": "prometheus", "metricType": metric_type, "metadata": metadata}


def _gpu_query(about: Mapping[str, Any]) -> str:
    """NVIDIA's exporter says the pod in one of two labels, by how it is scraped."""
    namespace, pods = about["namespace"], f"{about['name']}-.+"
    return (
        f'avg(DCGM_FI_DEV_GPU_UTIL{{namespace="{namespace}",pod=~"{pods}"}} or '
        f'DCGM_FI_DEV_GPU_UTIL{{exported_namespace="{namespace}",exported_pod=~"{pods}"}})'
    )


def _wake(document: Model, bounds: Bounds, site: Site) -> Iterator[Json]:
    """Without a pod there is no server to ask: the routers say that somebody wants it."""
    if bounds.min == 0 and site.prometheus_url is not None:
        model = document.metadata.qualified_name.replace(".", "[.]")
        query = f'sum(rate(tiermesh_router_attempts_total{{model=~"{model}(:.+)?"}}[2m]))'
        yield _prometheus(query, _ONLY_WAKES, "AverageValue", site)


def _windows(bounds: Bounds) -> Iterator[Json]:
    for window in bounds.schedule:
        metadata = {
            "timezone": window.timezone,
            "start": window.start,
            "end": window.end,
            "desiredReplicas": str(window.min),
        }
        yield {"type": "cron", "metadata": metadata}


def _without_keda(
    about: Mapping[str, Any],
    target: tuple[str, str, str],
    bounds: Bounds,
    signals: tuple[Target, ...],
    offers: Offers,
) -> Scaled:
    """Kubernetes itself counts processor time, and nothing else without an adapter."""
    cpu = [signal.target for signal in signals if signal.metric is Signal.CPU]
    others = sorted(signal.metric.value for signal in signals if signal.metric is not Signal.CPU)
    wishes = [
        *others,
        *(["a schedule"] if bounds.schedule else []),
        *(["no replica at all"] if bounds.min == 0 else []),
    ]
    missing = (
        [f"The cluster has no KEDA, without which nothing scales by {', '.join(wishes)}: install it."] if wishes else []
    )
    if not cpu or "HorizontalPodAutoscaler" not in offers:
        return Scaled(replicas=max(1, bounds.min), missing=(*missing, _stays(bounds)))
    version, kind, name = target
    usage = {"type": "Utilization", "averageUtilization": round(cpu[0])}
    spec = {
        "scaleTargetRef": {"apiVersion": version, "kind": kind, "name": name},
        "minReplicas": max(1, bounds.min),
        "maxReplicas": bounds.max,
        "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": usage}}],
        "behavior": _behavior(bounds),
    }
    autoscaler = {
        "apiVersion": offers.versions["HorizontalPodAutoscaler"],
        "kind": "HorizontalPodAutoscaler",
        "metadata": dict(about),
        "spec": spec,
    }
    return Scaled((autoscaler,), missing=tuple(missing))


def _number(value: float) -> str:
    return f"{value:g}"
