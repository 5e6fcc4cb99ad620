"""The admin port: probes, metrics, and why a request would go where it goes."""

import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx2
import pytest

from routers import pipeline
from routers.admin import Admin
from routers.cache.semantic import SemanticCache
from routers.caches import Caches
from routers.evidence import Evidence
from routers.limits import ServerLimits
from routers.server import HttpServer
from tests.unit.routers.mesh import Mesh, mesh
from tests.unit.routers.samples import EASY, HARD, chat, snapshot


@contextlib.asynccontextmanager
async def admin(
    open_cache: Callable[[], SemanticCache] | None = None, **spec: Any
) -> AsyncIterator[tuple[Mesh, httpx2.AsyncClient]]:
    """A router, and a client of its admin port."""
    async with mesh(open_cache, **spec) as whole:
        evidence = Evidence(whole.journal, whole.ledger.flush, 2)
        for number in (1, 2, 3):
            evidence.follow(snapshot(whole.documents(**spec), number))
        caches = None if whole.crossroads is None else Caches(whole.cache, whole.crossroads)
        site = Admin(whole.router, whole.ledger.exposition, lambda: whole.server.draining, evidence, caches=caches)
        server = HttpServer(site, site.refuse, ServerLimits())
        port = await server.start("127.0.0.1", 0)
        try:
            url = f"http://127.0.0.1:{port}"
            async with httpx2.AsyncClient(base_url=url, trust_env=False, verify=False) as http:
                yield whole, http
        finally:
            await server.stop(0)


async def test_a_router_is_alive_from_its_start_and_ready_from_its_first_snapshot() -> None:
    async with admin() as (whole, http):
        assert (await http.get("/readyz")).status_code == 200
        whole.router.runtime = None
        response = await http.get("/readyz")
        assert (response.status_code, "no snapshot yet" in response.text) == (503, True)
        assert (await http.get("/livez")).status_code == 200


async def test_a_router_is_ready_where_nothing_is_published_yet() -> None:
    async with mesh() as whole:
        whole.router.runtime = None
        site = Admin(whole.router, whole.ledger.exposition, lambda: False, nothing_published=lambda: True)
        server = HttpServer(site, site.refuse, ServerLimits())
        port = await server.start("127.0.0.1", 0)
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, verify=False) as http:
            assert (await http.get("/readyz")).text == "ok\n"
        await server.stop(0)


async def test_a_router_that_drains_is_alive_and_not_ready() -> None:
    async with admin() as (whole, http):
        await whole.server.stop(0)
        response = await http.get("/readyz")
        assert (response.status_code, "draining" in response.text) == (503, True)
        assert (await http.get("/livez")).status_code == 200


async def test_metrics_are_in_the_text_format() -> None:
    async with admin() as (whole, http):
        await whole.chat()
        response = await http.get("/metrics")
        assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
        assert 'tiermesh_router_request_seconds_count{cache="miss",route="shop",tier="light"} 1.0' in response.text


async def test_an_explanation_names_everything_and_calls_no_model() -> None:
    async with admin() as (whole, http):
        explained = (await http.post("/explain", json=chat(EASY))).json()
        assert explained["route"] == "shop"
        assert (explained["snapshot"], explained["arm"], explained["tier"]) == (1, "default", "light")
        assert explained["candidates"] == ["light", "heavy"]
        assert (explained["cache"], explained["threshold"]) == ("miss", 0.7)
        assert 0 < explained["score"] < 0.7
        assert set(explained["features"]) == {"length"}
        assert [reason["code"] for reason in explained["reasons"]] == ["route", "below-threshold"]
        assert whole.light.requests + whole.heavy.requests == []
        assert whole.logged() == []


@pytest.mark.parametrize("text", [EASY, HARD])
async def test_an_explanation_gives_the_reasons_that_the_answer_gives(text: str) -> None:
    async with admin() as (whole, http):
        explained = (await http.post("/explain", json=chat(text))).json()
        answered = (await whole.chat(text)).headers
        assert answered["x-tiermesh-reasons"] == ",".join(reason["code"] for reason in explained["reasons"])
        assert answered["x-tiermesh-score"] == f"{explained['score']:.3f}"
        for name in ("route", "revision", "arm", "tier", "cache"):
            assert answered[f"x-tiermesh-{name}"] == explained[name]


async def test_an_explanation_says_what_the_cache_would() -> None:
    async with admin() as (whole, http):
        await whole.chat()
        assert (await http.post("/explain", json=chat())).json()["cache"] == "hit-exact"
        fresh = await http.post("/explain", json=chat(), headers={"cache-control": "no-cache"})
        assert fresh.json()["cache"] == "bypass"


@pytest.mark.parametrize(
    ("body", "reason"),
    [({"model": "shop", "input": "a"}, "embeddings"), ({"model": "shop", "prompt": "Once"}, "below-threshold")],
)
async def test_completions_and_embeddings_are_explained_too(body: dict[str, Any], reason: str) -> None:
    async with admin() as (_, http):
        assert (await http.post("/explain", json=body)).json()["reasons"][-1]["code"] == reason


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "invalid_json"),
        (b'{"model": "none", "messages": [{"role": "user"}]}', 404, "model_not_found"),
        (b'{"model": "shop"}', 400, "invalid_request"),
    ],
)
async def test_a_request_that_would_be_refused_is_refused_alike(body: bytes, status: int, code: str) -> None:
    async with admin() as (_, http):
        response = await http.post("/explain", content=body)
        assert (response.status_code, response.json()["error"]["code"]) == (status, code)


@pytest.mark.parametrize(("method", "path"), [("GET", "/explain"), ("GET", "/"), ("POST", "/v1/chat/completions")])
async def test_there_is_nothing_else_on_the_admin_port(method: str, path: str) -> None:
    async with admin() as (_, http):
        assert (await http.request(method, path)).json()["error"]["code"] == "not_found"


async def test_a_bug_is_an_answer_here_too(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a bug")

    async with admin() as (_, http):
        monkeypatch.setattr(pipeline, "match", broken)
        monkeypatch.setattr("routers.handler.decide", broken)
        response = await http.post("/explain", json=chat())
        assert (response.status_code, response.json()["error"]["code"]) == (500, "internal")
        assert "should not" in caplog.text


async def test_an_answer_is_told_of_as_soon_as_it_was_given() -> None:
    async with admin() as (whole, http):
        for code in (200, 200):
            assert (await whole.chat(headers={"x-request-id": "order-7"})).status_code == code
        found = (await http.get("/decisions/order-7")).json()["items"]
        assert [record["cache"] for record in found] == ["hit-exact", "miss"]
        assert [record["choice"] is None for record in found] == [True, False]
        unknown = await http.get("/decisions/order-8")
        assert (unknown.status_code, "remembers no answer" in unknown.text) == (404, True)


async def test_the_last_snapshots_are_shown_by_number() -> None:
    async with admin() as (_, http):
        assert (await http.get("/snapshots/2")).json()["number"] == 2
        assert (await http.get("/snapshots/latest")).json()["number"] == 3
        for number in ("1", "x", "9" * 5000):
            answer = await http.get(f"/snapshots/{number}")
            assert (answer.status_code, "It has 2, 3." in answer.text) == (404, True)


async def test_a_recorded_decision_is_worked_out_again() -> None:
    async with admin() as (whole, http):
        await whole.chat(HARD, headers={"x-request-id": "order-7"})
        (record,) = (await http.get("/decisions/order-7")).json()["items"]
        body = {"record": record, "snapshot": (await http.get("/snapshots/2")).json()}
        answer = (await http.post("/replay", json=body)).json()
        assert (answer["same"], answer["differences"]) == (True, [])
        assert answer["decision"]["candidates"] == ["heavy"]
        refused = await http.post("/replay", json={"record": record})
        assert (refused.status_code, refused.json()["error"]["param"]) == (400, "snapshot")


async def test_a_scrape_that_fails_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> Iterator[str]:
        yield "# HELP"
        raise ValueError("a bug")

    async with admin() as (whole, http):
        monkeypatch.setattr(whole.metrics, "exposition", broken)
        response = await http.get("/metrics")
        assert (response.status_code, response.json()["error"]["code"]) == (500, "internal")
