"""Judges in a whole router: marks arrive for the arm that answered, and callers never notice."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx2
import orjson
import pytest

from control_plane.spec.compile import compile
from control_plane.spec.documents import Document, parse
from control_plane.spec.events import Mark, unit_hash
from control_plane.spec.metrics import Metric
from control_plane.spec.prompts import Pins
from routers.bench import MOST_AT_ONCE, MOST_WAITING, Bench
from routers.judging import Judging
from routers.pipeline import match
from routers.reading import Reader
from routers.runtime import Builder, Runtime
from routers.slices import at_once
from tests.stub_upstream import Behaviour, Held, StubUpstream, answer, completion, error, held, raw, stream
from tests.unit.control_plane.samples import experiment
from tests.unit.routers.mesh import Mesh, mesh, said
from tests.unit.routers.samples import call, chat, model, pinned, snapshot, snapshot_body
from tests.unit.routers.tenants import authorized, tenant

ARMS = [
    {"name": "control"},
    {
        "name": "candidate",
        "override": {"complexity": {"threshold": 0}, "prompt": {"name": "support", "version": 3}},
    },
]
PRICE = {"inputUsdPerMillionTokens": 1_000_000}
PINS = Pins({"support/3": pinned(template="Be brief.")})


def judged(**judge: Any) -> dict[str, Any]:
    """A metric of all answers, but for what is said otherwise."""
    said = {"model": "jury", "percent": 100, **judge}
    return {"name": "quality", "kind": "mean", "of": "judge", "goal": "increase", "judge": said}


@asynccontextmanager
async def courtroom(*more: Document, **judge: Any) -> AsyncIterator[tuple[Mesh, StubUpstream]]:
    """A mesh whose Experiment is judged; the tester is forced into its candidate."""
    async with mesh() as whole, StubUpstream(answer('{"mark": 0.75}')) as jury:
        trial = experiment(arms=ARMS, metrics=[judged(**judge)], forced={"candidate": ["tester"]})
        documents = [*whole.documents(), model("jury", "heavy", jury.url, price=PRICE), parse(trial), *more]
        runtime = Runtime.build(snapshot(compile(documents, pins=PINS), 2))
        whole.serving.guards.follow(runtime)
        whole.router.runtime = runtime
        whole.light.default, whole.heavy.default = answer("from light"), answer("from heavy")
        yield whole, jury


async def ask(whole: Mesh, unit: str = "ann", text: str = "Where is it?", **fields: Any) -> httpx2.Response:
    response = await whole.chat(text, {"x-tiermesh-unit": unit, "x-request-id": f"r-{unit}"}, **fields)
    assert response.status_code == 200
    return response


def counted(whole: Mesh, outcome: str) -> int:
    """Of both arms."""
    lines = "".join(whole.metrics.exposition()).splitlines()
    counts = [line for line in lines if line.startswith("tiermesh_router_judged_total{") and f'"{outcome}"' in line]
    return sum(int(float(line.split(" ")[-1])) for line in counts)


async def until_counted(whole: Mesh, outcome: str, count: int = 1) -> None:
    while counted(whole, outcome) < count:
        await asyncio.sleep(0)


def marks(whole: Mesh) -> list[Mark]:
    return [Mark.model_validate_json(line) for line in whole.marks]


def read_by(jury: StubUpstream, number: int = 0) -> str:
    """What the judge was given to read."""
    return str(jury.requests[number].fields["messages"][1]["content"])


@pytest.mark.parametrize("streams", [False, True])
async def test_each_answer_is_marked_for_the_unit_that_it_was_for_and_the_judge_reads_no_arm(streams: bool) -> None:
    async with courtroom() as (whole, jury):
        whole.light.default = stream("from ", "light") if streams else answer("from light")
        whole.heavy.default = stream("from ", "heavy") if streams else answer("from heavy")
        arms = {}
        for number in range(8):
            response = await ask(whole, f"u{number}", stream=streams)
            arms[f"u{number}"] = response.headers["x-tiermesh-arm"]
        await until_counted(whole, "marked", 8)
        assert set(arms.values()) == {"wording=control", "wording=candidate"}
        assert {(one.request_id, one.unit, one.value) for one in marks(whole)} == {
            (f"r-{unit}", unit_hash(unit), 0.75) for unit in arms
        }
        assert {one.name for one in marks(whole)} == {Metric.model_validate(judged()).marks}
        assert len({one.id for one in marks(whole)}) == 8
        texts = [read_by(jury, number) for number in range(8)]
        assert all("user: Where is it?\n" in text for text in texts)
        tiers = [sum(f"\nfrom {tier}\n" in text for text in texts) for tier in ("light", "heavy")]
        assert tiers == [list(arms.values()).count(f"wording={arm}") for arm in ("control", "candidate")]
        assert not any("Be brief." in text or "candidate" in text for text in texts)


async def test_answers_in_other_dialects_and_completions_are_judged_as_well() -> None:
    async with courtroom() as (whole, jury):
        headers = {"x-tiermesh-unit": "ann"}
        body = {**chat("Where?"), "max_tokens": 9}
        assert (await whole.http.post("/v1/messages", json=body, headers=headers)).status_code == 200
        assert (await whole.http.post("/v1/messages", json={**body, "stream": True}, headers=headers)).is_success
        text = {"choices": [{"index": 0, "text": "and lived"}, {"index": 1, "text": "and died"}]}
        whole.light.default = whole.heavy.default = answer(text)
        body = {"model": "shop", "prompt": "They married"}
        assert (await whole.http.post("/v1/completions", json=body, headers=headers)).is_success
        await until_counted(whole, "marked", 3)
        (completed,) = (one for one in (read_by(jury, number) for number in range(3)) if "They married" in one)
        assert "and lived" in completed and "and died" not in completed


async def test_answers_from_a_cache_and_shared_ones_are_judged_for_each_caller() -> None:
    async with courtroom() as (whole, _jury):
        slow = held(answer("from light"))
        whole.light.script(slow)
        whole.heavy.script(slow)
        waiting = [asyncio.create_task(ask(whole, unit)) for unit in ("ann", "ann", "ann")]
        while sum(not connection.idle for connection in whole.server.connections) < 3:
            await asyncio.sleep(0)
        slow.go.set()
        found = {response.headers["x-tiermesh-cache"] for response in await asyncio.gather(*waiting)}
        found.add((await ask(whole, "ann")).headers["x-tiermesh-cache"])
        assert found == {"miss", "coalesced", "hit-exact"}
        await until_counted(whole, "marked", 4)


async def test_testers_requests_without_an_arm_and_what_is_no_text_are_not_judged() -> None:
    async with courtroom() as (whole, jury):
        await ask(whole, "tester")
        await whole.chat()
        body = {"model": "shop", "input": "hi"}
        assert (await whole.http.post("/v1/embeddings", json=body, headers={"x-tiermesh-unit": "ann"})).is_success
        await ask(whole, "ann")
        await until_counted(whole, "marked")
        assert [one.request_id for one in marks(whole)] == ["r-ann"]
        assert len(jury.requests) == 1


@pytest.mark.parametrize(("percent", "judged"), [(0, 0), (10, 20), (100, 200)])
async def test_so_many_answers_are_overheard_and_no_others(percent: float, judged: int) -> None:
    async with courtroom(percent=percent) as (whole, _jury):
        assert whole.router.runtime is not None
        judging = Judging(whole.marks.add, whole.metrics, Bench(whole.metrics))
        calls = [replace(call(), request_id=f"request-{number}") for number in range(200)]
        matched = match(calls[0], whole.router.runtime, {b"x-tiermesh-unit": b"ann"})
        overheard = sum(judging.overhear(each, each, matched) is not each for each in calls)
        assert overheard == pytest.approx(judged, abs=17 if 0 < percent < 100 else 0)
        judging.close()


@pytest.mark.parametrize(
    ("behaviour", "outcome"),
    [
        (error(500), "failed"),
        (error(429), "failed"),
        (raw(b""), "failed"),
        (raw(b"HTTP/1.1 200 OK\r\n\r\nnonsense"), "failed"),
        (answer("x" * 300_000), "failed"),
        (answer('{"mark": 2}'), "unclear"),
        (answer("The answer deserves a 1."), "unclear"),
        (answer({"choices": [{"message": {"content": 7}}]}), "failed"),
    ],
)
async def test_a_judge_that_fails_or_lies_is_counted_and_nothing_else(behaviour: Behaviour, outcome: str) -> None:
    async with courtroom() as (whole, jury):
        jury.default = behaviour
        assert said(await ask(whole)) in ("from light", "from heavy")
        await until_counted(whole, outcome)
        assert (whole.marks, len(jury.requests)) == ([], 1)
        assert 'tiermesh_router_attempts_total{model="jury"' not in "".join(whole.metrics.exposition())
        assert "jury" not in whole.guard.models


async def test_a_judge_that_is_not_there_is_counted() -> None:
    async with mesh() as whole:
        trial = experiment(arms=ARMS, metrics=[judged()])
        documents = [*whole.documents(), model("jury", "heavy", "http://127.0.0.1:1/v1"), parse(trial)]
        whole.router.runtime = Runtime.build(snapshot(compile(documents, pins=PINS), 2))
        await ask(whole)
        await until_counted(whole, "failed")


async def test_a_slow_judge_delays_nobody_and_has_only_so_many_answers_to_mark() -> None:
    async with courtroom() as (whole, jury):
        slow = jury.default = held(answer('{"mark": 1}'))
        assert isinstance(slow, Held)
        for number in range(MOST_WAITING + 3):
            await ask(whole, f"u{number}", text="the same")
        await jury.received(MOST_AT_ONCE)
        assert (len(jury.requests), counted(whole, "dropped")) == (MOST_AT_ONCE, 3)
        slow.go.set()
        await until_counted(whole, "marked", MOST_WAITING)
        await ask(whole, "late")
        await until_counted(whole, "marked", MOST_WAITING + 1)


async def test_a_judge_that_takes_too_long_is_left() -> None:
    async with courtroom() as (whole, jury):
        jury.default = held()
        assert whole.router.runtime is not None
        judging = Judging(whole.marks.add, whole.metrics, Bench(whole.metrics, seconds=0.05))
        asked = call()
        matched = match(asked, whole.router.runtime, {b"x-tiermesh-unit": b"ann"})
        overheard = judging.overhear(asked, asked, matched)
        overheard.dialect.answer(b"", orjson.dumps(completion("hi")), "shop")
        await (await jury.received()).left.wait()
        await until_counted(whole, "failed")
        judging.close()


async def test_a_router_that_stops_lets_its_judges_go() -> None:
    async with courtroom() as (whole, jury):
        jury.default = held()
        await ask(whole)
        received = await jury.received()
    await received.left.wait()


async def test_only_a_whole_answer_is_judged() -> None:
    async with courtroom() as (whole, jury):
        for stub in (whole.light, whole.heavy):
            stub.default = error(400)
        assert (await whole.chat(headers={"x-tiermesh-unit": "ann"})).status_code == 400
        wait = held()
        for stub in (whole.light, whole.heavy):
            stub.reset(wait)
        task = asyncio.create_task(ask(whole, "ann"))
        await wait.begun.wait()
        task.cancel()
        await asyncio.wait([task])
        assert (jury.requests, counted(whole, "unread")) == ([], 0)


async def test_an_answer_that_cannot_be_read_passes_on_and_is_counted() -> None:
    async with courtroom() as (whole, jury):
        whole.light.default = whole.heavy.default = answer({"choices": 7})
        assert (await ask(whole)).json() == {"choices": 7}
        await until_counted(whole, "unread")
        assert jury.requests == []


async def test_an_answer_in_tool_calls_is_told_as_such_and_an_empty_one_is_judged_too() -> None:
    async with courtroom() as (whole, jury):
        tool = {"id": "c", "type": "function", "function": {"name": "track", "arguments": '{"parcel": 7}'}}
        fields = completion("")
        fields["choices"][0]["message"]["tool_calls"] = [tool]
        whole.light.script(answer(fields), answer(""))
        whole.heavy.script(answer(fields), answer(""))
        for text in ("one", "two"):
            await ask(whole, text=text)
        await until_counted(whole, "marked", 2)
        assert sum('[calls track] {"parcel": 7}' in read_by(jury, number) for number in range(2)) == 1


async def test_what_a_judge_takes_is_counted_apart_and_paid_by_no_tenant() -> None:
    limits = {"quotas": {"tokensPerMinute": 100_000, "usdPerDay": 1}}
    async with courtroom(tenant("acme", **limits)) as (whole, _jury):
        headers = {**authorized("acme"), "x-tiermesh-unit": "ann"}
        first = await whole.chat("hi", headers)
        assert first.status_code == 200, first.text
        await until_counted(whole, "marked")
        text = "".join(whole.metrics.exposition())
        assert 'tiermesh_router_judge_tokens_total{model="jury"} 5.0' in text
        assert 'tiermesh_router_judge_dollars_total{model="jury"} 3.0' in text
        second = await whole.chat("ho", headers)
        left = [int(each.headers["x-ratelimit-remaining-tokens"]) for each in (first, second)]
        assert left[0] - left[1] == 5, "its own prompt's and answer's"
        assert marks(whole)[0].tenant == "acme"


async def test_another_address_of_the_judge_is_asked_from_the_next_snapshot_on() -> None:
    async with courtroom() as (whole, jury), StubUpstream(answer('{"mark": 0}')) as other:
        trial = parse(experiment(arms=ARMS, metrics=[judged()]))
        reader, builder = Reader(), Builder()
        for number, url in enumerate((jury.url, other.url)):
            content = compile([*whole.documents(), model("jury", "heavy", url), trial], pins=PINS)
            found = at_once(reader.read(snapshot_body(snapshot(content, number + 3))))
            whole.router.runtime = at_once(builder.build(found))
        await ask(whole)
        await until_counted(whole, "marked")
        assert (len(jury.requests), len(other.requests), marks(whole)[0].value) == (0, 1, 0)
