"""Outcomes from end to end: a caller's request and what she reports of it, through router and control plane."""

import asyncio
import contextlib
import re
from pathlib import Path
from typing import Any

import httpx2
import orjson
import pytest

from control_plane.client.http import Client
from control_plane.outcomes import reading
from control_plane.settings import ControlPlaneSettings
from control_plane.spec.documents import Document, parse
from control_plane.spec.metrics import Metric
from control_plane.stats.period import Period
from control_plane.store.database import Database
from tests.control_plane_server import running as control_plane
from tests.stub_upstream import StubUpstream
from tests.unit.routers.raw import connected
from tests.unit.routers.samples import chat, model, route
from tests.unit.routers.test_app import running as router
from tests.unit.routers.test_app import until_ready

DOCS = Path(__file__).parents[2] / "docs" / "outcomes.md"
_EXPERIMENT = {
    "apiVersion": "tiermesh.dev/v1alpha1",
    "kind": "Experiment",
    "metadata": {"name": "greeting"},
    "spec": {
        "route": "shop",
        "arms": [{"name": "control"}, {"name": "candidate", "override": {"sampling": {"temperature": 0}}}],
        "forced": {"candidate": ["tester"]},
        "state": "running",
    },
}


def _metric(name: str, **more: Any) -> Metric:
    return Metric.model_validate({"name": name, "kind": "mean", "of": "outcome", "goal": "increase", **more})


METRICS = {name: _metric(name, outcome=name) for name in ("order_value", "resolved")}
METRICS["requests"] = _metric("requests", of="requests")


def totals(home: Path) -> dict[str, float]:
    """Units, and the sums of all metrics over all arms."""
    database = Database(f"sqlite:///{home / 'control-plane.db'}")
    with contextlib.closing(database), database.read() as transaction:
        periods = reading.read(transaction, "Experiment/greeting", METRICS)
    return {"units": sum(sum(period.units.values()) for period in periods)} | {
        name: sum(_sum(period, name) for period in periods) for name in METRICS
    }


def _sum(period: Period, name: str) -> float:
    return sum(float(period.sample(arm, name).moments.y) for arm in period.units)


def examples() -> list[dict[str, Any]]:
    """The bodies that the page shows."""
    text = DOCS.read_text(encoding="utf-8")
    bodies = [*re.findall(r"^    -d '(.*)'$", text, re.MULTILINE), *re.findall(r"```json\n(.*?)```", text, re.DOTALL)]
    return [orjson.loads(body.replace("5f2c…", "chat-77")) for body in bodies]


async def test_what_callers_report_is_counted_for_the_arms_of_their_requests(tmp_path: Path) -> None:
    home = tmp_path / "plane"
    settings = ControlPlaneSettings.load(home=home, port=0, admin_port=0)
    async with StubUpstream() as stub:
        with control_plane(settings) as addresses, Client(addresses.api) as client:
            documents: list[Document] = [model("light", url=stub.url), route(heavy=[]), parse(_EXPERIMENT)]
            await asyncio.to_thread(client.apply, documents, "alice")
            given = {"control_plane_url": addresses.api, "access_log": False}
            async with router(tmp_path / "router", **given) as running, connected(running.port) as caller:
                await until_ready(running)
                for unit, request in (("ann", "chat-77"), ("bob", "chat-78"), ("tester", "chat-79")):
                    caller.post(orjson.dumps(chat()), "/v1/chat/completions", *_said(unit, request))
                    assert "greeting=" in (await caller.answer()).headers["x-tiermesh-arm"]
                for body in (*examples(), *examples()):  # as who did not hear the answer sends them again
                    caller.post(orjson.dumps(body), "/v1/feedback")
                    answer = await caller.answer()
                    assert (answer.status, orjson.loads(answer.body)) == (202, {"taken": len(body.get("items", "1"))})
                caller.post(b'{"name": "click"}', "/v1/feedback")
                answer = await caller.answer()
                assert (answer.status, b"exactly one of requestId and unit" in answer.body) == (400, True)
            expected = {"units": 2.0, "requests": 2.0, "resolved": 1.0, "order_value": pytest.approx(49.9)}
            found = totals(home)
            assert {name: found[name] for name in expected} == expected
            # Ann had ordered before her first request, which is now: that is what was known of her.
            report = {"unit": "ann", "name": "order_value", "value": 0.1}
            async with httpx2.AsyncClient(base_url=addresses.api, trust_env=False, verify=False) as api:
                answered = await api.post("/v1/feedback", json=report)
                assert (answered.status_code, answered.json()) == (202, {"taken": 1})
                kept = (await api.get("/v1/events")).json()["items"]
                sources = (await api.get("/v1/events/sources")).json()["items"]
            assert totals(home)["order_value"] == pytest.approx(50)
            assert sum(len(batch["events"]) for batch in kept) == sources[0]["taken"] + 1 == 10
            assert (sources[0]["router"], sources[0]["lost"]) == ("r1", 0)


def _said(unit: str, request: str) -> list[str]:
    return [f"x-tiermesh-unit: {unit}", f"x-request-id: {request}"]
