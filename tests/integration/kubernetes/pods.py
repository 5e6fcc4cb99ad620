"""Pods of a release as processes of this machine: the same programs, settings, tokens and rights.

Nothing here runs a container. What differs is what a pod's network and volumes are: addresses, ports and folders.
"""

import base64
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.integration.kubernetes.releases import Release
from tests.integration.processes import running
from tests.stack import free_ports

MODULES = {"control-plane": "control_plane", "router": "routers", "operator": "operators"}
START_SECONDS = 90


@dataclass(frozen=True)
class Pods:
    """Where they answer."""

    control_plane: str
    router: str
    logs: Mapping[str, Path]


@contextmanager
def pods(release: Release, folder: Path) -> Iterator[Pods]:
    """A control plane, a router and an operator of an installed release."""
    api, plane_admin, http, grpc, router_admin, operator_admin = free_ports(6)
    tokens = folder / "tokens"
    url = {"CONTROL_PLANE_URL": f"http://127.0.0.1:{api}"}
    listens = {"HOST": "127.0.0.1"}
    account = release.get(f"deployment/{release.full}-operator")["spec"]["template"]["spec"]["serviceAccountName"]
    changes: Mapping[str, dict[str, object]] = {
        "control-plane": {
            "PORT": api,
            "ADMIN_PORT": plane_admin,
            **listens,
            "GIVEN_TOKENS_FOLDER": tokens,
            "OPEN_ON_LOOPBACK": "false",  # it asks for a token as it does beyond loopback
        },
        "router": {"PORT": http, "GRPC_PORT": grpc, "ADMIN_PORT": router_admin, "NOTICE_SECONDS": 0, **listens, **url},
        "operator": {"ADMIN_PORT": operator_admin, "ADMIN_HOST": "127.0.0.1", **url},
    }
    _write_tokens(release, tokens)
    ready = {"control-plane": plane_admin, "router": router_admin, "operator": operator_admin}
    with ExitStack() as stack:
        for component, port in ready.items():
            own = folder / component
            own.mkdir()
            env = _environment(release, component, own, changes[component])
            env["KUBECONFIG"] = str(release.kubeconfig(account, folder)) if component == "operator" else ""
            command = [sys.executable, "-m", MODULES[component]]
            stack.enter_context(running(command, env, own, f"http://127.0.0.1:{port}/readyz", START_SECONDS))
        yield Pods(
            url["CONTROL_PLANE_URL"], f"http://127.0.0.1:{http}", {name: folder / name / "log" for name in ready}
        )


def _environment(release: Release, component: str, home: Path, changes: Mapping[str, object]) -> dict[str, str]:
    """What the pod's container would find, with these settings changed."""
    template = release.get(f"deployment/{release.full}-{component}")["spec"]["template"]
    (container,) = template["spec"]["containers"]
    found = {name: value for name, value in os.environ.items() if not name.startswith("TIERMESH_")}
    found |= {one["name"]: _value(release, one, component) for one in container["env"]}
    prefix = f"TIERMESH_{component.replace('-', '_').upper()}_"
    return found | {f"{prefix}{name}": str(value) for name, value in changes.items()} | {"TIERMESH_HOME": str(home)}


def _value(release: Release, variable: Mapping[str, Any], component: str) -> str:
    if "value" in variable:
        return str(variable["value"])
    if "fieldRef" in variable["valueFrom"]:
        return f"{component}-0"
    reference = variable["valueFrom"]["secretKeyRef"]
    return _secret(release, reference["name"])[reference["key"]]


def _secret(release: Release, name: str) -> dict[str, str]:
    data = release.get(f"secret/{name}")["data"]
    return {key: base64.b64decode(value).decode() for key, value in data.items()}


def _write_tokens(release: Release, folder: Path) -> None:
    """As the Secret is mounted."""
    folder.mkdir()
    for name, secret in _secret(release, f"{release.full}-tokens").items():
        (folder / name).write_text(secret)
