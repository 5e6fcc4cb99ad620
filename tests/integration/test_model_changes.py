"""Moved aliases of models, with a real control plane, MLflow's registry and a real router.

One scripted server stands in for Ray Serve: it answers under the path of each version's Model, once told that its
weights are loaded. That weights are loaded at all is the business of `model_repo`'s tests.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2

from control_plane.client.trials import TrialsClient
from control_plane.client.versions import VersionsClient
from control_plane.models.registry import ModelRegistry
from control_plane.prompts.connection import Connection
from control_plane.settings import ControlPlaneSettings
from control_plane.spec.courses import Command, Phase, Why
from control_plane.spec.documents import API_VERSION, Document, parse
from control_plane.spec.versions import Promotion, Registration
from tests.control_plane_server import running as control_plane
from tests.integration.test_rollouts import Mesh
from tests.registry import copied
from tests.registry import empty_registry as empty_registry
from tests.stub_upstream import Received, StubUpstream, answer, error, not_deployed
from tests.unit.launcher.samples import model
from tests.unit.routers.samples import NOW, route
from tests.unit.routers.test_app import running as router
from tests.unit.routers.test_app import until_ready

_ALIAS = "models:/support@live"


class Serve:
    """What Ray Serve would answer, by the first part of the path."""

    def __init__(self) -> None:
        self.loaded = {"assistant"}
        self.broken: set[str] = set()

    async def __call__(self, received: Received, writer: asyncio.StreamWriter) -> None:
        name = received.path.split("/")[1]
        said = answer(f"by {name}") if name in self.loaded else not_deployed()
        broken = name in self.broken and received.method == "POST"
        await (error(500) if broken else said)(received, writer)


class Moving(Mesh):
    """A mesh whose aliases somebody moves."""

    def __init__(self, versions: VersionsClient, trials: TrialsClient, http: httpx2.AsyncClient, serve: Serve) -> None:
        super().__init__(trials, http)
        self.versions = versions
        self.serve = serve

    async def deployed(self) -> dict[str, str | None]:
        """What whoever deploys Models is told."""
        found = await asyncio.to_thread(self.versions.served_models)
        return {one.metadata.name: one.spec.source for one in found}

    async def in_force(self) -> dict[str, str]:
        """Version by Model, as routers have them."""
        snapshot = await asyncio.to_thread(self.client.snapshot, "latest")
        return {one.name: one.version for one in snapshot.content.backends}


def _rollout(**spec: Any) -> Document:
    said = {"route": "shop", "onChange": ["model"], **spec}
    return parse({"apiVersion": API_VERSION, "kind": "Rollout", "metadata": {"name": "newer"}, "spec": said})


@asynccontextmanager
async def _mesh(home: Path, empty_registry: Path, rollout: Document) -> AsyncIterator[tuple[Moving, str]]:
    """The mesh, and the URL of its registry; the alias leads to version 1 of two."""
    serve, mlflow = Serve(), copied(empty_registry, home / "plane")
    async with StubUpstream(serve) as stub:
        serve_url = stub.url.removesuffix("/v1")
        seconds = {"rollout_seconds": 0.1, "follow_seconds": 0.1}
        settings = ControlPlaneSettings.load(
            home=home / "plane", port=0, admin_port=0, mlflow_url=mlflow, serve_url=serve_url, **seconds
        )
        with (
            control_plane(settings) as addresses,
            TrialsClient(addresses.api) as trials,
            VersionsClient(addresses.api) as versions,
        ):
            await asyncio.to_thread(_prepare, versions, rollout)
            async with (
                router(home / "router", control_plane_url=addresses.api, access_log=False) as running,
                httpx2.AsyncClient(base_url=f"http://127.0.0.1:{running.port}", trust_env=False, verify=False) as http,
            ):
                await until_ready(running)
                yield Moving(versions, trials, http, serve), mlflow


def _prepare(versions: VersionsClient, rollout: Document) -> None:
    for number in (1, 2):
        said = {"source": f"https://x.test/{number}.tar", "sha256": f"{number:064x}"}
        versions.register("support", Registration.model_validate(said), "alice")
    versions.promote("support", 1, "live", "alice")
    uncached: dict[str, Any] = {"cache": {"exact": {"enabled": False}}}
    documents: list[Document] = [
        model("assistant", source=_ALIAS),
        route(light=[], heavy=["assistant"], **uncached),
        rollout,
    ]
    versions.apply(documents, "alice")


def _by(name: str) -> Any:
    return lambda response: response.is_success and response.headers["x-tiermesh-model"] == name


async def test_a_promoted_version_is_asked_once_it_answers_and_then_is_the_models(
    tmp_path: Path, empty_registry: Path
) -> None:
    rollout = _rollout(steps=[{"setWeight": 100}, {"pause": {}}])
    async with _mesh(tmp_path, empty_registry, rollout) as (mesh, _):
        promoted = await asyncio.to_thread(mesh.versions.promote, "support", 2, "live", "bob")
        assert promoted.rollouts == (f"Rollout/newer pending: {_ALIAS!r} leads to version 2 instead of 1",)
        assert await mesh.deployed() == {"assistant": "https://x.test/1.tar", "assistant--v2": "https://x.test/2.tar"}
        assert await mesh.in_force() == {"assistant": "1", "assistant--v2": "2"}
        waiting = await mesh.asked_until("newer", lambda status: status.problem is not None)
        assert waiting.phase is Phase.PENDING
        assert "'assistant--v2' does not answer" in (waiting.problem or "")
        assert _by("assistant")(await mesh.ask())
        mesh.serve.loaded.add("assistant--v2")
        await mesh.asked(_by("assistant--v2"))
        assert (await mesh.ask()).json()["choices"][0]["message"]["content"] == "by assistant--v2"
        await mesh.asked_until("newer", lambda status: status.phase is Phase.PAUSED)
        await asyncio.to_thread(mesh.client.tell, "newer", Command.PROMOTE, "bob")
        assert (await mesh.deployed(), await mesh.in_force()) == (
            {"assistant": "https://x.test/2.tar"},
            {"assistant": "2"},
        )
        await mesh.asked(_by("assistant"))


async def test_a_version_that_fails_is_taken_back_though_its_alias_was_moved_in_mlflow(
    tmp_path: Path, empty_registry: Path
) -> None:
    steps = [{"setWeight": 50}, {"analysis": {"minutes": 0.01}}]
    guardrails = [{"metric": "errors", "margin": {"absolute": 0.3}}]
    async with _mesh(tmp_path, empty_registry, _rollout(steps=steps, guardrails=guardrails)) as (mesh, mlflow):
        mesh.serve.loaded.add("assistant--v2")
        mesh.serve.broken.add("assistant--v2")
        promotion = Promotion(alias="live", by="somebody", at=NOW)
        await asyncio.to_thread(ModelRegistry(Connection(mlflow, 5)).promote, "support", 2, promotion)
        found = await mesh.asked_until("newer", lambda status: status.phase.over)
        assert (found.phase, found.history[0].reasons[0].code) == (Phase.ROLLED_BACK, Why.GUARDRAIL_BROKEN)
        assert (await mesh.deployed(), await mesh.in_force()) == (
            {"assistant": "https://x.test/1.tar"},
            {"assistant": "1"},
        )
        await mesh.asked(lambda response: response.headers["x-tiermesh-arm"] == "default")
        for _ in range(5):
            assert _by("assistant")(await mesh.ask())
