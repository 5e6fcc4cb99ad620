"""The control plane's settings, from the environment."""

import ipaddress
import os
import socket
from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic_settings import SettingsConfigDict

from control_plane.spec.compile import SERVE_URL
from control_plane.spec.models import HttpUrl
from control_plane.spec.settings import Port, Settings


def _loopback(host: str) -> str:
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise ValueError(f"{host!r} is not a loopback address; whoever reaches the API may change everything, so far")
    return host


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
    """sqlite:////PATH/FILE, or postgresql+psycopg://USER:PASSWORD@HOST/DATABASE where several control planes share it;
    by default the file control-plane.db in TIERMESH_HOME."""
    name: str = Field(default_factory=lambda: f"{socket.gethostname()}:{os.getpid()}", min_length=1, max_length=63)
    """What this one is called where several share a database: `/readyz` names the one that leads."""
    serve_url: HttpUrl = SERVE_URL
    """Where Ray Serve listens: compiled into the address of every Model that it runs."""
    max_body_bytes: int = Field(default=16 * 1024 * 1024, ge=1024)
    """Largest request body: tens of thousands of documents; what is larger is a mistake."""
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
