"""A decision carried out: which Model answers, what it is sent, and what a caller sees when it fails."""

import asyncio
import gzip

import orjson
import pytest

from routers.upstream import UpstreamClient
from tests.stub_upstream import (
    DONE,
    Behaviour,
    Steps,
    abstain,
    answer,
    chunk,
    completion,
    error,
    event,
    head,
    held,
    not_deployed,
    raw,
    stream,
)
from tests.unit.routers.mesh import code_of, mesh, said
from tests.unit.routers.raw import connected
from tests.unit.routers.samples import EASY, HARD, chat, model, route

CUT = raw(head(200, {"content-type": "application/json", "content-length": "99"}) + b'{"half":')
GARBAGE = raw(b"\x00garbage\r\n\r\n")


async def test_an_easy_question_is_answered_by_the_light_model() -> None:
    async with mesh() as whole:
        response = await whole.chat(EASY)
        assert (response.status_code, said(response)) == (200, "ok")
        assert (response.headers["x-tiermesh-model"], response.headers["x-tiermesh-tier"]) == ("light", "light")
        assert whole.heavy.requests == []


async def test_a_hard_question_goes_straight_to_the_heavy_model() -> None:
    async with mesh() as whole:
        response = await whole.chat(HARD)
        assert (response.headers["x-tiermesh-model"], response.headers["x-tiermesh-tier"]) == ("heavy", "heavy")
        assert whole.light.requests == []


@pytest.mark.parametrize("streams", [False, True])
async def test_when_the_light_model_abstains_the_heavy_one_answers(streams: bool) -> None:
    async with mesh() as whole:
        whole.light.script(abstain(0.31))
        whole.heavy.script(stream("heavy") if streams else answer("heavy"))
        response = await whole.chat(EASY, stream=streams)
        assert response.status_code == 200
        assert b"heavy" in response.content
        assert (response.headers["x-tiermesh-model"], response.headers["x-tiermesh-tier"]) == ("heavy", "heavy")
        assert response.headers["x-tiermesh-reasons"] == "route,below-threshold,light-abstained"


@pytest.mark.parametrize(
    "failure", [CUT, GARBAGE, error(500), error(503), error(429), error(400), not_deployed(), raw(b"")]
)
async def test_when_the_light_model_fails_the_heavy_one_answers(failure: Behaviour) -> None:
    async with mesh() as whole:
        whole.light.script(failure)
        whole.heavy.script(answer("heavy"))
        response = await whole.chat(EASY)
        assert (response.status_code, said(response)) == (200, "heavy")
        assert response.headers["x-tiermesh-reasons"] == "route,below-threshold,failed"


async def test_when_the_light_model_is_not_there_the_heavy_one_answers() -> None:
    async with mesh() as whole:
        whole.put_in_force([model("light"), model("heavy", "heavy", whole.heavy.url), route()])
        assert (await whole.chat(EASY)).headers["x-tiermesh-model"] == "heavy"


@pytest.mark.parametrize(
    ("failure", "status", "code"),
    [
        (CUT, 502, "upstream_failed"),
        (GARBAGE, 502, "upstream_failed"),
        (error(500), 502, "upstream_failed"),
        (error(401), 502, "upstream_failed"),
        (error(503), 429, "queue_full"),
        (error(429, headers={"retry-after": "9"}), 429, "queue_full"),
        (not_deployed(), 503, "model_starting"),
        (abstain(), 422, "model_abstained"),
        (error(400, "too long", param="messages"), 400, "invalid_request"),
    ],
)
@pytest.mark.parametrize("streams", [False, True])
async def test_when_both_fail_the_caller_gets_the_last_ones_error(
    failure: Behaviour, status: int, code: str, streams: bool
) -> None:
    async with mesh() as whole:
        whole.light.script(error(500))
        whole.heavy.default = failure
        response = await whole.chat(EASY, stream=streams)
        assert (response.status_code, code_of(response)) == (status, code)
        assert response.headers["content-type"] == "application/json"
        assert ("retry-after" in response.headers) is (status in (429, 503))
        assert "x-tiermesh-model" not in response.headers
        assert len(whole.cache) == 0


async def test_a_full_queue_passes_the_models_own_wait_on() -> None:
    async with mesh() as whole:
        whole.heavy.script(error(429, headers={"retry-after": "9"}))
        assert (await whole.chat(HARD)).headers["retry-after"] == "9"


async def test_the_callers_mistake_comes_back_with_the_models_words() -> None:
    async with mesh() as whole:
        whole.heavy.script(error(400, "too many tokens", param="messages"))
        problem = (await whole.chat(HARD)).json()["error"]
        assert "too many tokens" in problem["message"]
        assert (problem["type"], problem["param"]) == ("invalid_request_error", "messages")


async def test_embeddings_never_come_from_another_encoder() -> None:
    async with mesh() as whole:
        whole.light.default = error(500)
        response = await whole.http.post("/v1/embeddings", json={"model": "shop", "input": "a"})
        assert (response.status_code, code_of(response)) == (502, "upstream_failed")
        assert whole.heavy.requests == []
        assert "x-tiermesh-score" not in response.headers


async def test_the_model_gets_the_callers_bytes_with_its_own_name_and_nothing_of_the_callers_headers() -> None:
    async with mesh() as whole:
        body = b'{ "messages":[{"role":"user","content":"hi"}], "model" : "shop", "seed":1.50, "odd":[ ] }'
        headers = {"authorization": "Bearer callers-secret", "cookie": "a=b", "x-request-id": "id-7"}
        await whole.http.post("/v1/chat/completions", content=body, headers=headers)
        (received,) = whole.light.requests
        assert received.body == body.replace(b'"model" : "shop"', b'"model":"light"')
        assert (received.method, received.path) == ("POST", "/v1/chat/completions")
        assert set(received.headers) == {
            "host",
            "content-type",
            "x-request-id",
            "x-request-timeout-seconds",
            "content-length",
        }
        assert 30 < float(received.headers["x-request-timeout-seconds"]) <= 60.5
        assert received.headers["x-request-id"] == "id-7"


async def test_the_headers_are_exactly_those_of_the_design() -> None:
    async with mesh() as whole:
        response = await whole.chat(EASY, headers={"x-request-id": "id-7", "x-tiermesh-tenant": "other"})
        assert set(response.headers) == {"content-type", "content-length", "x-request-id"} | {
            f"x-tiermesh-{name}"
            for name in ("route", "revision", "snapshot", "arm", "tier", "score", "model", "cache", "reasons")
        }
        assert {
            name: response.headers[f"x-tiermesh-{name}"] for name in ("route", "snapshot", "arm", "cache", "reasons")
        } == {"route": "shop", "snapshot": "1", "arm": "default", "cache": "miss", "reasons": "route,below-threshold"}
        assert 0 <= float(response.headers["x-tiermesh-score"]) < 0.7
        assert response.headers["x-request-id"] == "id-7"


@pytest.mark.parametrize("streams", [False, True])
async def test_a_compressed_answer_always_says_so(streams: bool) -> None:
    body = gzip.compress(event("packed") + DONE if streams else orjson.dumps(completion("packed")))
    kind = "text/event-stream" if streams else "application/json"
    headers = {"content-type": kind, "content-encoding": "gzip", "x-tiermesh-confidence": "0.9"}
    async with mesh() as whole:
        whole.light.default = answer(body, headers=headers)
        for _ in range(2):
            request = whole.http.stream("POST", "/v1/chat/completions", json=chat(stream=streams))
            async with request as response:
                assert b"".join([piece async for piece in response.aiter_raw()]) == body
            assert {name: response.headers[name] for name in headers} == headers


async def test_past_the_deadline_a_caller_who_has_nothing_gets_504() -> None:
    async with mesh(heavy=[], resilience={"deadlineSeconds": 0.05}) as whole:
        whole.light.script(held())
        response = await whole.chat()
        assert (response.status_code, code_of(response)) == (504, "deadline_exceeded")
        await whole.light.requests[0].left.wait()


async def test_past_the_deadline_a_stream_ends_with_an_error_and_without_done() -> None:
    async with mesh(resilience={"deadlineSeconds": 0.05}) as whole:
        steps = Steps([event("one"), event("two")])
        whole.light.script(steps)
        steps.step()
        response = await whole.chat(stream=True)
        assert response.status_code == 200
        events = [part for part in response.content.split(b"\n\n") if part]
        assert events[0] + b"\n\n" == event("one")
        assert orjson.loads(events[-1].removeprefix(b"data: "))["error"]["code"] == "deadline_exceeded"
        assert b"[DONE]" not in response.content
        await whole.light.requests[0].left.wait()
        assert len(whole.cache) == 0


async def test_the_deadline_holds_for_all_models_together() -> None:
    async with mesh(resilience={"deadlineSeconds": 0.05}) as whole:
        whole.light.script(abstain())
        whole.heavy.script(held())
        assert (await whole.chat()).status_code == 504


@pytest.mark.parametrize("last", [None, chunk(b"")], ids=["cut", "merely stops"])
async def test_a_stream_that_is_cut_ends_with_an_error_and_without_done(last: bytes | None) -> None:
    async with mesh() as whole:
        steps = Steps([event("one"), b'data: {"half": '], last)
        whole.light.script(steps)
        steps.go()
        response = await whole.chat(stream=True)
        last = [part for part in response.content.split(b"\n\n") if part][-1]
        assert orjson.loads(last.removeprefix(b"data: "))["error"]["code"] == "stream_cut"
        assert b"[DONE]" not in response.content
        assert whole.heavy.requests == []
        assert len(whole.cache) == 0


async def test_a_slow_caller_holds_the_model_back_instead_of_filling_the_memory() -> None:
    written = 0

    async def flood(received: object, writer: asyncio.StreamWriter) -> None:
        nonlocal written
        writer.write(head(200, {"content-type": "text/event-stream", "transfer-encoding": "chunked"}))
        for _ in range(500):
            writer.write(chunk(event("x" * 100_000)))
            await writer.drain()
            written += 1
        writer.write(chunk(DONE) + chunk(b""))

    async with mesh() as whole, connected(whole.port) as slow:
        whole.light.script(flood)
        slow.pause()
        body = orjson.dumps(chat(stream=True))
        slow.post(body, "/v1/chat/completions", "Cache-Control: no-cache")
        await whole.light.received()
        before = -1
        while before < written or not written:
            before = written
            for _ in range(100):
                await asyncio.sleep(0)
        assert written < 300
        buffered = [connection.transport.get_write_buffer_size() for connection in whole.server.connections]
        assert sum(buffered) < 2_000_000
        slow.read_on()
        received = len((await slow.answer()).body)
        assert received == 500 * len(event("x" * 100_000)) + len(DONE)


async def test_a_swap_in_mid_flight_leaves_the_old_request_with_the_old_runtime() -> None:
    async with mesh() as whole:
        slow = held(answer("old"))
        whole.light.script(slow)
        waiting = asyncio.create_task(whole.chat())
        await slow.begun.wait()
        whole.put_in_force([model("new", url=whole.heavy.url), route(light=["new"], heavy=[])], number=2)
        response = await whole.chat()
        assert (response.headers["x-tiermesh-snapshot"], response.headers["x-tiermesh-model"]) == ("2", "new")
        slow.go.set()
        response = await waiting
        assert (response.headers["x-tiermesh-snapshot"], said(response)) == ("1", "old")


async def test_every_answer_is_logged_with_its_reasons() -> None:
    async with mesh() as whole:
        whole.light.script(abstain(0.2))
        response = await whole.chat()
        (line,) = whole.logged()
        assert line["request_id"] == response.headers["x-request-id"]
        assert (line["route"], line["model"], line["status"], line["error"]) == ("shop", "heavy", 200, None)
        assert any("0.2" in reason for reason in line["reasons"])


async def test_nothing_that_was_said_is_ever_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(0)
    async with mesh() as whole:
        whole.light.script(error(400, "your message SECRET-ECHO is too long"), stream("SECRET-ANSWER"))
        whole.heavy.script(answer("SECRET-ANSWER"), error(400, "SECRET-ECHO"))
        await whole.chat("SECRET-QUESTION?", user="SECRET-USER")
        await whole.chat("SECRET-QUESTION!", stream=True)
        await whole.chat(HARD + "SECRET-QUESTION")
        await whole.http.post("/v1/chat/completions", content=b'{"model": "SECRET-QUESTION')
        await whole.chat(model="SECRET-MODEL")
        whole.ledger.flush()
        assert whole.lines
        assert b"SECRET" not in b"".join(whole.lines)
    assert "SECRET" not in caplog.text


async def test_answers_are_counted_by_labels_of_the_documents_alone() -> None:
    async with mesh() as whole:
        for number in range(5):
            await whole.chat(
                f"Where is parcel {number}?", user=f"user-{number}", headers={"x-request-id": f"id-{number}"}
            )
            await whole.chat(model=f"unknown-{number}")
            await whole.http.get(f"/path-{number}")
        text = "".join(whole.ledger.exposition())
        counted = (
            'tiermesh_router_requests_total{cache="miss",model="light",route="shop",status="200",tier="light"} 5.0'
        )
        assert counted in text
        assert 'tiermesh_router_refusals_total{code="model_not_found"} 5.0' in text
        assert not any(word in text for word in ("user-", "id-1", "unknown-", "path-", "parcel"))


async def test_a_bug_in_a_flight_is_an_error_to_its_callers_and_a_line_in_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("a bug")

    async with mesh() as whole:
        monkeypatch.setattr(UpstreamClient, "send", broken)
        response = await whole.chat()
        assert (response.status_code, code_of(response)) == (500, "internal")
        assert "should not" in caplog.text
        monkeypatch.undo()
        assert said(await whole.chat()) == "ok"
