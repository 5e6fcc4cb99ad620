"""Pods as processes of this machine: what a Deployment's pod would run, with the settings that it would have.

Differences, because there is neither a network nor a disk of its own: ports are free ones on loopback, Services are
those ports, and each volume is a folder.
"""

import base64
import json
import os
import re
import shlex
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.integration.processes import running
from tests.kubernetes.cluster import CHECKOUT, Cluster
from tests.stack import free_ports

START_SECONDS = 120.0


@dataclass(frozen=True)
class Mesh:
    """A release of the chart whose pods run as processes, as far as they were started."""

    cluster: Cluster
    namespace: str
    folder: Path
    addresses: dict[tuple[str, str], str] = field(default_factory=dict)
    """By Deployment and name of the port."""

    @contextmanager
    def pod(self, deployment: str) -> Iterator[None]:
        """The pod of a Deployment, from when its probe says that it is ready until the end of the block."""
        template = self._get("deployment", deployment)["spec"]["template"]["spec"]
        (container,) = template["containers"]
        folder = self.folder / deployment
        folder.mkdir()
        ports = dict(zip((one["name"] for one in container["ports"]), free_ports(len(container["ports"])), strict=True))
        for name, port in ports.items():
            self.addresses[deployment, name] = f"http://127.0.0.1:{port}"
        environment = self._environment(container, self._mounts(template, container, folder), ports, deployment)
        if template.get("automountServiceAccountToken"):
            environment["KUBECONFIG"] = str(self._kubeconfig(template["serviceAccountName"], folder))
        probe = container["readinessProbe"]["httpGet"]
        ready = f"{self.addresses[deployment, probe['port']]}{probe['path']}"
        with running(_command(container["image"]), environment, folder, ready, START_SECONDS):
            yield

    def _environment(
        self, container: Mapping[str, Any], mounts: Mapping[str, Path], ports: Mapping[str, int], pod: str
    ) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("TIERMESH_", "KUBE"))}
        said = {one["name"]: self._value(one, pod) for one in container["env"]}
        return (
            kept
            | {"PYTHONPATH": str(CHECKOUT)}
            | {name: self._here(value, container, mounts, ports) for name, value in said.items()}
        )

    def _value(self, said: Mapping[str, Any], pod: str) -> str:
        if "value" in said:
            return str(said["value"])
        source = said["valueFrom"]
        if "fieldRef" in source:
            assert source["fieldRef"]["fieldPath"] == "metadata.name"
            return pod
        return self._secret(source["secretKeyRef"]["name"])[source["secretKeyRef"]["key"]]

    def _here(
        self, value: str, container: Mapping[str, Any], mounts: Mapping[str, Path], ports: Mapping[str, int]
    ) -> str:
        """A setting as it is right on this machine."""
        for one in container["ports"]:
            if value == str(one["containerPort"]):
                return str(ports[one["name"]])
        for path, folder in mounts.items():
            if value == path or value.startswith(f"{path}/"):
                return f"{folder}{value.removeprefix(path)}"
        if value == "0.0.0.0":
            return "127.0.0.1"
        return re.sub(r"^http://([a-z0-9-]+)(?:\.[a-z0-9.-]+)?:\d+$", self._address, value)

    def _address(self, found: re.Match[str]) -> str:
        """Of a Service; it has the name of its Deployment."""
        return self.addresses.get((found[1], "http"), found[0])

    def _mounts(self, pod: Mapping[str, Any], container: Mapping[str, Any], folder: Path) -> dict[str, Path]:
        found = {}
        volumes = {one["name"]: one for one in pod["volumes"]}
        for mount in container["volumeMounts"]:
            found[mount["mountPath"]] = place = folder / mount["name"]
            place.mkdir()
            if secret := volumes[mount["name"]].get("secret"):
                values = self._secret(secret["secretName"])
                for item in secret["items"]:
                    (place / item["path"]).write_text(values[item["key"]])
        return found

    def _secret(self, name: str) -> dict[str, str]:
        data = self._get("secret", name)["data"]
        return {key: base64.b64decode(value).decode() for key, value in data.items()}

    def _kubeconfig(self, account: str, folder: Path) -> Path:
        """For the pod's service account: it may do what its role says, and no more."""
        token = self.cluster.kubectl("create", "token", account, "-n", self.namespace).strip()
        said = yaml.safe_load(self.cluster.kubeconfig.read_text())
        said["users"] = [{"name": one["name"], "user": {"token": token}} for one in said["users"]]
        path = folder / "kubeconfig"
        path.write_text(yaml.safe_dump(said))
        return path

    def _get(self, kind: str, name: str) -> Any:
        return json.loads(self.cluster.kubectl("get", kind, name, "-n", self.namespace, "-o", "json"))


def _command(image: str) -> list[str]:
    """What an image of ours runs, as its Dockerfile says."""
    name = image.rpartition("/")[2].partition(":")[0].partition("@")[0].removeprefix("tiermesh-")
    lines = (CHECKOUT / "docker" / f"{name}.Dockerfile").read_text().splitlines()
    (said,) = (line.removeprefix("CMD ") for line in lines if line.startswith("CMD "))
    python, *arguments = json.loads(said) if said.startswith("[") else shlex.split(said)
    assert python == "python"
    return [sys.executable, *arguments]
