"""What the operator's settings say about the place where things run."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Parent:
    """A Gateway, and where it is reached."""

    name: str
    namespace: str
    url: str
    """Its base URL inside the cluster, such as http://inference.gateways.svc."""


@dataclass(frozen=True, slots=True)
class Port:
    """A Service's port."""

    service: str
    namespace: str
    port: int


@dataclass(frozen=True, slots=True)
class Site:
    """One cluster, as its owner set it up."""

    models_image: str = "tiermesh-models"
    """What `faq`, `vllm` and `transformers` run in: Ray, the engines and `model_repo`."""
    vllm_image: str = "vllm/vllm-openai"
    """vLLM's own server, where there is no Ray."""
    triton_image: str = "nvcr.io/nvidia/tritonserver"
    ray_version: str = "2.60.0"
    """Of the Ray in `models_image`."""
    files: str = "/srv/tiermesh"
    """Folder in `models_image` from which a document's `file://./PATH` counts."""
    address: str = "http://{service}.{namespace}.svc:{port}"
    """How routers reach a Service."""
    accelerators: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """`resources.accelerator` -> labels of the nodes that have it."""
    gpu: str = "nvidia.com/gpu"
    """The extended resource that counts GPUs."""
    gateway: Parent | None = None
    """Where callers come in: each Route gets an HTTPRoute there."""
    router: Port | None = None
    """The routers' Service, behind that Gateway."""
    inference_gateway: Parent | None = None
    """A Gateway that knows InferencePools and stands between the routers and vLLM's pods."""
    endpoint_picker: str = "{model}-epp"
    """Service in a Model's namespace that chooses a pod of its InferencePool."""
    prometheus_url: str | None = None
    """Where KEDA asks how much there is to do."""
    monitoring: bool = True
    """Whether Prometheus' operator is told what to scrape, where it is present."""
    monitor_labels: Mapping[str, str] = field(default_factory=dict)
    """By which a Prometheus finds the monitors that are its own, such as {"release": "prometheus"}."""
    user: int | None = 10001
    """The user that pods run as; None: the platform chooses, as OpenShift does."""
