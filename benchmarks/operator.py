"""`python -m benchmarks.operator`: many custom resources, drift, and an operator that is killed.

    python -m benchmarks.operator [--quick] [--json]

Needs a Kubernetes API with the custom resource definitions of `charts/tiermesh` and of whatever runs models: its
kubeconfig in TIERMESH_TEST_KUBECONFIG, or the tool in TIERMESH_TEST_CLUSTER that starts one. A control plane, a router
and the operator run beside it. First 1,000 Models and 1,000 Routes are applied at once, and the operator is killed and
started again. Then manifests come that are wrong in what only the control plane knows. Then objects of every kind that
the operator makes are changed and deleted behind its back. Then it is killed at random moments while resources come,
change and go, and what is left is compared with a run in which nobody was killed.
"""

import asyncio
import contextlib
import random
import sys
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from lightkube.config.kubeconfig import KubeConfig

from benchmarks.harness import clusters, command, every_kind, plane
from benchmarks.harness.operator import Operator
from benchmarks.harness.processes import Cores
from benchmarks.harness.replicas import Replica
from benchmarks.harness.resources import Body, Resources, is_ready, versions
from benchmarks.harness.shown import Shown
from benchmarks.report import Bar, Report
from control_plane.client.http import Client
from control_plane.spec.documents import API_VERSION
from operators.apply import Cluster
from operators.kinds import EVERYWHERE
from operators.offers import discover
from operators.render.names import MANAGED_BY, MANAGER

MANY, _QUICK_MANY = 1000, 100
KILLS, _QUICK_KILLS = 50, 5
RUNNING, _QUICK_RUNNING = 10, 2
"""Models of each sort that run in the cluster."""
_MEMORY_MB = 300
_CHILDREN = (("Deployment", "apps/v1"), ("Service", "v1"))
_NEVER_SECONDS = 3600.0
"""Of a kind that was not seen: it is not left out, and JSON knows no infinity."""
_SHAPES = 12
"""Models that come, change and go while the operator is killed."""
_LONGEST_LIFE_SECONDS = 4.0


@dataclass(slots=True)
class Found:
    """What was measured."""

    ready_seconds: float = 0
    memory_mb: float = 0
    rewritten: int = 0
    """Objects with another resourceVersion after a restart."""
    calls_per_look: float = 0
    """Requests to the API server for each look at a custom resource to which nothing happened."""
    shown_seconds: list[float] = field(default_factory=list)
    """Of each wrong manifest, until a condition names the field and the cure."""
    repaired_seconds: dict[str, float] = field(default_factory=dict)
    """Of each kind, the longest."""
    kills: int = 0
    differing: int = 0
    """Places at which the end of the disturbed run is not that of the other."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    options = command.parser("operator", "Many custom resources, drift, and an operator that is killed.").parse_args(
        arguments
    )
    return command.report(lambda: run(options.quick), options)


def run(quick: bool) -> Report:
    """All parts. Raises TiermeshError where something does not start."""
    with tempfile.TemporaryDirectory() as folder, clusters.cluster(Path(folder)) as kubeconfig:
        found = asyncio.run(measure(Path(folder), kubeconfig, quick))
    return Report("operator", bars(found, quick), notes=notes(quick))


async def measure(folder: Path, kubeconfig: Path, quick: bool) -> Found:
    """All parts, each in namespaces of its own."""
    found = Found()
    async with _mesh(folder, kubeconfig) as mesh:
        await _many(mesh, found, _QUICK_MANY if quick else MANY)
        await _wrong(mesh, found)
        await _drift(mesh, found, _QUICK_RUNNING if quick else RUNNING)
        await _killed(mesh, found, _QUICK_KILLS if quick else KILLS)
    return found


@dataclass(frozen=True, slots=True)
class _Mesh:
    """What stands around the operator."""

    folder: Path
    kubeconfig: Path
    url: str
    """Of the control plane."""

    @contextlib.asynccontextmanager
    async def operator(self, **settings: object) -> AsyncIterator[tuple[Operator, Resources]]:
        """An operator of a new namespace."""
        resources = Resources(self.kubeconfig, f"bench-{uuid.uuid4().hex[:8]}")
        await resources.create_namespace()
        ours = {"namespaces": resources.namespace, "lease_namespace": resources.namespace, "lease_seconds": 15}
        with Operator(resources.namespace, self.folder, self.kubeconfig, self.url, **ours | settings) as operator:
            await asyncio.to_thread(operator.wait)
            yield operator, resources
        await resources.close()


@contextlib.asynccontextmanager
async def _mesh(folder: Path, kubeconfig: Path) -> AsyncIterator[_Mesh]:
    with contextlib.ExitStack() as started:
        replica = started.enter_context(Replica("plane", folder, None))
        replica.wait()
        with Client(replica.url) as client:  # a router is ready once it has a snapshot
            client.apply(clusters.first(), "bench")
        started.enter_context(plane.router(Cores.available(), folder, replica.url, "router"))
        yield _Mesh(folder, kubeconfig, replica.url)


async def _many(mesh: _Mesh, found: Found, many: int) -> None:
    command.say(f"{many} Models and {many} Routes are applied at once")
    async with mesh.operator() as (operator, resources):
        bodies = [_elsewhere(resources, number) for number in range(many)]
        bodies += [
            resources.body("Route", f"r-{number}", {"tiers": {"light": [f"m-{number}"]}}) for number in range(many)
        ]
        began = time.monotonic()
        await resources.apply(bodies)
        command.say(f"applied in {time.monotonic() - began:.1f} s")
        await resources.until(lambda seen: len(seen) == 2 * many and all(map(is_ready, seen)), "Model", "Route")
        found.ready_seconds = time.monotonic() - began
        found.memory_mb = _memory_mb(operator)
        command.say(f"all Ready after {found.ready_seconds:.1f} s, {found.memory_mb:.0f} MB")
        found.rewritten = await _restarted(operator, resources, 2 * many)
        found.memory_mb = max(found.memory_mb, _memory_mb(operator))
    async with mesh.operator(resync_seconds=1, discovery_seconds=3600) as (operator, resources):
        await resources.apply(_elsewhere(resources, number) for number in range(20))
        await resources.until(lambda seen: len(seen) == 20 and all(map(is_ready, seen)), "Model")
        await asyncio.sleep(2)
        calls, looks = _counted(operator)
        await asyncio.sleep(10)
        later_calls, later_looks = _counted(operator)
        found.calls_per_look = (later_calls - calls) / (later_looks - looks)


async def _restarted(operator: Operator, resources: Resources, looks: int) -> int:
    """How many objects are written when nothing is to be written."""
    await asyncio.sleep(2)
    before = versions(await _all(resources))
    operator.kill()
    operator.start()
    await asyncio.to_thread(operator.wait)
    await asyncio.to_thread(_wait_until_idle, operator, looks)
    after = versions(await _all(resources))
    return sum(after.get(name) != version for name, version in before.items()) + len(after.keys() - before.keys())


def _wait_until_idle(operator: Operator, looks: int) -> None:
    """Until each custom resource was looked at, and again with what the control plane says."""
    while _counted(operator)[1] < 2 * looks or operator.metric("tiermesh_operator_queued"):
        time.sleep(0.5)


async def _all(resources: Resources) -> list[Body]:
    found = []
    for kind, version in (("Model", API_VERSION), ("Route", API_VERSION), *_CHILDREN):
        found += await resources.listed(kind, version)
    return found


def _counted(operator: Operator) -> tuple[float, float]:
    return operator.metric("tiermesh_operator_api_calls"), operator.metric("tiermesh_operator_reconciles_total")


def _memory_mb(operator: Operator) -> float:
    lines = Path(f"/proc/{operator.pid}/status").read_text().splitlines()
    peak = next(line for line in lines if line.startswith("VmHWM"))
    return int(peak.split()[1]) * 1024 / 1e6


async def _wrong(mesh: _Mesh, found: Found) -> None:
    """What the API server takes, and the control plane refuses."""
    command.say("manifests are applied that are wrong in one thing each")
    shown = Shown(mesh.kubeconfig, f"bench-{uuid.uuid4().hex[:8]}")
    await shown.create()
    async with mesh.operator(namespaces=shown.namespaces):
        found.shown_seconds = await shown.seconds()


async def _drift(mesh: _Mesh, found: Found, running: int) -> None:
    """With KEDA, and as if there were none: then Kubernetes' own autoscaler stands in its place."""
    versions = await _offered(mesh.kubeconfig)
    for ignored in ("", "ScaledObject"):
        command.say(f"what runs {running} Models of each sort is changed and deleted")
        async with mesh.operator(**every_kind.settings(ignored)) as (_, resources):
            await resources.apply(
                resources.body("Model", f"{name}-{number}", spec)
                for name, spec in every_kind.MODELS.items()
                for number in range(running)
            )
            kinds = every_kind.KINDS - {every_kind.SCALER} if not ignored else {every_kind.SCALER}
            for kind in sorted(kinds & versions.keys()):
                found.repaired_seconds[kind] = await _repaired(resources, kind, versions[kind], running)


async def _offered(kubeconfig: Path) -> dict[str, str]:
    """Kind -> apiVersion of all that can be rendered here."""
    cluster = Cluster(KubeConfig.from_file(kubeconfig))
    try:
        offers, _ = await discover(cluster.get)
    finally:
        await cluster.close()
    return {**EVERYWHERE, **offers.versions}


async def _repaired(resources: Resources, kind: str, version: str, running: int) -> float:
    """Seconds until all of a kind are as they were, half of them changed and half of them deleted."""
    await resources.until(lambda seen: len(_made(seen)) >= running, kind, api_version=version)
    live = _made(await resources.listed(kind, version))
    await resources.spoil(live[::2])
    await resources.delete(live[1::2])
    seconds = await resources.until(partial(_is_as, _labels(live)), kind, api_version=version)
    command.say(f"{kind}: as it was after {seconds:.1f} s")
    return seconds


def _made(objects: list[Body]) -> list[Body]:
    """Those of the operator: a cluster puts a ConfigMap of its own into each namespace."""
    return [one for one in objects if one["metadata"].get("labels", {}).get(MANAGED_BY) == MANAGER]


def _labels(children: list[Body]) -> dict[str, Any]:
    """What of each child was rendered and is spoilt here."""
    return {
        one["metadata"]["name"]: one["metadata"].get("labels")
        for one in children
        if "deletionTimestamp" not in one["metadata"]
    }


def _is_as(wanted: dict[str, Any], children: list[Body]) -> bool:
    """Others may have come meanwhile."""
    found = _labels(_made(children))
    return {name: found.get(name) for name in wanted} == wanted


async def _killed(mesh: _Mesh, found: Found, kills: int) -> None:
    """The same changes twice, with an operator that is killed and with one that is not."""
    ends = []
    for disturbed in (True, False):
        async with mesh.operator() as (operator, resources):
            changing = asyncio.create_task(_change(resources, kills if disturbed else 1))
            while disturbed and found.kills < kills:
                await asyncio.sleep(random.uniform(0, _LONGEST_LIFE_SECONDS))
                operator.kill()
                found.kills += 1
                operator.start()
                command.say(f"killed, {found.kills} of {kills}")
            await changing
            await resources.until(_none_goes, "Model", "Route")  # what is on its way out takes no changes with it
            await resources.apply(_final(resources))
            await resources.until(_is_final, "Model", "Route")
            ends.append(await _end(mesh, resources))
    found.differing = sum(a != b for a, b in zip(*ends, strict=True)) + abs(len(ends[0]) - len(ends[1]))


async def _change(resources: Resources, rounds: int) -> None:
    """Models and Routes come, change and go."""
    chance = random.Random(7)
    for number in range(rounds):
        name = f"x-{chance.randrange(_SHAPES)}"
        spec = _here(number) if chance.random() < 0.5 else _elsewhere(resources, number)["spec"]
        body = resources.body("Model", name, spec)
        await resources.apply([body])
        await asyncio.sleep(chance.uniform(0, _LONGEST_LIFE_SECONDS / 2))
        if chance.random() < 0.5:
            await resources.delete([body])


def _final(resources: Resources) -> list[Body]:
    """What shall be there in the end, whatever came before."""
    models = [
        resources.body("Model", f"x-{number}", _here(0) if number % 2 else _elsewhere(resources, 0)["spec"])
        for number in range(_SHAPES)
    ]
    return [*models, resources.body("Route", "r", {"tiers": {"light": ["x-0"], "heavy": ["x-1"]}})]


def _is_final(seen: list[Body]) -> bool:
    """All are there, Ready, and none is on its way out."""
    return len(seen) == _SHAPES + 1 and _none_goes(seen) and all(map(is_ready, seen))


def _none_goes(seen: list[Body]) -> bool:
    return not any("deletionTimestamp" in one["metadata"] for one in seen)


async def _end(mesh: _Mesh, resources: Resources) -> list[Any]:
    """What there is in the cluster and in the control plane, without what each run has of its own."""
    await asyncio.sleep(5)  # the cluster collects what nobody owns
    live = [(one["kind"], one["metadata"]["name"], _without_address(one["spec"])) for one in await _all(resources)]
    with Client(mesh.url) as client:
        kinds = ("Model", "Route")
        said = [one for kind in kinds for one in client.list(kind, resources.namespace)]
    known = [(one.kind, one.metadata.name, one.spec.model_dump(mode="json")) for one in said]
    return [repr(one).replace(resources.namespace, "NAMESPACE") for one in sorted([*live, *known], key=repr)]


def _without_address(spec: dict[str, Any]) -> dict[str, Any]:
    """The cluster gives each Service another one."""
    return {name: value for name, value in spec.items() if name not in ("clusterIP", "clusterIPs")}


def _elsewhere(resources: Resources, number: int) -> Body:
    spec = {"engine": "openai", "tier": "light", "url": f"http://127.0.0.1:9/{number}"}
    return resources.body("Model", f"m-{number}", spec)


def _here(number: int) -> dict[str, Any]:
    runtime = {"runtime": "deployment"}
    return {"engine": "vllm", "tier": "heavy", "source": f"hf://org/name-{number % 3}", "kubernetes": runtime}


def bars(found: Found, quick: bool) -> list[Bar]:
    """The figures and their limits."""
    many = _QUICK_MANY if quick else MANY
    return [
        Bar(f"{many:,} Models and {many:,} Routes: all Ready", found.ready_seconds, "s", limit=120),
        Bar("operator, resident memory at most", found.memory_mb, "MB", limit=_MEMORY_MB),
        Bar("objects written again after a restart", found.rewritten, "", limit=0),
        Bar("API calls for a look at what has not changed", found.calls_per_look, "", limit=1),
        Bar("wrong manifest shown by a condition", max(found.shown_seconds, default=_NEVER_SECONDS), "s", limit=5),
        *(
            Bar(f"drift of each {kind} repaired", found.repaired_seconds.get(kind, _NEVER_SECONDS), "s", limit=10)
            for kind in sorted(every_kind.KINDS)
        ),
        Bar("operator killed: times", found.kills, "", limit=_QUICK_KILLS, better="higher"),
        Bar("operator killed: differences in the end", found.differing, "", limit=0),
    ]


def notes(quick: bool) -> list[str]:
    """What a reader must know to believe the bars."""
    many = _QUICK_MANY if quick else MANY
    return [
        f"The {many:,} Models run elsewhere, so that no cluster has to start as many pods; the "
        "others have a Deployment, a Service and what belongs to them, on a real API server and its controllers.",
        "API server, etcd, controllers, control plane, router and operator share the machine, and so does who looks.",
        "A look's calls include the Lease's, which is renewed every 3 s whatever happens.",
    ]


if __name__ == "__main__":
    sys.exit(main())
