"""A router process, put together from its settings: from its start to its end."""

import asyncio
import contextlib
import json
import logging
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import orjson
import pytest

from control_plane.spec.compile import compile
from control_plane.spec.documents import Document, dump
from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.learned import name_of
from control_plane.spec.prompts import Pins
from control_plane.spec.routes import Complexity, promise_of
from routers.app import App
from routers.settings import RouterSettings
from tests.learned import complexity, pins, saved, text
from tests.stub_upstream import StubUpstream, answer, held
from tests.unit.routers.raw import connected
from tests.unit.routers.samples import chat, model, route, snapshot


class Running:
    """An App on free ports and how to end it."""

    def __init__(self, port: int, admin: httpx2.AsyncClient, stop: asyncio.Event, ended: asyncio.Task[None]) -> None:
        self.port = port
        self.admin = admin
        self.stop = stop
        self.ended = ended

    async def ready(self) -> int:
        """The status of /readyz."""
        return (await self.admin.get("/readyz")).status_code


class Ports(logging.Handler):
    """Hears on which ports the router listens."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: asyncio.Future[dict[str, int]] = asyncio.get_running_loop().create_future()

    def emit(self, record: logging.LogRecord) -> None:
        fields = getattr(record, "fields", {})
        if "admin_port" in fields:
            self.heard.set_result(fields)


@contextlib.asynccontextmanager
async def running(home: Path, **given: Any) -> AsyncIterator[Running]:
    settings = RouterSettings.load(
        home=home, port=0, grpc_port=0, admin_port=0, name="r1", **{"notice_seconds": 0, **given}
    )
    stop, ports, log = asyncio.Event(), Ports(), logging.getLogger("routers.app")
    log.addHandler(ports)
    log.setLevel(logging.INFO)
    ended = asyncio.create_task(App(settings).run(stop))
    try:
        listening = await ports.heard
        url = f"http://127.0.0.1:{listening['admin_port']}"
        async with httpx2.AsyncClient(base_url=url, trust_env=False, verify=False) as admin:
            yield Running(listening["port"], admin, stop, ended)
            stop.set()
            await ended
    finally:
        log.removeHandler(ports)
        ended.cancel()


def write(home: Path, *documents: Document) -> Path:
    """The documents as a router's configuration."""
    config = home / "routes.json"
    config.write_text(json.dumps([dump(document) for document in documents]))
    return config


async def until_ready(router: Running) -> None:
    while await router.ready() != 200:
        await asyncio.sleep(0)


async def test_a_router_serves_a_file_without_a_control_plane(tmp_path: Path) -> None:
    async with StubUpstream() as stub:
        config = write(tmp_path, model("light", url=stub.url), route(heavy=[]))
        async with running(tmp_path, config=config) as router, connected(router.port) as client:
            await until_ready(router)
            client.post(orjson.dumps(chat()), "/v1/chat/completions")
            assert (await client.answer()).status == 200
            metrics = (await router.admin.get("/metrics")).text
            assert "tiermesh_router_connections 1.0" in metrics
            assert "tiermesh_router_cache_entries 1.0" in metrics
            assert "tiermesh_router_snapshot 1.0" in metrics
        assert not (tmp_path / "routers").exists()


async def test_a_router_without_its_control_plane_is_not_ready(tmp_path: Path) -> None:
    async with running(tmp_path, control_plane_url="http://127.0.0.1:1") as router:
        assert await router.ready() == 503


async def test_a_router_without_its_control_plane_serves_its_last_good_snapshot(tmp_path: Path) -> None:
    kept = tmp_path / "routers" / "r1" / "snapshot.json"
    kept.parent.mkdir(parents=True)
    kept.write_text(snapshot(number=7).model_dump_json())
    async with running(tmp_path, control_plane_url="http://127.0.0.1:1") as router:
        assert await router.ready() == 200
        assert "tiermesh_router_snapshot 7.0" in (await router.admin.get("/metrics")).text


async def test_a_router_that_stops_says_so_and_lets_answers_finish(tmp_path: Path) -> None:
    async with StubUpstream() as stub:
        slow = held(answer("last"))
        stub.script(slow)
        config = write(tmp_path, model("light", url=stub.url), route(heavy=[]))
        async with running(tmp_path, config=config) as router, connected(router.port) as client:
            await until_ready(router)
            client.post(orjson.dumps(chat()), "/v1/chat/completions")
            await slow.begun.wait()
            router.stop.set()
            while await router.ready() != 503:
                await asyncio.sleep(0)
            assert not router.ended.done()
            slow.go.set()
            answered = await client.answer()
            assert (answered.status, answered.headers["connection"]) == (200, "close")
            await router.ended


async def test_answers_that_the_end_cuts_off_are_in_the_log(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    async with StubUpstream() as stub:
        slow = held()
        stub.script(slow)
        config = write(tmp_path, model("light", url=stub.url), route(heavy=[]))
        async with running(tmp_path, config=config, grace_seconds=0) as router, connected(router.port) as client:
            await until_ready(router)
            client.post(orjson.dumps(chat()), "/v1/chat/completions")
            await slow.begun.wait()
            router.stop.set()
            await router.ended
        lines = [json.loads(line) for line in capfd.readouterr().err.splitlines() if '"access"' in line]
        assert [line["status"] for line in lines] == [499]


async def test_a_body_over_the_setting_is_refused(tmp_path: Path) -> None:
    config = write(tmp_path, model("light"), route(heavy=[]))
    async with running(tmp_path, config=config, max_body_bytes=1024) as router, connected(router.port) as client:
        client.post(b"x" * 1025, "/v1/chat/completions")
        refused = await client.answer()
        assert (refused.status, orjson.loads(refused.body)["error"]["code"]) == (413, "body_too_large")


async def test_a_port_in_use_ends_the_start_with_its_name(tmp_path: Path) -> None:
    config = write(tmp_path, model("light"), route(heavy=[]))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        settings = RouterSettings.load(
            home=tmp_path, config=config, port=taken.getsockname()[1], grpc_port=0, admin_port=0
        )
        with pytest.raises(TiermeshError, match=f"Port {settings.port} ") as caught:
            await App(settings).run(asyncio.Event())
    assert caught.value.code is Code.SETUP


async def test_a_learned_router_beside_the_documents_embeds_and_decides_and_logs(tmp_path: Path) -> None:
    embedding = text(embedding=(0.0,) * 384)
    saved(tmp_path, embedding)
    log = tmp_path / "traffic.jsonl"
    async with StubUpstream() as stub:
        tiers = [model("light", url=stub.url), model("heavy", "heavy", url=stub.url)]
        config = write(tmp_path, *tiers, route(complexity=complexity(name_of(embedding), exploration=0)))
        given = {"config": config, "traffic_log": log, "traffic_content": True}
        async with running(tmp_path, **given) as router, connected(router.port) as client:
            await until_ready(router)
            client.post(orjson.dumps(chat("Where is it?")), "/v1/chat/completions")
            answered = await client.answer()
            metrics = (await router.admin.get("/metrics")).text
    assert answered.headers["x-tiermesh-reasons"] == "route,below-threshold"
    assert 'tiermesh_router_contract_broken{route="shop"} 0.0' in metrics
    assert json.loads(log.read_bytes())["prompt"] == ["Where is it?"]


async def test_a_router_without_its_control_plane_still_knows_that_a_contract_is_broken(tmp_path: Path) -> None:
    promise = promise_of("shop", Complexity.model_validate(complexity()))
    known = Pins({}, routers=pins(), broken=frozenset([promise] if promise else []))
    content = compile([model("light"), model("heavy", "heavy"), route(complexity=complexity())], pins=known)
    home = tmp_path / "routers" / "r1"
    (home / "learned").mkdir(parents=True)
    saved(home / "learned")
    (home / "snapshot.json").write_text(snapshot(content, number=7).model_dump_json())
    async with running(tmp_path, control_plane_url="http://127.0.0.1:1") as router:
        assert await router.ready() == 200
        assert 'tiermesh_router_contract_broken{route="shop"} 1.0' in (await router.admin.get("/metrics")).text
        explained = (await router.admin.post("/explain", json=chat("Where is it?"))).json()
    assert explained["tier"] == "heavy"
    assert explained["reasons"][-1]["code"] == "contract-broken"
