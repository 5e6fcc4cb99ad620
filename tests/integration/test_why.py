"""`tiermesh why` with real processes: what was decided, what has changed since, and the same decision once more."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2

from control_plane.client.http import Client
from control_plane.spec.documents import Document, dump
from launcher.readiness import answers, until
from tests.contract.router_process import RouterProcess
from tests.stack import free_ports
from tests.stub_upstream import StubUpstream
from tests.unit.routers.samples import EASY, chat, model, route

NOBODY = "http://127.0.0.1:1"


@asynccontextmanager
async def control_plane(home: Path) -> AsyncIterator[Client]:
    """A control plane process that answers."""
    port, admin = free_ports(2)
    variables = {
        "TIERMESH_HOME": str(home),
        "TIERMESH_CONTROL_PLANE_PORT": str(port),
        "TIERMESH_CONTROL_PLANE_ADMIN_PORT": str(admin),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "control_plane", env=os.environ | variables, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        await until(lambda: answers(f"http://127.0.0.1:{admin}/readyz"), every_seconds=0.05)
        with Client(f"http://127.0.0.1:{port}") as client:
            yield client
    finally:
        process.terminate()
        await process.wait()


def why(*arguments: str) -> str:
    """What the command says; it must succeed."""
    command = [sys.executable, "-c", "from control_plane.cli.main import main; main()", "why", *arguments]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def documents(stub: StubUpstream, threshold: float) -> list[Document]:
    """One Model a tier, both of them `stub`."""
    tiers = [model("light", url=stub.url), model("heavy", "heavy", stub.url)]
    return [*tiers, route(complexity={"threshold": threshold})]


async def ask(router: RouterProcess, request_id: str) -> httpx2.Response:
    """An easy question."""
    async with httpx2.AsyncClient(trust_env=False, verify=False) as http:
        url, headers = f"{router.base_url}/chat/completions", {"x-request-id": request_id}
        return await http.post(url, json=chat(EASY), headers=headers)


def kept_by(client: Client, request_id: str) -> httpx2.Response:
    """What the control plane has of it by now."""
    return httpx2.get(f"{client.url}/v1/decisions/{request_id}", trust_env=False)


async def test_an_old_decision_is_shown_with_what_changed_and_comes_out_the_same(tmp_path: Path) -> None:
    async with StubUpstream() as stub, control_plane(tmp_path) as client:
        await asyncio.to_thread(client.apply, documents(stub, 0.7), "alice", "a first try")
        with RouterProcess(tmp_path, [], CONFIG="", CONTROL_PLANE_URL=client.url) as router:
            addresses = ("--server", client.url, "--router", f"http://127.0.0.1:{router.admin_port}")
            assert (await ask(router, "order-7")).headers["x-tiermesh-tier"] == "light"

            async def kept() -> bool:
                return kept_by(client, "order-7").status_code == 200

            await until(kept, every_seconds=0.1)
            await asyncio.to_thread(client.apply, documents(stub, 0), "bob", "heavy alone")
            await asyncio.to_thread(router.heard, "A snapshot is in force.")
            assert (await ask(router, "order-8")).headers["x-tiermesh-tier"] == "heavy"

            (old,) = json.loads(await asyncio.to_thread(why, "order-7", "-o", "json", *addresses))
            assert old["record"]["choice"]["candidates"] == ["light", "heavy"]
            assert (old["snapshot"]["number"], old["snapshot"]["author"]) == (1, "alice")
            assert (old["latest"]["number"], old["latest"]["reason"]) == (2, "heavy alone")
            assert {"-  threshold: 0.7", "+  threshold: 0.0"} <= set(old["diff"])
            assert old["replay"] == {"same": True, "differences": [], "note": ""}

            # Where it is not sent yet the router itself still knows it, and the control plane the snapshot.
            (new,) = json.loads(await asyncio.to_thread(why, "order-8", "-o", "json", *addresses))
            assert (new["snapshot"]["author"], new["diff"], new["replay"]["same"]) == ("bob", [], True)
            await ask(router, "order-7")

        # The router's last act was to send what was left: the id that was chosen twice stands twice, newest first.
        text = await asyncio.to_thread(why, "order-7", *addresses)
        assert text.index("by bob") < text.index("by alice")
        assert "does not answer" in text  # nobody is there to work it out
        assert EASY not in kept_by(client, "order-7").text


async def test_a_router_that_follows_a_file_tells_of_its_own_answers(tmp_path: Path) -> None:
    async with StubUpstream() as stub:
        with RouterProcess(tmp_path, documents(stub, 0.7)) as router:
            await ask(router, "order-7")
            write(tmp_path / "routes.json", documents(stub, 0))
            await asyncio.to_thread(router.heard, "A snapshot is in force.")
            addresses = ("--server", NOBODY, "--router", f"http://127.0.0.1:{router.admin_port}")
            text = await asyncio.to_thread(why, "order-7", *addresses)
            assert "by file" in text
            assert "+  threshold: 0.0" in text
            assert "Recomputed: same." in text


def write(path: Path, of: Sequence[Document]) -> None:
    """Replace the router's file."""
    path.write_text(json.dumps([dump(document) for document in of]))
