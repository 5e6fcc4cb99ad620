"""The launcher follows a real control plane: its Model documents become the file of the models' process."""

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from control_plane.client.files import parse_documents
from control_plane.client.http import Client
from control_plane.client.versions import VersionsClient
from control_plane.spec.documents import Model
from control_plane.spec.errors import TiermeshError
from control_plane.spec.versions import Registration
from launcher.following import Following
from launcher.home import Home
from launcher.readiness import answers, until
from tests.registry import copied
from tests.registry import empty_registry as empty_registry
from tests.stack import free_ports
from tests.unit.launcher.samples import elsewhere, faq, model

Ports = tuple[int, int]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    home.prepare()
    return home


@pytest.fixture
def ports() -> Ports:
    api, admin = free_ports(2)
    return api, admin


@asynccontextmanager
async def control_plane(home: Home, ports: Ports) -> AsyncIterator[Client]:
    """A control plane process that answers, killed at the end; its database outlives it."""
    variables = {
        "TIERMESH_HOME": str(home.root),
        "TIERMESH_CONTROL_PLANE_PORT": str(ports[0]),
        "TIERMESH_CONTROL_PLANE_ADMIN_PORT": str(ports[1]),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "control_plane", env=os.environ | variables, stderr=DEVNULL
    )
    try:
        await until(lambda: answers(f"http://127.0.0.1:{ports[1]}/readyz"), every_seconds=0.05)
        with Client(_url(ports)) as client:
            yield client
    finally:
        process.kill()
        await process.wait()


@asynccontextmanager
async def followed(home: Home, ports: Ports, told: list[str]) -> AsyncIterator[Following]:
    following = Following(_url(ports), home, lambda: None, told.append)
    task = asyncio.create_task(following.follow())
    try:
        yield following
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def wait(condition: Callable[[], bool]) -> None:
    async def holds() -> bool:
        return condition()

    await until(holds, every_seconds=0.02)


def written(home: Home) -> list[str]:
    text = home.models.read_text(encoding="utf-8") if home.models.exists() else ""
    return [document.metadata.name for document in parse_documents(text)]


def _url(ports: Ports) -> str:
    return f"http://127.0.0.1:{ports[0]}"


async def test_models_are_handed_over_as_they_come_and_go(home: Home, ports: Ports) -> None:
    async with control_plane(home, ports) as client, followed(home, ports, []) as following:
        await asyncio.to_thread(client.apply, [faq("near"), elsewhere("far")], "tester")
        await wait(lambda: written(home) == ["far", "near"] and following.names == {"near"})
        assert following.snapshot == 1
        await asyncio.to_thread(client.delete, "Model", "near", "tester")
        await wait(lambda: written(home) == ["far"])


async def test_a_change_that_publishes_no_snapshot_is_handed_over_too(home: Home, ports: Ports) -> None:
    async with control_plane(home, ports) as client:
        await asyncio.to_thread(client.apply, [faq("near")], "tester")
        async with followed(home, ports, []):
            await wait(home.models.exists)
            more = faq("near", resources={"memoryGib": 3})
            applied = await asyncio.to_thread(client.apply, [more], "tester")
            assert not applied.published
            await wait(lambda: parse_documents(home.models.read_text(encoding="utf-8")) == [more])


async def test_the_file_stays_while_the_control_plane_is_away_and_is_followed_again(home: Home, ports: Ports) -> None:
    told: list[str] = []
    async with control_plane(home, ports) as client:
        await asyncio.to_thread(client.apply, [faq("near")], "tester")
        await Following(_url(ports), home, lambda: None, told.append).catch_up()
    async with followed(home, ports, told):
        await wait(lambda: bool(told))
        assert written(home) == ["near"]
        async with control_plane(home, ports) as client:
            await asyncio.to_thread(client.apply, [faq("second")], "tester")
            await wait(lambda: written(home) == ["near", "second"])
            away, back = told  # said once, however often it was tried
            assert "does not answer" in away
            assert "again" in back


async def test_a_version_of_the_registry_is_handed_over_as_its_source_and_checksum(
    home: Home, ports: Ports, empty_registry: Path
) -> None:
    copied(empty_registry, home.root)
    document = model("near", engine="vllm", source="models:/support@stable")

    def handed_over() -> list[tuple[str | None, str | None, str]]:
        text = home.models.read_text(encoding="utf-8") if home.models.exists() else ""
        models = [one for one in parse_documents(text) if isinstance(one, Model)]
        return [(one.spec.source, one.spec.sha256, one.spec.version) for one in models]

    def prepare() -> None:
        with VersionsClient(_url(ports)) as versions:
            for number in (1, 2):
                said = {"source": f"https://x.test/{number}.tar", "sha256": f"{number:064x}"}
                versions.register("support", Registration.model_validate(said), "tester")
            versions.promote("support", 1, "stable", "tester")
            versions.apply([document], "tester")

    def promote() -> None:
        with VersionsClient(_url(ports)) as versions:
            versions.promote("support", 2, "stable", "tester")

    async with control_plane(home, ports), followed(home, ports, []):
        await asyncio.to_thread(prepare)
        await wait(lambda: handed_over() == [("https://x.test/1.tar", f"{1:064x}", "1")])
        await asyncio.to_thread(promote)
        await wait(lambda: handed_over() == [("https://x.test/2.tar", f"{2:064x}", "2")])


async def test_a_control_plane_that_does_not_answer_at_the_start_is_an_error(home: Home, ports: Ports) -> None:
    with pytest.raises(TiermeshError, match="does not answer"):
        await Following(_url(ports), home, lambda: None, lambda text: None).catch_up()
