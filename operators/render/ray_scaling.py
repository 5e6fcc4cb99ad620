"""Replicas in Ray Serve's own words: it counts requests by itself, and asks KubeRay for pods."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from control_plane.spec.models import Limits
from control_plane.spec.scaling import DEMAND, Signal
from operators.render.bounds import Bounds

_BUSY = 0.7
"""Of what a replica takes at once: where nothing says when more are needed, it is here."""


@dataclass(frozen=True, slots=True)
class Count:
    """The replicas of one application."""

    bounds: Bounds
    per_pod: int
    options: dict[str, Any]
    """Ray Serve's, of the deployment."""

    @property
    def fewest(self) -> int:
        """Pods that always run."""
        return math.ceil(self.bounds.min / self.per_pod)

    @property
    def most(self) -> int:
        """Pods that ever run."""
        return math.ceil(self.bounds.max / self.per_pod) if "autoscaling_config" in self.options else self.fewest


def counted(bounds: Bounds, limits: Limits, per_pod: int) -> Count:
    """Fixed, or within bounds by the requests that wait or are worked on."""
    spread = {"max_replicas_per_node": per_pod}
    if not bounds.moves or (bounds.schedule and not _demand(bounds)):
        return Count(bounds, per_pod, {"num_replicas": bounds.min, **spread})
    scaling = {
        "min_replicas": bounds.min,
        "max_replicas": bounds.max,
        "target_ongoing_requests": _target(bounds, limits),
        "downscale_delay_s": bounds.cooldown_seconds,
    }
    return Count(bounds, per_pod, {"num_replicas": "auto", "autoscaling_config": scaling, **spread})


def left_out(bounds: Bounds) -> Iterator[str]:
    """A sentence for each wish that Ray Serve cannot meet."""
    others = [signal.metric.value for signal in bounds.signals if signal.metric not in DEMAND]
    if others:
        yield (
            f"Ray Serve scales by requests alone, so that signal {' and '.join(others)} counts for nothing: watch "
            "concurrency or queue, or set kubernetes.runtime to deployment."
        )
    if bounds.schedule:
        yield (
            "Ray Serve keeps no schedule, so that the windows of the policy count for nothing: raise min, or set "
            "kubernetes.runtime to deployment."
        )


def _demand(bounds: Bounds) -> dict[Signal, float]:
    return {signal.metric: signal.target for signal in bounds.signals if signal.metric in DEMAND}


def _target(bounds: Bounds, limits: Limits) -> float:
    """Ray Serve counts what waits among what is under way. Of two signals the one that asks for more decides."""
    wanted = _demand(bounds)
    targets = []
    if Signal.CONCURRENCY in wanted:
        targets.append(wanted[Signal.CONCURRENCY])
    if Signal.QUEUE in wanted:
        targets.append(limits.max_ongoing + wanted[Signal.QUEUE])
    return min(targets, default=max(1.0, limits.max_ongoing * _BUSY))
