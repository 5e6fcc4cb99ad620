"""A Route with a learned router as callers and operators see it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import orjson
import pytest

from control_plane.spec.compile import compile
from control_plane.spec.decisions import DecisionRecord
from control_plane.spec.events import Exploration
from control_plane.spec.models import Tier
from control_plane.spec.prompts import Pins
from control_plane.spec.routes import Complexity, promise_of
from routers.admin import explanation
from routers.http import Request
from routers.replay import Question, replay
from routers.runtime import Runtime
from routers.shelf import Shelf
from routers.watching import TrafficLog
from tests.learned import NAME, complexity, pins, saved
from tests.unit.routers.mesh import Mesh, cache_of, mesh
from tests.unit.routers.samples import EASY, chat, snapshot

PLAN = "Compare three plans for moving a warehouse to another country, with costs, risks and dates."


def in_force(whole: Mesh, folder: Path, broken: bool = False, number: int = 1, **contract: Any) -> None:
    """The Route with a learned router, as the watcher puts it in force."""
    said = complexity(**contract)
    promise = promise_of("shop", Complexity.model_validate(said))
    known = Pins({}, routers=pins(), broken=frozenset([promise] if broken and promise else []))
    ready = Runtime.build(snapshot(compile(whole.documents(complexity=said), pins=known), number), shelf=Shelf(folder))
    whole.serving.guards.follow(ready)
    whole.router.runtime = ready


@asynccontextmanager
async def learned(folder: Path, traffic: TrafficLog | None = None, **contract: Any) -> AsyncIterator[Mesh]:
    saved(folder)
    async with mesh(traffic=traffic) as whole:
        in_force(whole, folder, **contract)
        yield whole


async def test_callers_are_told_the_tier_and_why(tmp_path: Path) -> None:
    async with learned(tmp_path, exploration=0) as whole:
        easy, hard = await whole.chat(EASY), await whole.chat(PLAN)
        logged = whole.logged()[0]
    assert [one.headers["x-tiermesh-tier"] for one in (easy, hard)] == ["light", "heavy"]
    assert easy.headers["x-tiermesh-reasons"] == "route,below-threshold"
    assert easy.headers["x-tiermesh-score"] == "0.450"
    assert logged["reasons"][1].startswith("below-threshold: gain -0.101 < 0.05")


async def test_what_explores_is_drawn_evenly_and_not_kept(tmp_path: Path) -> None:
    async with learned(tmp_path, exploration=0.5) as whole:
        answers = [await whole.chat(f"{EASY} {number}") for number in range(200)]
        explored = [one for one in answers if one.headers["x-tiermesh-reasons"].endswith("explores")]
        heavy = [one for one in explored if one.headers["x-tiermesh-tier"] == "heavy"]
        kept = len(whole.cache)
    # Each bound is wrong once in a million runs.
    assert 65 <= len(explored) <= 135
    assert 20 <= len(heavy) <= 80
    assert kept == 200 - len(explored)
    assert all(one.headers["x-tiermesh-tier"] == "light" for one in answers if one not in explored)


async def test_the_record_of_a_decision_holds_the_estimate_and_is_worked_out_again(tmp_path: Path) -> None:
    async with learned(tmp_path, exploration=0.4) as whole:
        for number in range(30):
            answer = await whole.chat(f"{EASY} {number}")
            whole.ledger.flush()
            (line,) = whole.journal.find(answer.headers["x-request-id"])
            record = DecisionRecord.model_validate_json(line)
            assert record.choice is not None
            assert record.choice.learned is not None
            assert record.choice.learned.artifact == NAME
            assert record.choice.learned.propensity == pytest.approx(0.8 if record.tier is Tier.LIGHT else 0.2)
            assert whole.router.runtime is not None
            asked = {"record": orjson.loads(line), "snapshot": whole.router.runtime.snapshot.model_dump(mode="json")}
            assert replay(Question.model_validate(asked)).differences == ()


async def test_a_broken_contract_moves_the_route_to_the_heavy_tier_and_says_so(tmp_path: Path) -> None:
    async with learned(tmp_path, exploration=0) as whole:
        before = await whole.chat(EASY)
        in_force(whole, tmp_path, broken=True, number=2, exploration=0)
        after = await whole.chat(EASY)
    assert [one.headers["x-tiermesh-tier"] for one in (before, after)] == ["light", "heavy"]
    assert after.headers["x-tiermesh-reasons"] == "route,contract-broken"
    assert cache_of(after) == "miss"


async def test_explain_shows_estimate_threshold_and_contract_and_never_explores(tmp_path: Path) -> None:
    async with learned(tmp_path, exploration=0.5) as whole:
        request = Request(b"POST", "/explain", {}, orjson.dumps(chat(EASY)))
        shown = [explanation(await whole.router.explain(request)) for _ in range(20)]
        in_force(whole, tmp_path, broken=True, number=2)
        broken = explanation(await whole.router.explain(request))
    assert {one["tier"] for one in shown} == {"light"}
    assert shown[0]["router"] == NAME
    assert shown[0]["gain"] == pytest.approx(-0.1, abs=0.01)
    assert shown[0]["threshold"] == 0.05
    assert shown[0]["contract"] == "at most 0.02 lost, 95% sure"
    assert broken["contract"] == "at most 0.02 lost, 95% sure; broken"


def explores(answer: httpx2.Response) -> bool:
    return str(answer.headers["x-tiermesh-reasons"]).endswith("explores")


async def test_whoever_watches_the_contract_hears_of_what_explores_and_of_nothing_else(tmp_path: Path) -> None:
    async with learned(tmp_path, exploration=0.5) as whole:
        answers = [await whole.chat(f"{text} {number}") for number in range(20) for text in (EASY, PLAN)]
        await whole.chat(EASY, tools=[{"type": "function", "function": {"name": "f"}}])
        events = [Exploration.model_validate_json(line) for line in whole.explored]
    explored = [one for one in answers if explores(one)]
    assert [event.id for event in events] == [one.headers["x-request-id"] for one in explored]
    assert [event.tier for event in events] == [one.headers["x-tiermesh-tier"] for one in explored]
    sent = [orjson.loads(one.request.content)["messages"][0]["content"] for one in explored]
    assert [event.below for event in events] == [text.startswith(EASY) for text in sent]
    terms = {(event.promise, event.max_quality_loss, event.confidence, event.outcome) for event in events}
    assert terms == {(promise_of("shop", Complexity.model_validate(complexity())), 0.02, 0.95, "quality")}


@pytest.mark.parametrize("content", [True, False])
async def test_the_traffic_log_has_a_line_a_request_and_what_was_said_only_where_that_is_switched_on(
    tmp_path: Path, content: bool
) -> None:
    log = TrafficLog(tmp_path / "traffic.jsonl", content)
    async with learned(tmp_path, log, exploration=0.2) as whole:
        answers = [await whole.chat(f"{EASY} {number}") for number in range(30)]
    log.flush()
    lines = [orjson.loads(line) for line in whole_text(tmp_path / "traffic.jsonl").splitlines()]
    assert [line["requestId"] for line in lines] == [one.headers["x-request-id"] for one in answers]
    assert [line["tier"] for line in lines] == [one.headers["x-tiermesh-tier"] for one in answers]
    assert {(line["tier"], round(line["propensity"], 9)) for line in lines} <= {("light", 0.9), ("heavy", 0.1)}
    said = [line.get("prompt") for line in lines]
    assert said == [[f"{EASY} {number}"] if content else None for number in range(30)]


def whole_text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


async def test_a_log_that_cannot_be_written_costs_no_answer(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    log = TrafficLog(tmp_path / "none" / "traffic.jsonl", False)
    async with learned(tmp_path, log) as whole:
        assert (await whole.chat(EASY)).status_code == 200
    log.flush()
    assert "The traffic log cannot be written." in caplog.text
