"""A prompt's alias moves: the processes as they run, from MLflow to what a model reads."""

import asyncio
import os
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from control_plane.client.registry import RegistryClient
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.prompts import PromptSpec
from tests.contract.router_process import RouterProcess
from tests.integration.processes import running
from tests.registry import copied
from tests.registry import empty_registry as empty_registry
from tests.stack import free_ports
from tests.stub_upstream import StubUpstream, answer
from tests.unit.routers.samples import chat, model, route


@contextmanager
def control_plane(home: Path, **settings: str) -> Iterator[str]:
    """The URL of a control plane process."""
    api, admin = free_ports(2)
    given = {"PORT": str(api), "ADMIN_PORT": str(admin), **settings}
    variables = {f"TIERMESH_CONTROL_PLANE_{name}": value for name, value in given.items()}
    environment = {**os.environ, **variables, "TIERMESH_HOME": str(home), "PYTHONPATH": str(Path.cwd())}
    command = [sys.executable, "-m", "control_plane"]
    with running(command, environment, home, f"http://127.0.0.1:{admin}/readyz", 60):
        yield f"http://127.0.0.1:{api}"


def prompted(upstream: StubUpstream, **said: Any) -> list[Any]:
    prompt = {"name": "support", "variables": {"language": "German"}, **said}
    return [model("light", url=upstream.url), route(heavy=[], cache={"exact": {"enabled": False}}, prompt=prompt)]


def said_in(fields: dict[str, Any]) -> str:
    """Both places that a version of the prompt writes into."""
    return f"{fields['messages'][0]['content']}|{fields['messages'][1]['content']}"


def version(number: int) -> PromptSpec:
    texts = {"system": f"v{number} {{{{language}}}}", "user": f"v{number}: {{{{input}}}}"}
    messages = [{"role": role, "content": text} for role, text in texts.items()]
    return PromptSpec.model_validate({"chat": messages})


async def asked(router: RouterProcess, seen: list[str], stop: asyncio.Event) -> None:
    """One caller after the other, until `stop`; the versions that the answers name."""
    async with httpx2.AsyncClient(base_url=router.base_url, trust_env=False) as caller:
        while not stop.is_set():
            response = await caller.post("/chat/completions", json=chat("Hi"))
            assert response.status_code == 200, response.text
            seen.append(response.headers["x-tiermesh-prompt"])


async def until(seen: list[str], last: str) -> None:
    async with asyncio.timeout(30):
        while not seen or seen[-1] != last:
            await asyncio.sleep(0.01)


async def test_a_moved_alias_reaches_the_callers_and_no_answer_mixes_two_versions(
    tmp_path: Path, empty_registry: Path
) -> None:
    home = tmp_path / "home"
    copied(empty_registry, home)
    async with StubUpstream() as upstream:
        upstream.default = answer("ok")
        with control_plane(home) as url, RegistryClient(url) as client:
            for number in (1, 2):
                await asyncio.to_thread(client.push_prompt, "support", version(number), "alice")
            await asyncio.to_thread(client.move_alias, "support", "live", 1, "alice")
            await asyncio.to_thread(client.apply, prompted(upstream, alias="live"), "alice")
            with RouterProcess(tmp_path, [], CONFIG="", CONTROL_PLANE_URL=url) as router:
                seen: list[str] = []
                stop = asyncio.Event()
                callers = [asyncio.create_task(asked(router, seen, stop)) for _ in range(2)]
                for number in (1, 2, 1):
                    await asyncio.to_thread(client.move_alias, "support", "live", number, "bob")
                    await until(seen, f"support@{number}")
                stop.set()
                await asyncio.gather(*callers)
    said = Counter(said_in(request.fields) for request in upstream.requests)
    assert set(said) == {"v1 German|v1: Hi", "v2 German|v2: Hi"}
    assert said["v2 German|v2: Hi"] == seen.count("support@2")


async def test_with_mlflow_away_the_mesh_starts_compiles_and_serves(tmp_path: Path, empty_registry: Path) -> None:
    home = tmp_path / "home"
    copied(empty_registry, home)
    async with StubUpstream() as upstream:
        upstream.default = answer("ok")
        with control_plane(home) as url, RegistryClient(url) as client:
            await asyncio.to_thread(client.push_prompt, "support", version(1), "alice")
            await asyncio.to_thread(client.apply, prompted(upstream, version=1), "alice")
        dark = control_plane(home, MLFLOW_URL="http://127.0.0.1:1", FOLLOW_SECONDS="0.1")
        with dark as url, RegistryClient(url) as client:
            changed = prompted(upstream, version=1, variables={"language": "Czech"})
            assert (await asyncio.to_thread(client.apply, changed, "alice")).published
            with pytest.raises(TiermeshError, match="MLflow at http://127.0.0.1:1 does not answer") as caught:
                await asyncio.to_thread(client.prompts)
            assert caught.value.code is Code.UNAVAILABLE
            with RouterProcess(tmp_path, [], CONFIG="", CONTROL_PLANE_URL=url) as router:
                async with httpx2.AsyncClient(base_url=router.base_url, trust_env=False) as caller:
                    response = await caller.post("/chat/completions", json=chat("Hi"))
        assert response.headers["x-tiermesh-prompt"] == "support@1"
        assert said_in((await upstream.received()).fields) == "v1 Czech|v1: Hi"
