"""The control plane's settings, from the environment."""

import ipaddress
from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic_settings import SettingsConfigDict

from control_plane.spec.compile import SERVE_URL
from control_plane.spec.settings import Port, Settings
from control_plane.spec.uris import HttpUrl


def _loopback(host: str) -> str:
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise ValueError(f"{host!r} is not a loopback address; whoever reaches the API may change everything, so far")
    return host


def _mlflow(url: str) -> str:
    if not url.startswith(("sqlite:////", "http://", "https://")):
        raise ValueError("must be sqlite:////PATH/FILE, or the http:// or https:// URL of a tracking server")
    return url


class ControlPlaneSettings(Settings):
    """What `python -m control_plane` can be told."""

    model_config = SettingsConfigDict(env_prefix="TIERMESH_CONTROL_PLANE_")

    host: Annotated[str, AfterValidator(_loopback)] = "127.0.0.1"
    """Where both ports listen: loopback only, because there is no authentication yet."""
    port: Port = 8090
    """The API."""
    admin_port: Port = 8091
    """Probes and metrics, apart from the API so that they answer when it is busy."""
    database_url: str | None = None
    """SQLAlchemy's URL of a SQLite file; by default control-plane.db in TIERMESH_HOME."""
    mlflow_url: Annotated[str, AfterValidator(_mlflow)] | None = None
    """MLflow's registry: sqlite:////PATH/FILE, used in process, or http(s):// of a tracking server; by default
    mlflow.db in TIERMESH_HOME."""
    mlflow_timeout_seconds: float = Field(default=5, ge=1, le=60)
    """How long MLflow may take for one answer: until then a person waits."""
    follow_seconds: float = Field(default=5, ge=0.1, le=3600)
    """Between two looks at the aliases in MLflow, for moves that were made there."""
    protected_aliases: frozenset[str] = frozenset({"production"})
    """Aliases that move when a second person approves; a JSON list."""
    serve_url: HttpUrl = SERVE_URL
    """Where Ray Serve listens: compiled into the address of every Model that it runs."""
    max_body_bytes: int = Field(default=4 * 1024 * 1024, ge=1024)
    """Largest request body: thousands of documents; what is larger is a mistake."""
    max_waiters: int = Field(default=1000, ge=1)
    """Long-polls at once, one a router: each costs a connection and a few kilobytes."""
    grace_seconds: int = Field(default=5, ge=1)
    """How long requests in flight may take to finish after SIGTERM."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """Least severe log line that is written."""

    @property
    def database(self) -> str:
        """The database's URL."""
        return self.database_url or f"sqlite:///{self.home / 'control-plane.db'}"

    @property
    def mlflow(self) -> str:
        """MLflow's URL."""
        return self.mlflow_url or f"sqlite:///{self.home / 'mlflow.db'}"
