"""A control plane, a router and an operator as processes, around a real Kubernetes API."""

import asyncio
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, TypeVar

from lightkube import ApiError, Client
from lightkube.types import PatchType

from benchmarks.harness.operator import Operator
from benchmarks.harness.replicas import Replica
from benchmarks.harness.restarts import Restartable
from control_plane.client.trials import TrialsClient
from control_plane.spec.documents import API_VERSION, PLURALS
from operators.apply import Cluster as Asking
from operators.apply import kind_of
from operators.kinds import EVERYWHERE
from operators.offers import discover
from operators.render import KNOWN, Offers
from operators.render.names import MANAGED_BY, MANAGER
from tests.kubernetes.cluster import Cluster

T = TypeVar("T")
PATIENCE_SECONDS = 90.0
ELSEWHERE = {"engine": "openai", "tier": "light", "url": "http://127.0.0.1:9/v1"}
HERE = {"engine": "vllm", "tier": "heavy", "source": "hf://org/name", "kubernetes": {"runtime": "deployment"}}


@dataclass(frozen=True)
class Plane:
    """A control plane, and a router that follows it."""

    folder: Path
    replica: Replica

    @property
    def client(self) -> TrialsClient:
        """A client of it."""
        return TrialsClient(self.replica.url)


@contextmanager
def plane(folder: Path) -> Iterator[Plane]:
    """Both as processes."""
    with ExitStack() as stack:
        replica = stack.enter_context(Replica("plane", folder, None))
        replica.wait()
        stack.enter_context(_router(folder, replica.url))
        yield Plane(folder, replica)


def _router(folder: Path, url: str) -> Restartable:
    env = {name: value for name, value in os.environ.items() if not name.startswith("TIERMESH_")}
    settings = {"CONTROL_PLANE_URL": url, "NAME": "router-1", "PORT": 0, "GRPC_PORT": 0, "ADMIN_PORT": 0}
    env |= {f"TIERMESH_ROUTER_{name}": str(value) for name, value in settings.items()}
    command = [sys.executable, "-m", "routers"]
    return Restartable(command, None, env | {"TIERMESH_HOME": str(folder)}, folder / "router.log")


_VERSIONS = {
    "Deployment": "apps/v1",
    "Service": "v1",
    "PodDisruptionBudget": "policy/v1beta1",
    "InferenceService": "serving.kserve.io/v1beta1",
    "Lease": "coordination.k8s.io/v1",
}


@dataclass(frozen=True)
class Mesh:
    """One namespace of a cluster, and what the operator makes of it."""

    cluster: Cluster
    namespace: str
    plane: Plane

    @property
    def api(self) -> Client:
        """Of the cluster."""
        return self.cluster.api

    @contextmanager
    def beside(self, name: str) -> Iterator["Mesh"]:
        """Another namespace."""
        with self.cluster.namespace(f"{self.namespace}-{name}") as namespace:
            yield replace(self, namespace=namespace)

    def operator(self, name: str = "operator", **settings: object) -> Operator:
        """An operator of this namespace alone."""
        ours = {
            "namespaces": self.namespace,
            "lease_namespace": self.namespace,
            "lease_seconds": 10,
        }
        kubeconfig, url = self.cluster.kubeconfig, self.plane.replica.url
        folder = self.plane.folder / self.namespace
        folder.mkdir(exist_ok=True)
        return Operator(name, folder, kubeconfig, url, **ours | settings)

    def apply(self, kind: str, name: str, spec: Mapping[str, Any]) -> None:
        """Write a custom resource."""
        self.put({"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec})

    def shop(self) -> None:
        """Write a Route, and a Model elsewhere and one here that it names."""
        self.apply("Model", "small", ELSEWHERE)
        self.apply("Model", "big", HERE)
        self.apply("Route", "shop", {"tiers": {"light": ["small"], "heavy": ["big"]}})

    def put(self, *bodies: Mapping[str, Any]) -> None:
        """Write objects as `kubectl apply --server-side` does."""
        for body in bodies:
            name = body["metadata"]["name"]
            metadata = {**body["metadata"], "namespace": self.namespace}
            self.api.patch(
                kind_of(body["apiVersion"], body["kind"]),
                name,
                {**body, "metadata": metadata},
                namespace=self.namespace,
                patch_type=PatchType.APPLY,
                field_manager="test",
                force=True,
            )

    def kubectl(self, *arguments: object, text: str = "") -> str:
        """In this namespace."""
        return self.cluster.kubectl("-n", self.namespace, *arguments, text=text)

    def get(self, kind: str, name: str) -> dict[str, Any] | None:
        """An object, or None."""
        try:
            return dict(self.api.get(kind_of(_VERSIONS.get(kind, API_VERSION), kind), name, namespace=self.namespace))
        except ApiError as error:
            if error.status.code != 404:
                raise
            return None

    def list(self, kind: str) -> list[dict[str, Any]]:
        """All of a kind."""
        found = self.api.list(kind_of(_VERSIONS.get(kind, API_VERSION), kind), namespace=self.namespace)
        return [dict(one) for one in found]

    @cached_property
    def served(self) -> dict[str, str]:
        """Kind -> apiVersion of all that render can make; the cluster has to have them all."""
        known = offers(self.cluster).versions
        assert known.keys() == KNOWN.keys(), known
        return {**EVERYWHERE, **known}

    def made(self) -> Sequence[dict[str, Any]]:
        """All that the operator made here."""
        ours: dict[str, Any] = {MANAGED_BY: MANAGER}
        return [
            {**one, "apiVersion": version, "kind": kind}
            for kind, version in self.served.items()
            for one in self.api.list(kind_of(version, kind), namespace=self.namespace, labels=ours)
        ]

    def kinds_made(self) -> set[str]:
        """Of what kinds that is."""
        return {one["kind"] for one in self.made()}

    def condition(self, kind: str, name: str, type: str = "Ready") -> tuple[str, str, str]:
        """A condition's state, reason and message; empty where there is none."""
        status = (self.get(kind, name) or {}).get("status", {})
        for one in status.get("conditions", ()):
            if one["type"] == type:
                return one["status"], one["reason"], one["message"]
        return "", "", ""

    def ready(self, kind: str, *names: str) -> None:
        """Wait until these are Ready."""
        for name in names:
            until(partial(self.condition, kind, name), lambda found: found[0] == "True")

    def versions(self) -> dict[str, str]:
        """The resourceVersion of all that the operator writes."""
        found = [(kind, one) for kind in (*PLURALS.values(), *_VERSIONS) for one in self.list(kind) if kind != "Lease"]
        return {f"{kind}/{one['metadata']['name']}": one["metadata"]["resourceVersion"] for kind, one in found}

    def play(self, kind: str, name: str, status: Mapping[str, Any]) -> None:
        """Say the status of a child, as its controller would."""
        found = kind_of(_VERSIONS[kind], kind).Status
        patch = {"status": status}
        self.api.patch(found, name, patch, namespace=self.namespace, patch_type=PatchType.MERGE)


def offers(cluster: Cluster) -> Offers:
    """What it serves of all that can be written."""
    return asyncio.run(_discovered(cluster))


async def _discovered(cluster: Cluster) -> Offers:
    asking = Asking(cluster.config)
    try:
        found, _ = await discover(asking.get)
    finally:
        await asking.close()
    return found


def until(look: Callable[[], T], right: Callable[[T], object], seconds: float = PATIENCE_SECONDS) -> T:
    """What is seen, once it is as it should be."""
    ends = time.monotonic() + seconds
    while not right(found := look()):
        assert time.monotonic() < ends, found
        time.sleep(0.1)
    return found
