"""Settings of `tiermesh up`, from the environment."""

from typing import Annotated, Literal

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from control_plane.spec.settings import Folder, Settings

PREFIX = "TIERMESH_UP_"

Port = Annotated[int, Field(ge=1, le=65535)]
"""Fixed: callers must know where to ask."""


class UpSettings(Settings):
    """What `tiermesh up`, `status` and `down` share. Everything binds to loopback."""

    model_config = SettingsConfigDict(env_prefix=PREFIX)

    documents: Folder | None = None
    """A file or folder of documents to apply at the start. None: the bundled shop, where nothing was ever applied."""
    router_port: Port = 8080
    """Where callers send requests over HTTP."""
    router_grpc_port: Port = 8081
    """Where callers send requests over gRPC: the Open Inference Protocol."""
    router_admin_port: Port = 8082
    """The router's probes, metrics and /explain."""
    control_plane_port: Port = 8090
    """The control plane's API."""
    control_plane_admin_port: Port = 8091
    """The control plane's probes and metrics."""
    models_port: Port = 8000
    """Ray Serve."""
    overhead_gib: float = Field(default=2.0, ge=0)
    """Main memory in GiB of what is not a model (Ray, the control plane, the router), in the check before a start."""
    process_ready_seconds: float = Field(default=60, gt=0)
    """How long the control plane and the router may take to be ready: they start in about two."""
    models_ready_seconds: float = Field(default=900, gt=0)
    """How long all models may take together: the first start converts weights, and a slow disk is slow."""
    grace_seconds: float = Field(default=25, gt=0)
    """How long a process may take to end after SIGTERM before it is killed: Ray Serve drains for up to twenty."""
    token: SecretStr | None = None
    """Who the launcher is where TIERMESH_CONTROL_PLANE_OPEN_ON_LOOPBACK is false: an operator's token. The router needs
    its own then, in TIERMESH_ROUTER_CONTROL_PLANE_TOKEN."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """Of the three processes; the files are in TIERMESH_HOME/logs."""

    @property
    def ports(self) -> dict[str, int]:
        """Setting -> port, for each port that something will listen on."""
        return {name: getattr(self, name) for name in type(self).model_fields if name.endswith("_port")}

    @property
    def control_plane_url(self) -> str:
        """Base URL of the control plane's API, without a path."""
        return f"http://127.0.0.1:{self.control_plane_port}"
