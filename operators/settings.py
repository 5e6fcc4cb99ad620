"""Settings of the operator, from TIERMESH_OPERATOR_… variables."""

import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from control_plane.client.reaching import DEFAULT_URL
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.names import Name
from control_plane.spec.settings import Folder, Port, Settings
from operators import render
from operators.render import KNOWN, Parent, Site

_SITE = Site()
_POD_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


def _split(text: object) -> object:
    return [part for part in text.replace(",", " ").split() if part] if isinstance(text, str) else text


def _none(text: object) -> object:
    return None if text == "null" else text


def _own_namespace() -> str:
    """A pod's, else `default`."""
    return _POD_NAMESPACE.read_text().strip() if _POD_NAMESPACE.exists() else "default"


def _known(kind: str) -> str:
    if kind not in KNOWN:
        raise ValueError(f"must be one of {', '.join(KNOWN)}")
    return kind


Kind = Annotated[str, AfterValidator(_known)]
"""One that a cluster may lack."""


class OperatorSettings(Settings):
    """Which cluster and control plane the operator stands between, and how it runs things."""

    model_config = SettingsConfigDict(env_prefix="TIERMESH_OPERATOR_")

    control_plane_url: str = DEFAULT_URL
    """Where documents go."""
    control_plane_token: SecretStr | None = None
    """Who this operator is there: a token with operator@*, or with operator in each of its namespaces and viewer@*."""
    control_plane_token_file: Folder | None = None
    """The file with the token, in place of the variable."""
    manager: Name = "kubernetes"
    """Who alone changes the documents of this cluster. Two clusters at one control plane need two names."""
    namespaces: Annotated[tuple[Name, ...], NoDecode, BeforeValidator(_split)] = ()
    """Namespaces that are looked at, with commas between; all of them, where it is empty."""
    name: str = Field(default_factory=socket.gethostname, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")
    """Who this is in the Lease. Two of one name would both lead: pods have names of their own."""
    lease_namespace: Name = Field(default_factory=_own_namespace)
    """Where the Lease is."""
    lease_name: Name = "tiermesh-operator"
    """Operators of the same Lease take turns; those of other namespaces need another."""
    lease_seconds: int = Field(default=15, ge=3, le=300)
    """After so long without a sign of life another operator leads."""
    admin_host: str = "127.0.0.1"
    """Where probes and metrics listen. They ask for no token, so that kubelets and Prometheus can read them."""
    admin_port: Port = 8092
    """/livez, /readyz, /metrics."""
    workers: int = Field(default=8, ge=1, le=64)
    """Custom resources that are worked on at once; each by one worker at a time."""
    resync_seconds: float = Field(default=300, ge=1)
    """Between two looks at a custom resource to which nothing happens. A look costs the API server nothing."""
    discovery_seconds: float = Field(default=30, ge=1)
    """Between two questions for what the cluster offers."""
    ignored: tuple[Kind, ...] = ()
    """Kinds that are not used though the cluster has them, as JSON, such as ["ScaledObject"]: definitions outlive
    whoever acts on them."""
    deletion_seconds: float = Field(default=300, ge=0)
    """How long a deletion waits for a control plane or a router that does not answer; then it happens all the same."""
    events_per_second: float = Field(default=10, gt=0)
    """Kubernetes Events in the long run; a hundred may come at once, and more are counted, not written."""
    models_image: str = _SITE.models_image
    """What engines `faq`, `vllm` and `transformers` run in."""
    vllm_image: str = _SITE.vllm_image
    """vLLM's own server, where there is no Ray."""
    triton_image: str = _SITE.triton_image
    """Triton's server."""
    ray_version: str = _SITE.ray_version
    """Of the Ray in `models_image`."""
    files: str = _SITE.files
    """The folder in `models_image` from which `file://./PATH` counts."""
    address: str = _SITE.address
    """How routers reach a Service."""
    accelerators: Mapping[str, Mapping[str, str]] = Field(default_factory=dict)
    """`resources.accelerator` -> labels of the nodes that have it, as JSON."""
    gpu: str = _SITE.gpu
    """The extended resource that counts GPUs."""
    gateway: Parent | None = None
    """The Gateway where callers come in, as JSON: `{"name": …, "namespace": …, "url": …}`."""
    router: render.Port | None = None
    """The routers' Service behind it, as JSON: `{"service": …, "namespace": …, "port": …}`."""
    inference_gateway: Parent | None = None
    """A Gateway that knows InferencePools."""
    endpoint_picker: str = _SITE.endpoint_picker
    """Service in a Model's namespace that chooses a pod of its InferencePool."""
    prometheus_url: str | None = None
    """Where KEDA asks how much there is to do."""
    monitoring: bool = True
    """Whether Prometheus' operator is told what to scrape, where it is present."""
    monitor_labels: Mapping[str, str] = Field(default_factory=dict)
    """By which a Prometheus finds the monitors that are its own, as JSON."""
    user: Annotated[int | None, BeforeValidator(_none)] = Field(default=_SITE.user, ge=0)
    """The user that pods run as; `null`: the platform chooses."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    @model_validator(mode="after")
    def _one_token(self) -> Self:
        if self.control_plane_token is not None and self.control_plane_token_file is not None:
            prefix = "TIERMESH_OPERATOR_CONTROL_PLANE_TOKEN"
            raise ValueError(f"set at most one of {prefix} and {prefix}_FILE")
        return self

    @property
    def token(self) -> SecretStr | None:
        """Of the variable or the file. Raises TiermeshError(SETUP) where that cannot be read."""
        if self.control_plane_token_file is None:
            return self.control_plane_token
        try:
            return SecretStr(self.control_plane_token_file.read_text().strip())
        except (OSError, UnicodeDecodeError) as error:
            message = f"The token file {self.control_plane_token_file} cannot be read."
            hint = "Mount a Secret there, or correct TIERMESH_OPERATOR_CONTROL_PLANE_TOKEN_FILE."
            raise TiermeshError(Code.SETUP, message, hint) from error

    @property
    def site(self) -> Site:
        """What rendering needs of it."""
        return Site(**{field: getattr(self, field) for field in Site.__dataclass_fields__})
