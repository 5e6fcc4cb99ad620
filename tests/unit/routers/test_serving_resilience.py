"""A router whose Models are slow, failing, full or away: what callers see of it, and what they do not."""

import asyncio
from typing import Any

import httpx2
import orjson
import pytest

from control_plane.spec.documents import Document
from routers.pipeline import match
from routers.resilience.ladder import Ranks
from tests.stub_upstream import DONE, Held, Steps, StubUpstream, abstain, answer, chunk, error, event, held, stream
from tests.unit.routers.mesh import Mesh, cache_of, code_of, mesh, said
from tests.unit.routers.raw import Heard
from tests.unit.routers.samples import EASY, HARD, call, chat, model, route

Asking = asyncio.Task[httpx2.Response]
ROLE = b'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}\n\n'
ERROR = b'data: {"error":{"message":"out of memory","type":"server_error"}}\n\n'
MALFORMED = b"data: {not json}\n\n"
CUT = None
STOPPED = chunk(b"")


DECIDED = {"route", "below-threshold", "at-threshold", "only-tier", "cache-off"}
OFF = {"exact": {"enabled": False}}


def reasons(response: httpx2.Response) -> list[str]:
    """Beside those of every decision."""
    return [code for code in response.headers["x-tiermesh-reasons"].split(",") if code not in DECIDED]


# Until the first content nothing is lost.


@pytest.mark.parametrize(
    ("pieces", "last"),
    [([ROLE], CUT), ([ROLE], STOPPED), ([ROLE, ERROR], STOPPED), ([ERROR], CUT), ([ROLE, MALFORMED], STOPPED)],
    ids=["cut", "stopped", "error after the role", "error", "malformed"],
)
async def test_what_breaks_before_its_first_content_leaves_the_answer_to_the_next_model(
    pieces: list[bytes], last: bytes | None
) -> None:
    async with mesh() as whole:
        broken = Steps(pieces, last)
        broken.go()
        whole.light.script(broken)
        whole.heavy.script(stream("heavy"))
        response = await whole.chat(stream=True)
        assert response.content == event("heavy") + DONE
        assert (response.headers["x-tiermesh-model"], reasons(response)) == ("heavy", ["failed"])


async def test_frames_before_the_first_content_are_held_back_and_then_passed_on_as_they_came() -> None:
    async with mesh() as whole:
        steps = Steps([ROLE[:30], ROLE[30:], event("one")])
        whole.light.script(steps)
        steps.step(2)
        asking = asyncio.create_task(whole.chat(stream=True))
        await steps.begun.wait()
        await asyncio.sleep(0.01)
        steps.go()
        assert (await asking).content == ROLE + event("one") + DONE


@pytest.mark.parametrize(
    "text", [event("one"), b'data: {"choices":[{"index":0,"text":"one","finish_reason":null}]}\n\n']
)
async def test_a_stream_goes_out_from_its_first_content_on(text: bytes) -> None:
    async with mesh() as whole:
        steps = Steps([text, text])
        whole.light.script(steps)
        steps.step()
        path = "/v1/chat/completions" if b"delta" in text else "/v1/completions"
        body = {"model": "shop", "prompt": "hi", "messages": [{"role": "user", "content": "hi"}], "stream": True}
        async with whole.http.stream("POST", path, json=body) as response:
            pieces = response.aiter_raw()
            assert await anext(pieces) == text
            steps.go()


async def test_a_stream_without_any_content_is_an_answer_too() -> None:
    async with mesh() as whole:
        empty = Steps([ROLE])
        empty.go()
        whole.light.script(empty)
        assert (await whole.chat(stream=True)).content == ROLE + DONE
        assert whole.heavy.requests == []


async def test_who_leaves_before_the_first_content_stops_the_model() -> None:
    async with mesh() as whole:
        steps = Steps([ROLE, event("one")])
        whole.light.script(steps)
        steps.step()
        asking = asyncio.create_task(whole.chat(stream=True))
        await steps.begun.wait()
        await asyncio.sleep(0.01)
        asking.cancel()
        await whole.light.requests[0].left.wait()


# A Model that is left alone.


async def test_a_model_that_is_down_is_left_alone_and_callers_notice_nothing() -> None:
    async with mesh(resilience={"breaker": {"consecutiveFailures": 3, "openSeconds": 30}}, cache=OFF) as whole:
        whole.light.default = error(500)
        answers = [await whole.chat() for _ in range(10)]
        assert {response.status_code for response in answers} == {200}
        assert len(whole.light.requests) == 3
        assert [reasons(response) for response in answers[2:4]] == [["failed"], ["breaker-open"]]


@pytest.mark.parametrize(("last", "left_alone"), [(CUT, True), (chunk(DONE) + STOPPED, False)], ids=["cut", "whole"])
async def test_a_stream_that_is_cut_counts_against_its_model(last: bytes | None, left_alone: bool) -> None:
    async with mesh(resilience={"breaker": {"consecutiveFailures": 1, "openSeconds": 30}}, cache=OFF) as whole:
        steps = Steps([event("one")], last)
        steps.go()
        whole.light.script(steps)
        await whole.chat(stream=True)
        assert (reasons(await whole.chat()) == ["breaker-open"]) is left_alone


async def test_where_all_models_are_left_alone_callers_hear_when_to_come_back() -> None:
    policy = {"breaker": {"consecutiveFailures": 1, "openSeconds": 20, "maxOpenSeconds": 20}}
    async with mesh(resilience=policy) as whole:
        whole.light.default = whole.heavy.default = error(500)
        await whole.chat()
        response = await whole.chat("another question")
        assert (response.status_code, code_of(response)) == (503, "unavailable")
        assert response.headers["retry-after"] in ("20", "21")
        assert reasons(response) == ["breaker-open", "breaker-open"]


async def test_what_is_known_of_a_model_survives_a_change_of_snapshot() -> None:
    policy = {"breaker": {"consecutiveFailures": 1, "openSeconds": 30}}
    async with mesh(resilience=policy) as whole:
        whole.light.default = error(500)
        await whole.chat()
        whole.put_in_force(whole.documents(resilience=policy, complexity={"threshold": 0.6}), number=2)
        assert reasons(await whole.chat("another question")) == ["breaker-open"]
        assert len(whole.light.requests) == 1


# Replicas.


def replicas(whole: Mesh, **resilience: Any) -> list[Document]:
    """One Model with both stubs as its endpoints, and no cache."""
    urls = [whole.light.url, whole.heavy.url]
    return [model("light", url=None, urls=urls), route(heavy=[], resilience=resilience, cache=OFF)]


async def test_one_replica_that_fails_is_never_noticed() -> None:
    async with mesh() as whole:
        whole.put_in_force(replicas(whole))
        whole.light.default = error(500)
        for _ in range(20):
            assert (await whole.chat()).status_code == 200
        assert len(whole.light.requests) <= 5


async def test_a_late_replica_is_overtaken_by_the_other_and_hears_that_nobody_waits() -> None:
    hedging = {"minimumSamples": 5, "quantile": 0.9, "maxExtraLoad": 1}
    async with mesh() as whole:
        whole.put_in_force(replicas(whole, hedging=hedging))
        for _ in range(20):
            await whole.chat(stream=True)
        stuck = [Held(answer()), Held(answer())]
        for stub, slow in zip((whole.light, whole.heavy), stuck, strict=True):
            stub.reset(slow)
        asking = asyncio.create_task(whole.chat(stream=True))
        await asyncio.gather(*(slow.begun.wait() for slow in stuck))
        stuck[0].go.set()
        response = await asking
        assert (response.status_code, reasons(response)[0]) == (200, "hedged")
        await whole.heavy.requests[0].left.wait()


# Overload.


async def crowd(whole: Mesh, count: int, stub: StubUpstream | None = None) -> tuple[Held, list[Asking]]:
    """So many different hard questions that are not answered yet: under way, or waiting for a place."""
    slow = held()
    (stub or whole.heavy).default = slow
    asking = [asyncio.create_task(whole.chat(f"{HARD} {number}")) for number in range(count)]
    while whole.guard.admission.under_way + whole.guard.admission.queued < count:
        await asyncio.sleep(0)
    return slow, asking


async def test_who_finds_no_place_waits_for_one_and_is_answered() -> None:
    async with mesh(resilience={"admission": {"maxConcurrent": 2}}) as whole:
        slow, asking = await crowd(whole, 3)
        assert len(whole.heavy.requests) <= 2
        slow.go.set()
        responses = await asyncio.gather(*asking)
        assert [response.status_code for response in responses] == [200, 200, 200]
        assert [reasons(response) for response in responses] == [[], [], ["queued"]]
        assert (whole.guard.admission.under_way, whole.guard.admission.queued) == (0, 0)


async def test_who_finds_no_room_to_wait_hears_when_to_come_back() -> None:
    async with mesh(
        resilience={"admission": {"maxConcurrent": 1, "maxQueued": 1}, "ladder": {"enabled": False}}
    ) as whole:
        slow, asking = await crowd(whole, 2)
        response = await whole.chat()
        assert (response.status_code, code_of(response)) == (429, "queue_full")
        assert int(response.headers["retry-after"]) >= 1
        assert reasons(response) == ["shed"]
        slow.go.set()
        await asyncio.gather(*asking)


async def test_a_tenant_that_floods_makes_room_for_one_that_does_not() -> None:
    policy = {"admission": {"maxConcurrent": 1, "maxQueued": 2}, "ladder": {"enabled": False}}
    async with mesh(resilience=policy, cache=OFF) as whole:
        slow = held()
        whole.light.default = slow
        assert whole.router.runtime is not None
        replies = [Heard() for _ in range(4)]
        for tenant, reply in zip(("flood", "flood", "flood", "quiet"), replies, strict=True):
            asked = call(chat(), tenant=tenant)
            whole.serving.answer(asked, match(asked, whole.router.runtime), reply)
        assert await replies[2].status == 429
        slow.go.set()
        assert [await replies[number].status for number in (0, 1, 3)] == [200, 200, 200]
        shed = [line for line in whole.logged() if line["status"] == 429]
        assert [line["tenant"] for line in shed] == ["flood"]
        assert any(reason.startswith("shed: ") for reason in shed[0]["reasons"])


async def test_who_leaves_the_queue_makes_room_and_asks_no_model() -> None:
    async with mesh(resilience={"admission": {"maxConcurrent": 1, "maxQueued": 1}}) as whole:
        slow, (first, second) = await crowd(whole, 2)
        second.cancel()
        while whole.guard.admission.queued:
            await asyncio.sleep(0)
        slow.go.set()
        assert (await first).status_code == 200
        assert len(whole.heavy.requests) == 1
        assert whole.guard.admission.under_way == 0


async def test_a_wait_in_the_queue_ends_at_the_deadline() -> None:
    policy = {"admission": {"maxConcurrent": 1}, "deadlineSeconds": 0.2}
    async with mesh(resilience=policy) as whole:
        _, asking = await crowd(whole, 2)
        assert {response.status_code for response in await asyncio.gather(*asking)} == {504}
        while whole.guard.admission.under_way:
            await asyncio.sleep(0)
        assert whole.guard.admission.queued == 0


def only(rung: str, **more: Any) -> dict[str, Any]:
    """One place, one in the queue, and a ladder of one rung that is entered once the place is taken."""
    rungs = dict.fromkeys(("light", "cacheOnly", "canned", "refuse"))
    ladder = {**rungs, rung: {"enter": 0.4, "leave": 0}, **more}
    return {"admission": {"maxConcurrent": 1, "maxQueued": 1}, "ladder": ladder}


@pytest.fixture(autouse=True)
def _everybody_ranks_lowest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chance puts each request before all others with its score."""
    monkeypatch.setattr(Ranks, "of", lambda *_: 0.0)


async def test_under_overload_the_light_tier_answers_hard_questions() -> None:
    async with mesh(resilience=only("light")) as whole:
        slow, asking = await crowd(whole, 1)
        waiting = asyncio.create_task(whole.chat(HARD))
        while not whole.guard.admission.queued:
            await asyncio.sleep(0)
        slow.go.set()
        response = await waiting
        assert (response.headers["x-tiermesh-model"], response.headers["x-tiermesh-tier"]) == ("light", "light")
        assert reasons(response) == ["degraded-light", "queued"]
        await asyncio.gather(*asking)


async def test_where_the_light_tier_abstains_the_heavy_one_still_answers() -> None:
    async with mesh(resilience=only("light")) as whole:
        slow, asking = await crowd(whole, 1)
        whole.light.default = abstain()
        waiting = asyncio.create_task(whole.chat(HARD))
        while not whole.guard.admission.queued:
            await asyncio.sleep(0)
        slow.go.set()
        assert (await waiting).headers["x-tiermesh-model"] == "heavy"
        await asyncio.gather(*asking)


async def test_under_overload_an_answer_that_is_too_old_is_given_and_marked() -> None:
    async with mesh(resilience=only("cacheOnly"), cache={"exact": {"ttlSeconds": 0.01}}) as whole:
        whole.light.script(answer("old"))
        await whole.chat(EASY)
        await asyncio.sleep(0.02)
        slow, asking = await crowd(whole, 1)
        response = await whole.chat(EASY)
        assert (said(response), cache_of(response), reasons(response)) == ("old", "hit-stale", ["degraded-stale"])
        slow.go.set()
        await asyncio.gather(*asking)
        whole.light.script(answer("new"))
        assert said(await whole.chat(EASY)) == "new"


async def test_under_overload_where_no_answer_was_kept_the_prepared_text_is_given() -> None:
    async with mesh(resilience=only("cacheOnly", cannedAnswer="We are busy.")) as whole:
        slow, asking = await crowd(whole, 1)
        response = await whole.chat(EASY)
        assert (response.status_code, said(response), reasons(response)) == (200, "We are busy.", ["degraded-canned"])
        slow.go.set()
        await asyncio.gather(*asking)
        assert said(await whole.chat(EASY)) == "ok"


async def test_under_overload_a_stream_gets_the_prepared_text_as_a_stream() -> None:
    async with mesh(resilience=only("canned", cannedAnswer="We are busy.")) as whole:
        slow, asking = await crowd(whole, 1)
        response = await whole.chat(EASY, stream=True)
        assert response.headers["content-type"] == "text/event-stream"
        assert response.content.endswith(DONE)
        chunks = [orjson.loads(part.removeprefix(b"data: ")) for part in response.content.split(b"\n\n")[:-2]]
        assert "".join(each["choices"][0]["delta"].get("content", "") for each in chunks) == "We are busy."
        slow.go.set()
        await asyncio.gather(*asking)


@pytest.mark.parametrize("rung", ["cacheOnly", "canned", "refuse"])
async def test_under_overload_where_nothing_else_is_left_the_caller_hears_when_to_come_back(rung: str) -> None:
    async with mesh(resilience=only(rung)) as whole:
        slow, asking = await crowd(whole, 1)
        response = await whole.chat(EASY)
        assert (response.status_code, code_of(response), reasons(response)) == (429, "queue_full", ["shed"])
        assert int(response.headers["retry-after"]) >= 1
        slow.go.set()
        await asyncio.gather(*asking)


async def test_where_all_places_are_taken_nobody_decides_what_will_not_be_asked() -> None:
    async with mesh(resilience={"admission": {"maxConcurrent": 1, "maxQueued": 0}}) as whole:
        slow, asking = await crowd(whole, 1)
        response = await whole.chat(EASY)
        assert (response.status_code, response.headers["x-tiermesh-reasons"]) == (429, "route,shed")
        assert not {"x-tiermesh-score", "x-tiermesh-tier", "x-tiermesh-model"} & set(response.headers)
        slow.go.set()
        await asyncio.gather(*asking)


async def test_embeddings_have_no_score_and_are_never_degraded() -> None:
    async with mesh(resilience=only("refuse")) as whole:
        slow, asking = await crowd(whole, 1)
        embedding = asyncio.create_task(whole.http.post("/v1/embeddings", json={"model": "shop", "input": "a"}))
        while not whole.guard.admission.queued:
            await asyncio.sleep(0)
        slow.go.set()
        assert (await embedding).status_code == 200
        await asyncio.gather(*asking)


# What operators see.


async def test_each_step_is_counted_and_the_state_of_things_is_in_the_metrics() -> None:
    policy = {"breaker": {"consecutiveFailures": 1, "openSeconds": 30}}
    async with mesh(resilience=policy) as whole:
        whole.light.default = error(500)
        for number in range(3):
            await whole.chat(f"question {number}")
        slow, asking = await crowd(whole, 2)
        whole.ledger.flush()
        whole.serving.guards.report()
        text = "".join(whole.metrics.exposition())
        for line in (
            'tiermesh_router_reasons_total{code="failed",route="shop"} 1.0',
            'tiermesh_router_reasons_total{code="breaker-open",route="shop"} 2.0',
            'tiermesh_router_breaker_open{model="light"} 1.0',
            'tiermesh_router_breaker_open{model="heavy"} 0.0',
            'tiermesh_router_under_way{route="shop"} 2.0',
            'tiermesh_router_queued{route="shop"} 0.0',
            'tiermesh_router_ladder_step{route="shop"} 0.0',
        ):
            assert line in text
        slow.go.set()
        await asyncio.gather(*asking)
