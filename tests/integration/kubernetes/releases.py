"""Releases: the chart in a namespace of a test's own."""

import json
from pathlib import Path
from typing import Any

import yaml

from tests.kubernetes.cluster import Cluster

KINDS = (
    "deployments,services,secrets,serviceaccounts,persistentvolumeclaims,roles,rolebindings,poddisruptionbudgets,"
    "horizontalpodautoscalers,networkpolicies,jobs,configmaps"
)


class Release:
    """A release of the chart in a namespace of its own."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self.cluster = cluster
        self.namespace = namespace
        self.name = namespace.replace("test", "mesh")
        self.full = f"{self.name}-tiermesh"

    def helm(self, verb: str, *arguments: object, values: Any = None) -> str:
        """Run helm on it; the definitions are there already, as the cluster's tests have them all."""
        said = {} if values is None else {"crds": {"install": False}, **values}
        more = () if values is None else ("--values", "-")
        if verb in ("install", "upgrade"):  # to read what the server says of all kinds takes long; it checks by itself
            more = (*more, "--disable-openapi-validation")
        return self.cluster.helm(verb, self.name, *arguments, "-n", self.namespace, *more, text=json.dumps(said))

    def kubectl(self, *arguments: object, text: str = "") -> str:
        """Run kubectl in its namespace."""
        return self.cluster.kubectl(*arguments, "-n", self.namespace, text=text)

    def get(self, *arguments: object) -> Any:
        """What kubectl gets, as JSON."""
        return json.loads(self.kubectl("get", *arguments, "-o", "json"))

    def objects(self, kinds: str = KINDS) -> dict[tuple[str, str], Any]:
        """Everything of the release, by kind and name."""
        labelled = f"app.kubernetes.io/instance={self.name}"
        return {(one["kind"], one["metadata"]["name"]): one for one in self.get(kinds, "-l", labelled)["items"]}

    def kubeconfig(self, account: str, folder: Path) -> Path:
        """To reach the cluster as a pod with this service account does."""
        config = yaml.safe_load(self.cluster.kubeconfig.read_text())
        config["users"][0]["user"] = {"token": self.kubectl("create", "token", account).strip()}
        file = folder / f"{account}.kubeconfig"
        file.write_text(yaml.safe_dump(config))
        return file
