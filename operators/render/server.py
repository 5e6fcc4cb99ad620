"""A server of its own for a Model: one container, behind a Service."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from control_plane.spec.scaling import Signal
from operators.render.pods import Container, Volumes


@dataclass(frozen=True, slots=True)
class Server:
    """What is different about it; the rest of a Deployment is the same for all."""

    container: Container
    volumes: Volumes
    port: str
    """The name of the container's port that routers ask."""
    path: str = ""
    """What stands behind host and port in the Model's URL."""
    metrics_port: str | None = None
    queries: Mapping[Signal, str] = field(default_factory=dict)
    """PromQL for what it says of itself, summed over its pods; `{chosen}` stands for the labels that find them."""
    config: Mapping[str, str] = field(default_factory=dict)
    """Files that it reads, in a ConfigMap mounted at CONFIG; a change starts new pods."""
    user: int | None = None
    """Where the image is made for one user: that one."""
    pooled: bool = False
    """Whether an endpoint picker of the Gateway API understands what its pods say of themselves."""


CONFIG = "/etc/tiermesh"
"""Where `config` is mounted."""
