"""Settings of a router, from TIERMESH_ROUTER_… variables."""

import socket
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import SettingsConfigDict

from control_plane.spec.settings import Folder, Port, Settings


class RouterSettings(Settings):
    """Where a router listens, what it follows, and its bounds."""

    model_config = SettingsConfigDict(env_prefix="TIERMESH_ROUTER_")

    host: str = "127.0.0.1"
    """Address of all ports. The admin port asks for no key, nor do the others while there is no Tenant: by default
    this machine alone can reach them."""
    port: Port = 8080
    """Where callers send requests over HTTP."""
    grpc_port: Port = 8081
    """Where callers send requests over gRPC: the Open Inference Protocol."""
    admin_port: Port = 8082
    """/livez, /readyz, /metrics, /explain, /replay and what this router remembers of its answers."""
    name: str = Field(default_factory=socket.gethostname, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")
    """Who acknowledges snapshots. Routers that share a TIERMESH_HOME need different names."""
    control_plane_url: str | None = None
    """Follow this control plane."""
    control_plane_token: SecretStr | None = None
    """Who this router is there: 'tiermesh token create NAME --router' makes one. None is needed on one machine."""
    config: Folder | None = None
    """Follow this file or folder of documents instead; no control plane is needed."""
    redis_url: str | None = None
    """Count quotas and share the semantic cache here, for all routers together: `redis://HOST:PORT/DATABASE`. Without
    it each router counts alone, and several grant several times as much."""
    quotas_without_redis: Literal["refuse", "allow"] = "refuse"
    """What becomes of requests whose quotas cannot be counted because Redis is away: `refuse` answers 503 and keeps
    every promise about budgets; `allow` keeps the mesh answering and promises nothing."""
    cache_max_bytes: int = Field(default=32 * 1024 * 1024, ge=0)
    """Of the exact cache; fits a router of 120 MB. 0 keeps nothing."""
    semantic_cache_max_bytes: int = Field(default=64 * 1024 * 1024, ge=0)
    """Of the semantic cache, where a Route has one; its encoder takes 100 MB more. What routers share in Redis has
    the same bound."""
    semantic_cache_shared: bool = True
    """Share the semantic cache with other routers where there is a Redis: questions and answers lie there, until they
    are too old. Without, each router keeps its own in memory."""
    max_body_bytes: int = Field(default=8 * 1024 * 1024, ge=1024)
    """Of one request; one more byte is answered 413."""
    notice_seconds: float = Field(default=1, ge=0)
    """After SIGTERM, how long requests are still taken while /readyz says no, so that whoever sends them can look
    elsewhere first. A load balancer that asks rarely needs more."""
    grace_seconds: float = Field(default=30, ge=0)
    """After that, how long answers under way may take to finish."""
    access_log: bool = True
    """One JSON line for each answer, with the reasons of its decision. Never what was said."""
    traffic_log: Folder | None = None
    """A file that gets one JSON line for each request whose tier a learned router chose: its estimate, tier and
    propensity, for `tiermesh router replay`. Nobody shortens it: rotate it as other logs."""
    traffic_content: bool = False
    """Whether what users say is in it too: another router than the Route's can be replayed only with that."""
    decisions_spool: int = Field(default=10_000, ge=0)
    """Records of decisions that wait while the control plane is away, some 700 bytes each; the oldest go first, and
    are counted. 0 sends none."""
    decisions_recent: int = Field(default=1000, ge=0)
    """Records that this router itself shows on its admin port."""
    events_bytes: int = Field(default=256 * 1024 * 1024, ge=64 * 1024)
    """Most that events of experiments may take of the disk while the control plane is away, some 400 bytes each; the
    oldest go first, and are counted."""
    feedback_per_second: float = Field(default=200, gt=0)
    """Outcomes that each Tenant may report here in the long run; five seconds' worth may come at once."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.control_plane_url is None) == (self.config is None):
            raise ValueError("set exactly one of TIERMESH_ROUTER_CONTROL_PLANE_URL and TIERMESH_ROUTER_CONFIG")
        return self

    @property
    def events(self) -> Path:
        """The folder with the events that the control plane has not counted yet."""
        return self.home / "routers" / self.name / "events"

    @property
    def artifacts(self) -> Path:
        """The folder with learned routers: beside the documents, or where those of the control plane are kept."""
        if self.config is None:
            return self.home / "routers" / self.name / "learned"
        return self.config if self.config.is_dir() else self.config.parent

    @property
    def last_good(self) -> Path:
        """The file with the last snapshot that was served."""
        return self.home / "routers" / self.name / "snapshot.json"
