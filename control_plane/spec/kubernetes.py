"""Kubernetes: how the operator of a cluster runs a Model. Checked everywhere, and of use only there."""

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from control_plane.spec.base import Spec
from control_plane.spec.names import Name

_QUALIFIED = r"([A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?"
LabelKey = Annotated[str, Field(pattern=f"^{_QUALIFIED}$", max_length=317)]
"""`accelerator`, `cloud.google.com/gke-accelerator`."""
LabelValue = Annotated[str, Field(pattern=r"^([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$")]
Image = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/:@-]{0,511}$")]
"""`registry.example/team/server:1.2@sha256:…`."""
ModelFormat = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
"""`sklearn`, `onnx` …, as KServe calls it."""


class Runtime(StrEnum):
    """As what the operator runs a Model."""

    RAY = "ray"
    """A RayService of KubeRay."""
    DEPLOYMENT = "deployment"
    """A Deployment and a Service of its own server."""
    INFERENCE_SERVICE = "inference-service"
    """An InferenceService of KServe."""
    LLM_INFERENCE_SERVICE = "llm-inference-service"
    """An LLMInferenceService of KServe."""


class Toleration(Spec):
    """A taint of nodes on which the pods may run all the same, as Kubernetes writes it."""

    key: LabelKey | None = None
    """Every taint, where it is left out."""
    operator: Literal["Exists", "Equal"] = "Equal"
    value: LabelValue | None = None
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    """Every effect, where it is left out."""
    toleration_seconds: int | None = Field(default=None, ge=0, le=7 * 24 * 3600)
    """Of effect NoExecute: how long a pod may stay."""

    @model_validator(mode="after")
    def _says_what_kubernetes_takes(self) -> Self:
        if self.operator == "Exists" and self.value is not None:
            raise ValueError("value: operator 'Exists' has none: remove it")
        if self.operator == "Equal" and self.key is None:
            raise ValueError("key: operator 'Equal' needs it; for every taint write operator: Exists")
        if self.toleration_seconds is not None and self.effect != "NoExecute":
            raise ValueError("tolerationSeconds: only effect 'NoExecute' has it")
        return self


class Storage(Spec):
    """What the pods find on disk."""

    claim: Name | None = None
    """A PersistentVolumeClaim of the same namespace, mounted where `file://` sources and knowledge are looked for."""
    cache_gib: float | None = Field(default=None, gt=0, le=100_000)
    """Room on the node for weights that are fetched."""


class Kubernetes(Spec):
    """How the operator of a cluster runs a Model."""

    runtime: Runtime | None = None
    """By default the first of its engine's that the cluster offers."""
    model_format: ModelFormat | None = None
    """Of an InferenceService: what its weights are (`sklearn`, `onnx` …), by which KServe chooses a server. By default
    what its engine or the ending of its source says."""
    image: Image | None = None
    """By default the operator's for the engine. An image with the weights inside needs no source."""
    node_selector: dict[LabelKey, LabelValue] = Field(default_factory=dict, max_length=32)
    """Labels of the nodes on which it may run."""
    tolerations: tuple[Toleration, ...] = Field(default=(), max_length=32)
    service_account: Name | None = None
    """What its pods run as: the key to where its weights lie. By default the namespace's own, without a token."""
    env_from: tuple[Name, ...] = Field(default=(), max_length=16)
    """Secrets of the same namespace whose keys its pods find as environment variables (`HF_TOKEN` …)."""
    storage: Storage | None = None
