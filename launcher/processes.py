"""The three processes of a mesh: how each is started and asked whether it is ready. Pure."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from launcher.home import Home
from launcher.settings import UpSettings

CONTROL_PLANE = "control-plane"
MODELS = "models"
ROUTER = "router"


@dataclass(frozen=True, slots=True)
class Process:
    """One process as it is to be started."""

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str]
    """What is added to the launcher's own environment."""
    log: Path
    address: str
    """Where it serves, for people."""
    ready_url: str | None = None
    """Answers 200 once it is ready; None where the status file says it."""
    stale: tuple[Path, ...] = ()
    """Files of an earlier life, removed before each start."""
    without: frozenset[str] = field(default=frozenset())
    """Variables taken out of the launcher's own environment."""


def plan(settings: UpSettings) -> tuple[Process, Process, Process]:
    """Control plane, models, router: in the order in which they start. They stop in reverse."""
    home = Home(settings.home)
    common = {"TIERMESH_HOME": str(settings.home)}
    return (
        Process(
            CONTROL_PLANE,
            (sys.executable, "-m", "control_plane"),
            common
            | _environment("CONTROL_PLANE", settings.control_plane_port, settings)
            | {
                "TIERMESH_CONTROL_PLANE_ADMIN_PORT": str(settings.control_plane_admin_port),
                "TIERMESH_CONTROL_PLANE_SERVE_URL": f"http://127.0.0.1:{settings.models_port}",
            },
            home.log(CONTROL_PLANE),
            settings.control_plane_url,
            f"http://127.0.0.1:{settings.control_plane_admin_port}/readyz",
        ),
        Process(
            MODELS,
            (sys.executable, "-m", "model_repo"),
            common
            | _environment("MODELS", settings.models_port, settings)
            | {
                "TIERMESH_MODELS_DOCUMENTS": str(home.models),
                "TIERMESH_MODELS_STATUS_FILE": str(home.models_status),
            },
            home.log(MODELS),
            f"http://127.0.0.1:{settings.models_port}",
            stale=(home.models_status,),
        ),
        Process(
            ROUTER,
            (sys.executable, "-m", "routers"),
            common
            | _environment("ROUTER", settings.router_port, settings)
            | {
                "TIERMESH_ROUTER_GRPC_PORT": str(settings.router_grpc_port),
                "TIERMESH_ROUTER_ADMIN_PORT": str(settings.router_admin_port),
                "TIERMESH_ROUTER_CONTROL_PLANE_URL": settings.control_plane_url,
                "TIERMESH_ROUTER_NAME": ROUTER,
            },
            home.log(ROUTER),
            f"http://127.0.0.1:{settings.router_port}/v1",
            f"http://127.0.0.1:{settings.router_admin_port}/readyz",
            without=frozenset({"TIERMESH_ROUTER_CONFIG"}),  # It would stand against the control plane's URL.
        ),
    )


def _environment(prefix: str, port: int, settings: UpSettings) -> dict[str, str]:
    return {
        f"TIERMESH_{prefix}_HOST": "127.0.0.1",
        f"TIERMESH_{prefix}_PORT": str(port),
        f"TIERMESH_{prefix}_LOG_LEVEL": settings.log_level,
    }
