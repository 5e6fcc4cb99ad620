"""Rollouts with a real control plane, a real router and models that fail or do not."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2

from control_plane.client.trials import TrialsClient
from control_plane.settings import ControlPlaneSettings
from control_plane.spec.courses import Command, Phase, RolloutStatus, Why
from control_plane.spec.documents import API_VERSION, Document, parse
from tests.control_plane_server import running as control_plane
from tests.stub_upstream import StubUpstream, answer
from tests.unit.routers.samples import EASY, chat, model, route
from tests.unit.routers.test_app import running as router
from tests.unit.routers.test_app import until_ready

_STEPS = [{"setWeight": 50}, {"analysis": {"minutes": 0.01}}]
_GUARDRAILS = [{"metric": "errors", "margin": {"absolute": 0.3}}]


def _rollout(name: str, **spec: Any) -> Document:
    said = {"route": "shop", "steps": _STEPS, "guardrails": _GUARDRAILS} | spec
    return parse({"apiVersion": API_VERSION, "kind": "Rollout", "metadata": {"name": name}, "spec": said})


class Mesh:
    """A control plane, a router that follows it, and somebody who asks."""

    def __init__(self, client: TrialsClient, http: httpx2.AsyncClient) -> None:
        self.client = client
        self._http = http

    async def apply(self, *documents: Document) -> None:
        await asyncio.to_thread(self.client.apply, documents, "alice")

    async def ask(self) -> httpx2.Response:
        return await self._http.post("/v1/chat/completions", json=chat(EASY))

    async def asked_until(self, name: str, over: Callable[[RolloutStatus], bool]) -> RolloutStatus:
        """Ask again and again; the Rollout's status once it is as it should be."""
        async with asyncio.timeout(30):
            while True:
                await asyncio.gather(*(self.ask() for _ in range(20)))
                found = await asyncio.to_thread(self.client.rollout, name)
                if over(found):
                    return found

    async def asked(self, right: Callable[[httpx2.Response], bool]) -> None:
        """Ask until an answer is as it should be: routers hear of a snapshot a moment later."""
        async with asyncio.timeout(10):
            while not right(await self.ask()):
                await asyncio.sleep(0.02)

    async def route(self) -> Any:
        found = await asyncio.to_thread(self.client.get, "Route", "shop")
        return found.model_dump(mode="json", exclude_unset=True)["spec"]


@asynccontextmanager
async def _mesh(home: Path, candidate: StubUpstream, stable: StubUpstream) -> AsyncIterator[Mesh]:
    settings = ControlPlaneSettings.load(home=home / "plane", port=0, admin_port=0, rollout_seconds=0.1)
    uncached: dict[str, Any] = {"cache": {"exact": {"enabled": False}}}
    with control_plane(settings) as addresses, TrialsClient(addresses.api) as client:
        documents: list[Document] = [
            model("old", url=stable.url),
            model("new", url=candidate.url),
            route(light=["old"], heavy=[], **uncached),
        ]
        await asyncio.to_thread(client.apply, documents, "alice")
        given = {"control_plane_url": addresses.api, "access_log": False}
        async with (
            router(home / "router", **given) as running,
            httpx2.AsyncClient(base_url=f"http://127.0.0.1:{running.port}", trust_env=False, verify=False) as http,
        ):
            await until_ready(running)
            yield Mesh(client, http)


def _candidate(response: httpx2.Response) -> bool:
    return response.headers.get("x-tiermesh-arm") == "newer=candidate"


_NEWER: dict[str, Any] = {"override": {"tiers": {"light": ["new"]}}}


async def test_a_candidate_that_fails_is_taken_back_by_what_the_router_measures(tmp_path: Path) -> None:
    failing = StubUpstream(answer({}, status=500))
    async with StubUpstream() as stable, failing, _mesh(tmp_path, failing, stable) as mesh:
        await mesh.apply(_rollout("newer", **_NEWER))
        found = await mesh.asked_until("newer", lambda status: status.phase.over)
        assert (found.phase, found.history[0].reasons[0].code) == (Phase.ROLLED_BACK, Why.GUARDRAIL_BROKEN)
        await mesh.asked(lambda response: response.headers["x-tiermesh-arm"] == "default")
        assert (await mesh.route())["tiers"] == {"light": ["old"], "heavy": []}


async def test_a_candidate_that_is_as_good_is_promoted_and_the_route_then_says_it(tmp_path: Path) -> None:
    async with StubUpstream() as stable, StubUpstream(answer("new")) as good, _mesh(tmp_path, good, stable) as mesh:
        steps = [{"mirror": {"minutes": 0.002, "percent": 100}}, *_STEPS]
        await mesh.apply(_rollout("newer", **_NEWER, steps=steps))
        found = await mesh.asked_until("newer", lambda status: status.phase.over)
        assert found.phase is Phase.PROMOTED
        assert (await mesh.route())["tiers"] == {"light": ["new"]}
        await mesh.asked(lambda response: response.headers["x-tiermesh-model"] == "new")


async def test_what_is_aborted_reaches_no_caller_any_more(tmp_path: Path) -> None:
    async with StubUpstream() as stable, StubUpstream(answer("new")) as good, _mesh(tmp_path, good, stable) as mesh:
        await mesh.apply(_rollout("newer", **_NEWER, steps=[{"setWeight": 100}, {"pause": {}}], guardrails=[]))
        await mesh.asked(_candidate)
        await asyncio.to_thread(mesh.client.tell, "newer", Command.ABORT, "alice")
        await mesh.asked(lambda response: response.headers["x-tiermesh-model"] == "old")
