"""Arms in a whole router: each caller gets the answers of its own arm, and all of it is written down."""

import asyncio
from typing import Any

import httpx2
import pytest

from control_plane.spec.compile import compile
from control_plane.spec.decisions import DecisionRecord
from control_plane.spec.documents import Document, parse
from control_plane.spec.events import unit_hash
from control_plane.spec.prompts import Pins
from routers import replay
from routers.admin import explanation
from routers.http import Request
from routers.runtime import Runtime
from tests.stub_upstream import DONE, answer, chunk, error, event, held, raw, stream
from tests.stub_upstream import head as head_of
from tests.unit.control_plane.samples import experiment, rollout
from tests.unit.routers.decisions import part, question
from tests.unit.routers.mesh import Mesh, cache_of, mesh, said
from tests.unit.routers.quotas.test_metering import USAGE
from tests.unit.routers.samples import HARD, chat, model, pinned, route, snapshot
from tests.unit.routers.tenants import authorized, tenant

_TESTERS = {"control": ["ann"], "candidate": ["bob"]}
_PINS = Pins({"support/3": pinned(template="Be brief.")})


def split(override: dict[str, Any] | None = None, name: str = "wording", **spec: Any) -> Document:
    """A running Experiment in which Ann has the control and Bob the candidate."""
    changed = {"complexity": {"threshold": 0}} if override is None else override
    arms = [{"name": "control"}, {"name": "candidate", "override": changed}]
    return parse(experiment(name, **{"forced": _TESTERS, "arms": arms} | spec))


def put(whole: Mesh, *more: Document, pins: Pins = _PINS, number: int = 2, **spec: Any) -> None:
    """Put these beside the two Models and their Route in force."""
    of = snapshot(compile([*whole.documents(**spec), *more], pins=pins), number)
    runtime = Runtime.build(of)
    whole.serving.guards.follow(runtime)
    whole.router.runtime = runtime


async def ask(whole: Mesh, unit: str, text: str = "hi", **fields: Any) -> httpx2.Response:
    """As this unit."""
    return await whole.chat(text, {"x-tiermesh-unit": unit}, **fields)


def arm_of(response: httpx2.Response) -> str:
    return str(response.headers["x-tiermesh-arm"])


_OVERRIDES: list[dict[str, Any]] = [
    {"complexity": {"threshold": 0}},
    {"tiers": {"heavy": ["heavy"]}},
    {"sampling": {"temperature": 0.1}},
    {"prompt": {"name": "support", "version": 3}},
    {"cache": {"exact": {"ttlSeconds": 60}}},
    {},
]


@pytest.mark.parametrize("override", _OVERRIDES, ids=lambda override: next(iter(override), "nothing"))
async def test_no_arm_is_answered_from_the_cache_of_another(override: dict[str, Any]) -> None:
    async with mesh() as whole:
        put(whole, split(override))
        answers = iter([answer(f"answer {number}") for number in range(9)])
        for stub in (whole.light, whole.heavy):
            stub.script(next(answers), next(answers), next(answers))
        first = {unit: await ask(whole, unit) for unit in ("ann", "bob", "nobody in it")}
        again = {unit: await ask(whole, unit) for unit in first}
        put(whole, number=3)
        without = await ask(whole, "ann")
        assert [cache_of(response) for response in first.values()] in (["miss"] * 3, ["miss", "miss", "hit-exact"])
        assert {cache_of(response) for response in again.values()} == {"hit-exact"}
        assert {unit: said(response) for unit, response in again.items()} == {
            unit: said(response) for unit, response in first.items()
        }
        assert (said(first["ann"]) == said(first["bob"])) is False
        assert (arm_of(first["ann"]), arm_of(first["bob"])) == ("wording=control", "wording=candidate")
        assert (cache_of(without), arm_of(without)) == ("miss", "default")


async def test_an_arm_that_says_something_else_answers_from_no_older_cache() -> None:
    async with mesh() as whole:
        for number, temperature in enumerate((0.1, 0.2)):
            put(whole, split({"sampling": {"temperature": temperature}}), number=number + 2)
            assert cache_of(await ask(whole, "bob")) == "miss"
            assert cache_of(await ask(whole, "ann")) == ("hit-exact" if number else "miss")


async def test_a_weight_that_changes_keeps_the_cache() -> None:
    async with mesh() as whole:
        for number, weight in enumerate((1, 9)):
            arms = [{"name": "control"}, {"name": "candidate", "weight": weight}]
            put(whole, split(arms=arms), number=number + 2)
            assert cache_of(await ask(whole, "bob")) == ("hit-exact" if number else "miss")


async def test_only_callers_of_one_arm_share_an_answer_under_way() -> None:
    async with mesh() as whole:
        put(whole, split({"sampling": {"temperature": 0}}))
        waits = held(), held()
        whole.light.script(*waits)
        units = ("ann", "bob", "ann", "bob")
        tasks = [asyncio.create_task(ask(whole, unit)) for unit in units]
        await whole.light.received(2)
        while sum(not connection.idle for connection in whole.server.connections) < len(units):
            await asyncio.sleep(0)
        for one in waits:
            one.go.set()
        answers = await asyncio.gather(*tasks)
        assert len(whole.light.requests) == 2
        assert sorted(map(cache_of, answers)) == ["coalesced", "coalesced", "miss", "miss"]
        assert [arm_of(one).partition("=")[2] for one in answers] == ["control", "candidate"] * 2


async def test_who_shares_an_answer_is_told_its_own_way_to_it_and_counted_for_itself() -> None:
    """A tester and a unit that was drawn ask the same at once."""
    async with mesh() as whole:
        put(whole, split(arms=[{"name": "control"}, {"name": "candidate", "weight": 0}]))
        wait = held()
        whole.light.script(wait)
        first = asyncio.create_task(ask(whole, "ann"))
        await wait.begun.wait()
        second = asyncio.create_task(ask(whole, "drawn"))
        while sum(not connection.idle for connection in whole.server.connections) < 2:
            await asyncio.sleep(0)
        wait.go.set()
        tester, drawn = await asyncio.gather(first, second)
        assert tester.headers["x-tiermesh-reasons"] == "route,arm-forced,below-threshold"
        assert drawn.headers["x-tiermesh-reasons"] == "route,arm,below-threshold,coalesced"
        found = {one.assignments[0].unit: one for one in whole.exposed()}
        assert {unit: (one.assignments[0].forced, one.cache_hit) for unit, one in found.items()} == {
            unit_hash("ann"): (True, False),
            unit_hash("drawn"): (False, True),
        }
        assert _differences(whole, tester, drawn) == [(), ()]


def _differences(whole: Mesh, *answers: httpx2.Response) -> list[tuple[replay.Difference, ...]]:
    """Between what was decided and what is decided again."""
    runtime = whole.router.runtime
    assert runtime is not None
    whole.ledger.flush()
    records = [whole.journal.find(one.headers["x-request-id"]) for one in answers]
    asked = [replay.Question.model_validate_json(b'{"record":%b,"snapshot":%b}' % (
        record, part(runtime.snapshot, "shop").model_dump_json().encode())) for (record,) in records]  # fmt: skip
    return [replay.replay(one).differences for one in asked]


async def test_what_an_arm_has_drawn_otherwise_wins_over_the_caller_and_a_reason_says_so() -> None:
    async with mesh() as whole:
        put(whole, split({"sampling": {"temperature": 0.1, "maxTokens": 7}}))
        own: dict[str, Any] = {"temperature": 1.5, "max_completion_tokens": 99, "top_p": 0.5}
        control, candidate = [await ask(whole, unit, **own) for unit in ("ann", "bob")]
        sent = [request.fields for request in whole.light.requests]
        assert sent[0] | {"model": "shop"} == chat("hi", **own)
        assert sent[1] | {"model": "shop"} == chat("hi", temperature=0.1, max_tokens=7, top_p=0.5)
        assert "sampling" not in control.headers["x-tiermesh-reasons"]
        assert candidate.headers["x-tiermesh-reasons"] == "route,arm-forced,sampling,below-threshold"


async def test_two_layers_override_side_by_side() -> None:
    async with mesh() as whole:
        hot = split({"sampling": {"temperature": 1}}, "one")
        both = split({"sampling": {"topP": 0.5}}, "two", traffic={"layer": "two"})
        put(whole, hot, both, split({}, "three", traffic={"layer": "three"}, state="draft"))
        response = await ask(whole, "bob")
        assert arm_of(response) == "one=candidate,two=candidate"
        sent = whole.light.requests[0].fields
        assert (sent["temperature"], sent["top_p"]) == (1, 0.5)
        (exposure,) = whole.exposed()
        assert [one.trial for one in exposure.assignments] == ["Experiment/one", "Experiment/two"]


async def test_an_arms_models_fall_back_and_its_failures_are_its_own() -> None:
    async with mesh() as whole:
        away = model("away", "heavy", "http://127.0.0.1:1/v1")
        put(whole, away, split({"tiers": {"heavy": ["away"]}}), resilience={"fallbacks": ["light"]})
        assert (await ask(whole, "bob")).headers["x-tiermesh-model"] == "light"
        assert (await ask(whole, "ann")).status_code == 200
        put(whole, away, split({"tiers": {"heavy": ["away"]}}), number=3)
        assert (await ask(whole, "bob", "again")).status_code == 503
        assert [(one.assignments[0].arm, one.failed, one.fallback) for one in whole.exposed()] == [
            ("candidate", False, True),
            ("control", False, False),
            ("candidate", True, False),
        ]


async def test_what_an_arms_models_cannot_do_is_done_as_the_route_does_it() -> None:
    async with mesh() as whole:
        iris = model("iris", "heavy", engine="kserve", url="http://127.0.0.1:1")
        put(whole, iris, split({"tiers": {"heavy": ["iris"]}}))
        response = await ask(whole, "bob")
        assert (response.status_code, arm_of(response)) == (200, "wording=candidate")


async def test_an_arm_that_nobody_can_answer_in_is_counted_as_failed() -> None:
    async with mesh() as whole:
        sees = model("sees", "heavy", whole.heavy.url, modalities=["text", "image"])
        put(whole, sees, split({"tiers": {"light": ["light"]}}), tiers={"heavy": ["sees"]})
        image = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,"}}]}]
        good, bad = [await ask(whole, unit, messages=image) for unit in ("ann", "bob")]
        assert (good.status_code, bad.status_code) == (200, 400)
        assert [one.failed for one in whole.exposed()] == [False, True]


async def test_an_exposure_says_what_the_answer_took() -> None:
    async with mesh() as whole:
        price = {"inputUsdPerMillionTokens": 1, "outputUsdPerMillionTokens": 10}
        models = [model("light", url=whole.light.url, price=price)]
        of = [*models, route(heavy=[]), split({"sampling": {"temperature": 0}})]
        whole.put_in_force(of, 2)
        for headers in ({"x-request-id": "r-1"}, {"x-request-id": "r-2"}):
            await whole.chat("hi", {"x-tiermesh-unit": "somebody", **headers})
        first, hit = whole.exposed()
        assert (first.id, first.route, first.snapshot, first.status) == ("r-1", "shop", 2, 200)
        assert (first.input_tokens, first.output_tokens, first.picodollars) == (3, 2, 23_000_000)
        assert (hit.cache_hit, hit.input_tokens, hit.picodollars) == (True, 0, 0)
        assert first.assignments == hit.assignments
        (assigned,) = first.assignments
        assert (assigned.unit, assigned.forced) == (unit_hash("somebody"), False)
        assert first.seconds > 0
        assert first.first_token_seconds is None


@pytest.mark.parametrize("asked", [False, True])
async def test_a_streams_tokens_are_counted_whether_or_not_its_caller_wants_them(asked: bool) -> None:
    async with mesh() as whole:
        put(whole, split())
        whole.light.script(raw(head_of(200, {"content-type": "text/event-stream", "transfer-encoding": "chunked"})
                               + chunk(event("a")) + chunk(USAGE) + chunk(DONE) + chunk(b""), close=False))  # fmt: skip
        options: dict[str, Any] = {"stream_options": {"include_usage": True}} if asked else {}
        response = await ask(whole, "ann", stream=True, **options)
        assert whole.light.requests[0].fields["stream_options"] == {"include_usage": True}
        assert (USAGE in response.content) is asked
        (exposure,) = whole.exposed()
        assert (exposure.input_tokens, exposure.output_tokens) == (3, 2)
        assert 0 < (exposure.first_token_seconds or 0) <= exposure.seconds


async def test_a_caller_that_leaves_is_exposed_and_has_not_failed() -> None:
    async with mesh() as whole:
        put(whole, split())
        wait = held()
        whole.light.script(wait)
        task = asyncio.create_task(ask(whole, "ann"))
        received = await whole.light.received()
        task.cancel()
        await asyncio.wait([task])
        await received.left.wait()
        (exposure,) = whole.exposed()
        assert (exposure.status, exposure.failed, exposure.input_tokens) == (499, False, None)


async def test_requests_without_arms_are_not_exposed() -> None:
    async with mesh() as whole:
        await ask(whole, "ann")
        put(whole, split({}, traffic={"from": 99.999, "percent": 0.001}))
        outside, nobody = await ask(whole, "cleo"), await whole.chat("hi")
        assert [one.headers["x-tiermesh-reasons"].split(",")[1] for one in (outside, nobody)] == [
            "outside-traffic",
            "no-unit",
        ]
        assert {arm_of(outside), arm_of(nobody)} == {"default"}
        assert cache_of(outside) == "hit-exact"
        assert whole.exposed() == []


async def test_arms_are_part_of_the_record_and_are_decided_again_from_it() -> None:
    async with mesh() as whole:
        segment = {"layer": "two", "from": 10, "percent": 60}
        put(
            whole,
            split({"prompt": {"name": "support", "version": 3}, "sampling": {"temperature": 0}}),
            split({"complexity": {"threshold": 0.2}}, "two", forced={}, traffic=segment),
            split({"tiers": {"heavy": ["heavy"]}}, "three", unit={"field": "user"},
                  targeting={"fields": {"user": ["x"]}},
                    traffic={"layer": "three"}),
            parse(rollout(override={"cache": {"exact": {"enabled": False}}})),
            holdout={"percent": 20},
            pins=Pins(_PINS.prompts, weights={"Rollout/heavier": {"stable": 50, "candidate": 50}}),
        )  # fmt: skip
        answers = [await ask(whole, f"unit-{number}", HARD, user="xy"[number % 2]) for number in range(24)]
        answers += [await ask(whole, unit) for unit in ("ann", "bob")]
        answers.append(await whole.chat())
        assert set(_differences(whole, *answers)) == {()}
        codes = {code for one in answers for code in one.headers["x-tiermesh-reasons"].split(",")}
        assert codes >= {"arm", "arm-forced", "held-out", "outside-traffic", "not-targeted", "no-unit", "sampling"}
        assert "unit-7" not in b"".join(whole.lines).decode()


async def test_a_weight_that_was_not_in_force_is_seen_in_the_record() -> None:
    async with mesh() as whole:
        put(whole, split(arms=[{"name": "control"}, {"name": "candidate", "weight": 0}]))
        response = await ask(whole, "somebody")
        whole.ledger.flush()
        (line,) = whole.journal.find(response.headers["x-request-id"])
        put(whole, split(arms=[{"name": "control", "weight": 0}, {"name": "candidate"}]), number=3)
        assert whole.router.runtime is not None
        record = DecisionRecord.model_validate_json(line)
        asked = replay.read(question(record, part(whole.router.runtime.snapshot, "shop")))
        found = {each.what: each.recomputed for each in replay.replay(asked).differences}
        assert found["arm"] == "wording=candidate"


async def test_quotas_hold_in_every_arm() -> None:
    async with mesh() as whole:
        limited = tenant("acme", quotas={"tokensPerMinute": 10_000, "hard": False})
        put(whole, split({"sampling": {"temperature": 0}}), limited)
        for unit in ("ann", "bob"):
            response = await whole.chat("hi", {"x-tiermesh-unit": unit, **authorized("acme")})
            assert response.status_code == 200
        assert [one.input_tokens for one in whole.exposed()] == [3, 3]
        async with asyncio.timeout(10):
            while whole.desk.account("acme").held:
                await asyncio.sleep(0)


async def test_a_route_keeps_its_places_and_breakers_over_arms_and_snapshots() -> None:
    async with mesh() as whole:
        breaker = {"breaker": {"consecutiveFailures": 1, "openSeconds": 30}, "retries": {"attempts": 1}}
        put(whole, split({"tiers": {"heavy": ["heavy"]}}), resilience=breaker, tiers={"light": ["light"]})
        whole.heavy.default = error(500)
        assert (await ask(whole, "bob")).status_code == 502
        put(whole, split({"tiers": {"heavy": ["heavy"]}}, arms=[
            {"name": "control", "weight": 5}, {"name": "candidate", "override": {"tiers": {"heavy": ["heavy"]}}}]),
            resilience=breaker, tiers={"light": ["light"]}, number=3)  # fmt: skip
        assert (await ask(whole, "bob")).status_code == 503
        assert (await ask(whole, "ann")).status_code == 200
        assert len(whole.heavy.requests) == 1


async def test_an_explanation_says_which_arms_a_unit_would_get() -> None:
    async with mesh() as whole:
        put(whole, split())
        body = httpx2.Request("POST", "http://h", json=chat("hi")).content
        asked = Request(b"POST", "/explain", {b"x-tiermesh-unit": b"bob"}, body)
        found = explanation(await whole.router.explain(asked))
        assert found["arm"] == "wording=candidate"
        assert found["assignments"] == [{"trial": "Experiment/wording", "arm": "candidate", "why": "arm-forced"}]


async def test_a_candidate_that_warms_up_sees_copies_and_answers_nobody() -> None:
    async with mesh() as whole:
        key = "Rollout/heavier"
        changed = {"prompt": {"name": "support", "version": 3}, "complexity": {"threshold": 0}}
        pins = Pins(_PINS.prompts, weights={key: {"stable": 1, "candidate": 0}}, mirrors={key: 100})
        put(whole, parse(rollout(override=changed)), pins=pins)
        response = await whole.chat("hi")
        assert (response.headers["x-tiermesh-model"], arm_of(response)) == ("light", "heavier=stable")
        copied = (await whole.heavy.received()).fields["messages"]
        assert copied == [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}]
        assert "messages" in whole.light.requests[0].fields
        (exposure,) = whole.exposed()
        assert [one.arm for one in exposure.assignments] == ["stable"]
        assert whole.light.requests[0].fields["messages"] == copied[1:]


async def test_a_streamed_answer_of_an_arm_is_streamed_from_its_cache_alone() -> None:
    async with mesh() as whole:
        put(whole, split({"sampling": {"temperature": 0}}))
        whole.light.script(stream("one"), stream("two"))
        first = [await ask(whole, unit, stream=True) for unit in ("ann", "bob")]
        again = [await ask(whole, unit, stream=True) for unit in ("ann", "bob")]
        assert [one.content for one in again] == [one.content for one in first]
        assert first[0].content != first[1].content
