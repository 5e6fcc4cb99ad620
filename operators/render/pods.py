"""What every pod of a Model has: room, a place, and no rights.

All of it fits the `restricted` level of the Pod Security Standards.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from control_plane.spec.documents import Model
from control_plane.spec.kubernetes import Kubernetes
from control_plane.spec.models import Resources
from operators.render import quantities
from operators.render.names import MODEL_LABEL
from operators.render.site import Site

HOME = "/var/lib/tiermesh"
"""Where a pod's processes may write, beside /tmp: weights that they fetch, caches."""
_HOSTNAME, _ZONE = "kubernetes.io/hostname", "topology.kubernetes.io/zone"

Json = dict[str, Any]

CONTAINER_SECURITY: Json = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
}


LEAVE: Json = {"preStop": {"exec": {"command": ["sleep", "5"]}}}
"""So that whoever still has the pod's address asks in vain less often."""

RAY_ENVIRONMENT: Mapping[str, str] = {
    "HOME": HOME,
    "TIERMESH_HOME": HOME,
    "USER": "tiermesh",
    # Requests do not use the object store; Ray's own default is 30% of all memory.
    "RAY_DEFAULT_OBJECT_STORE_MAX_MEMORY_BYTES": "134217728",
    "RAY_SERVE_ENABLE_HA_PROXY": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_worker_niceness": "0",
    "RAY_kill_child_processes_on_worker_exit_with_raylet_subreaper": "true",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "TOKENIZERS_PARALLELISM": "false",
}
"""As `model_repo.cluster` sets it on one machine; here replicas fetch weights themselves."""


@dataclass(frozen=True, slots=True)
class Volumes:
    """Volumes and where they are mounted."""

    volumes: tuple[Json, ...] = ()
    mounts: tuple[Json, ...] = ()

    def __add__(self, other: "Volumes") -> "Volumes":
        return Volumes(self.volumes + other.volumes, self.mounts + other.mounts)


@dataclass(frozen=True, slots=True)
class Container:
    """What differs between servers."""

    name: str
    image: str
    command: Sequence[str] = ()
    args: Sequence[str] = ()
    ports: Mapping[str, int] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    probes: Json = field(default_factory=dict)
    resources: Json = field(default_factory=dict)
    lifecycle: Json = field(default_factory=dict)


def in_cluster(model: Model) -> Kubernetes:
    """How the document wants to be run; every default where it does not say."""
    return model.spec.kubernetes or Kubernetes()


def labels(model: Model) -> dict[str, str]:
    """What finds the pods that answer for a Model."""
    return {MODEL_LABEL: model.metadata.name}


def resources(reserved: Resources, site: Site, more_gib: float = 0, copies: int = 1) -> Json:
    """Requests, and limits of what cannot be shared; a fraction of a GPU takes a whole one."""
    memory = quantities.gib(reserved.memory_gib * copies + more_gib)
    limits = {"memory": memory}
    if reserved.gpus:
        limits[site.gpu] = str(math.ceil(reserved.gpus))
    return {"requests": {"cpu": quantities.cpus(reserved.cpus * copies), **limits}, "limits": limits}


def probes(ready: str, live: str, port: str | int, start_seconds: int) -> Json:
    """Paths that say so, and how long the first start may take before the container is started anew."""
    return {
        "startupProbe": probe(ready, port, periodSeconds=10, failureThreshold=math.ceil(start_seconds / 10)),
        "readinessProbe": probe(ready, port, periodSeconds=5, failureThreshold=2),
        "livenessProbe": probe(live, port, periodSeconds=10, failureThreshold=6),
    }


def probe(path: str, port: str | int, **more: int) -> Json:
    """One of them."""
    return {"httpGet": {"path": path, "port": port}, "timeoutSeconds": 5, **more}


def scratch(model: Model, shared_memory_gib: float = 1) -> Volumes:
    """Room to write where the root filesystem is read-only."""
    storage = in_cluster(model).storage
    room: Json = {"sizeLimit": quantities.gib(storage.cache_gib)} if storage and storage.cache_gib else {}
    shared = {"medium": "Memory", "sizeLimit": quantities.gib(shared_memory_gib)}
    return Volumes(
        (
            {"name": "home", "emptyDir": room},
            {"name": "tmp", "emptyDir": {}},
            {"name": "shm", "emptyDir": shared},
        ),
        (
            {"name": "home", "mountPath": HOME},
            {"name": "tmp", "mountPath": "/tmp"},
            {"name": "shm", "mountPath": "/dev/shm"},
        ),
    )


def claimed(claim: str | None, path: str) -> Volumes:
    """A PersistentVolumeClaim, read-only: several pods read it."""
    if claim is None:
        return Volumes()
    source = {"claimName": claim, "readOnly": True}
    mount = {"name": "files", "mountPath": path, "readOnly": True}
    return Volumes(({"name": "files", "persistentVolumeClaim": source},), (mount,))


def files(model: Model, site: Site) -> Volumes:
    """Where `file://./PATH` counts from, if the document brings its own."""
    storage = in_cluster(model).storage
    return claimed(storage.claim if storage else None, site.files)


def container(model: Model, said: Container, volumes: Volumes) -> Json:
    """A container with its document's secrets, by name alone."""
    written: Json = {
        "name": said.name,
        "image": in_cluster(model).image or said.image,
        "command": list(said.command),
        # Kubernetes would put the values of variables, secrets among them, in the place of $(NAME).
        "args": [argument.replace("$(", "$$(") for argument in said.args],
        "ports": [{"name": name, "containerPort": port, "protocol": "TCP"} for name, port in said.ports.items()],
        "env": [{"name": name, "value": value} for name, value in said.env.items()],
        "envFrom": secrets(model),
        "resources": said.resources,
        "lifecycle": said.lifecycle,
        **said.probes,
        "securityContext": CONTAINER_SECURITY,
        "volumeMounts": list(volumes.mounts),
    }
    return {field: value for field, value in written.items() if value not in ({}, [])}


def secrets(model: Model) -> list[Json]:
    """References to the Secrets whose keys are environment variables."""
    return [{"secretRef": {"name": name}} for name in in_cluster(model).env_from]


def place(model: Model, site: Site, chosen: Mapping[str, str]) -> Json:
    """Where a Model's pods run, and as whom; `chosen` are the labels of the pods to spread."""
    asked = in_cluster(model)
    accelerator = model.spec.resources.accelerator
    selector = {**site.accelerators.get(accelerator or "", {}), **asked.node_selector}
    placed: Json = {
        "nodeSelector": selector,
        "tolerations": _tolerations(model, site),
        "topologySpreadConstraints": [spread(_HOSTNAME, chosen), spread(_ZONE, chosen)],
        "serviceAccountName": asked.service_account,
        "automountServiceAccountToken": asked.service_account is not None,
        "enableServiceLinks": False,
        "securityContext": security(site),
    }
    return {field: value for field, value in placed.items() if value not in (None, {}, [])}


def spread(topology: str, chosen: Mapping[str, str]) -> Json:
    """Evenly, where that is possible: pods that wait help nobody."""
    return {
        "maxSkew": 1,
        "topologyKey": topology,
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": dict(chosen)},
    }


def _tolerations(model: Model, site: Site) -> list[Json]:
    asked = [one.model_dump(mode="json", exclude_none=True) for one in in_cluster(model).tolerations]
    if not model.spec.resources.gpus:
        return asked
    return [{"key": site.gpu, "operator": "Exists", "effect": "NoSchedule"}, *asked]


def security(site: Site, user: int | None = None) -> Json:
    """A pod's: nobody in particular, and no more system calls than the runtime's profile lets through."""
    chosen = user if user is not None else site.user
    as_user = {} if chosen is None else {"runAsUser": chosen, "runAsGroup": chosen, "fsGroup": chosen}
    return {"runAsNonRoot": True, **as_user, "seccompProfile": {"type": "RuntimeDefault"}}


def missing_nodes(model: Model, site: Site) -> tuple[str, ...]:
    """A sentence where nobody has said which nodes have the accelerator."""
    accelerator = model.spec.resources.accelerator
    if accelerator is None or accelerator in site.accelerators or in_cluster(model).node_selector:
        return ()
    return (
        f"The operator does not know which nodes have the accelerator {accelerator!r}, so any node with a GPU may be "
        "taken: name their labels in TIERMESH_OPERATOR_ACCELERATORS, or in spec.kubernetes.nodeSelector.",
    )
