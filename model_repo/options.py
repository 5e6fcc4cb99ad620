"""A Model's limits and resources in Ray Serve's words. Pure; needs no Ray."""

from typing import Any

from control_plane.spec.models import ModelSpec

_RETRY_AFTER_SECONDS = 1
"""What a caller hears when the queue is full: it empties by one request at a time."""


def deployment_options(spec: ModelSpec) -> dict[str, Any]:
    """Replicas, limits, and what each replica reserves."""
    resources, limits, replicas = spec.resources, spec.limits, spec.replicas
    actor: dict[str, Any] = {"num_cpus": resources.cpus, "num_gpus": resources.gpus}
    if resources.accelerator:
        actor["accelerator_type"] = resources.accelerator
    count: dict[str, Any] = {"num_replicas": replicas.min}
    if replicas.max > replicas.min:
        count = {"autoscaling_config": {"min_replicas": replicas.min, "max_replicas": replicas.max}}
    return {
        **count,
        "ray_actor_options": actor,
        "max_ongoing_requests": limits.max_ongoing,
        "max_queued_requests": limits.max_queued,
        "backpressure_config": {"status_code": 429, "retry_after_s": _RETRY_AFTER_SECONDS},
    }
