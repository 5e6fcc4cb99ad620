"""What a cluster has, as far as anything here is written in it."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Self

KNOWN: Mapping[str, tuple[str, ...]] = {
    "RayService": ("ray.io/v1",),
    "InferenceService": ("serving.kserve.io/v1beta1",),
    "LLMInferenceService": ("serving.kserve.io/v1alpha2", "serving.kserve.io/v1alpha1"),
    "ScaledObject": ("keda.sh/v1alpha1",),
    "HorizontalPodAutoscaler": ("autoscaling/v2", "autoscaling/v2beta2"),
    "PodDisruptionBudget": ("policy/v1", "policy/v1beta1"),
    "HTTPRoute": ("gateway.networking.k8s.io/v1", "gateway.networking.k8s.io/v1beta1"),
    "InferencePool": ("inference.networking.k8s.io/v1",),
    "ServiceMonitor": ("monitoring.coreos.com/v1",),
    "PodMonitor": ("monitoring.coreos.com/v1",),
}
"""Kind -> the versions in which it can be written, the best first. What every cluster has is not here."""


@dataclass(frozen=True, slots=True)
class Offers:
    """The kinds of `KNOWN` that a cluster serves."""

    versions: Mapping[str, str] = field(default_factory=dict)
    """Kind -> apiVersion, such as {"RayService": "ray.io/v1"}."""

    @classmethod
    def of(cls, served: Iterable[tuple[str, str]]) -> Self:
        """From discovery: pairs of apiVersion and kind, in any order; those that nothing here is written in may be
        among them."""
        there = frozenset(served)
        best = {kind: [version for version in versions if (version, kind) in there] for kind, versions in KNOWN.items()}
        return cls({kind: versions[0] for kind, versions in best.items() if versions})

    def without(self, kinds: Collection[str]) -> Self:
        """The same but for these, which are not to be used."""
        return type(self)({kind: version for kind, version in self.versions.items() if kind not in kinds})

    def __contains__(self, kind: str) -> bool:
        return kind in self.versions
