"""What a start needs to know about this machine. Looks, and changes nothing."""

import platform
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import psutil

DISTRIBUTION = "tiermesh"
_GIB = 2**30


@dataclass(frozen=True, slots=True)
class Facts:
    """This machine, now."""

    python: str
    """Version, such as 3.11.7."""
    supported_python: str
    """The versions that this distribution states, such as >=3.11,<3.13."""
    requirements: tuple[str, ...]
    """This distribution's requirements, as its metadata writes them."""
    installed: Mapping[str, str]
    """Version of each distribution that is required and present."""
    busy: Mapping[int, str]
    """Port -> why it cannot be had ("in use by nginx (process 12)"), of the ports asked about."""
    available_gib: float
    """Main memory in GiB that can be had without swapping, a container's limit counted."""


def look(ports: Iterable[int]) -> Facts:
    """Gather the facts; those about ports, about these ports."""
    stated = metadata.metadata(DISTRIBUTION)
    return Facts(
        python=platform.python_version(),
        supported_python=str(stated["Requires-Python"]),
        requirements=tuple(stated.get_all("Requires-Dist") or ()),
        installed={found.name.lower().replace("_", "-"): found.version for found in metadata.distributions()},
        busy={port: why for port in ports if (why := _taken(port))},
        available_gib=min(psutil.virtual_memory().available, _left_in_cgroup()) / _GIB,
    )


def _taken(port: int) -> str | None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen(1)
        except PermissionError:
            return "open to root alone"
        except OSError:
            return _owner(port)
    return None


def _owner(port: int) -> str:
    """Other users' sockets have no visible owner, and macOS shows none at all."""
    try:
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr[1:2] == (port,) and connection.pid:
                return f"in use by {psutil.Process(connection.pid).name()} (process {connection.pid})"
    except psutil.Error:
        pass
    return "in use by another program"


def _left_in_cgroup() -> float:
    """Bytes left under the control group's limit; page cache counts as left, since the kernel gives it back."""
    group = Path("/sys/fs/cgroup")
    try:
        limit = (group / "memory.max").read_text(encoding="ascii").strip()
        used = int((group / "memory.current").read_text(encoding="ascii"))
        stat = dict(line.split() for line in (group / "memory.stat").read_text(encoding="ascii").splitlines())
    except (OSError, ValueError):
        return float("inf")
    return float("inf") if limit == "max" else int(limit) - used + int(stat.get("inactive_file", 0))
