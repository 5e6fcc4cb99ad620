"""Quotas in a whole router: who is let in, what is paid, and what comes back."""

import asyncio
from typing import Any

import orjson
import pytest

from routers.quotas.accounts import Account
from routers.quotas.memory import unix_microseconds
from tests.stub_upstream import DONE, Steps, abstain, answer, error, event, held, stream
from tests.unit.routers.mesh import Mesh, code_of, mesh, said
from tests.unit.routers.quotas.samples import limits
from tests.unit.routers.quotas.test_metering import USAGE
from tests.unit.routers.samples import chat, model, route
from tests.unit.routers.tenants import authorized, tenant

ACME = authorized("acme")
PRICE = {"inputUsdPerMillionTokens": 1, "outputUsdPerMillionTokens": 10, "outputTokens": 20}
"""A microdollar for a token of the prompt, ten for one of the answer: the stub's answers cost 3 + 2 x 10."""
COST = 23


def limit(whole: Mesh, spec: dict[str, Any] | None = None, **quotas: Any) -> None:
    """Put one Route with one priced Model in force, and a Tenant with these quotas."""
    models = [model("light", url=whole.light.url, price=PRICE)]
    routes = [route(heavy=[], cache={"exact": {"enabled": False}}, **spec or {})]
    whole.put_in_force([*models, *routes, tenant("acme", quotas=quotas)], 2)


def account(whole: Mesh) -> Account:
    return whole.desk.account("acme")


async def settled(whole: Mesh) -> int:
    """Microdollars spent, once nothing is reserved any more."""
    async with asyncio.timeout(10):
        while account(whole).held:
            await asyncio.sleep(0)
    return account(whole).spent


async def test_requests_beyond_the_rate_are_told_when_to_come_back() -> None:
    async with mesh() as whole:
        whole.put_in_force([*whole.documents(), tenant("acme", quotas={"requestsPerSecond": 0.01, "burst": 2})], 2)
        first, second, third = [await whole.chat(headers=ACME) for _ in range(3)]
        assert (first.status_code, second.headers["x-tiermesh-cache"]) == (200, "hit-exact")
        assert (third.status_code, code_of(third)) == (429, "rate_limit_exceeded")
        assert third.json()["error"]["type"] == "rate_limit_error"
        assert 99 <= int(third.headers["retry-after"]) <= 100
        assert [response.headers["x-ratelimit-remaining-requests"] for response in (first, second, third)] == [
            "1",
            "0",
            "0",
        ]
        assert third.headers["x-request-id"]


@pytest.mark.parametrize("streamed", [False, True])
async def test_a_place_is_given_back_after_the_answer(streamed: bool) -> None:
    async with mesh() as whole:
        limit(whole, concurrentRequests=1)
        waiting = held(stream("a") if streamed else answer())
        whole.light.script(waiting)
        asking = asyncio.create_task(whole.chat(headers=ACME, stream=streamed))
        await waiting.begun.wait()
        assert (await whole.chat(headers=ACME)).status_code == 429
        waiting.go.set()
        assert (await asking).status_code == 200
        assert (await whole.chat(headers=ACME)).status_code == 200
        assert account(whole).concurrent == 0


async def test_a_place_is_given_back_where_the_request_fails() -> None:
    async with mesh() as whole:
        limit(whole, concurrentRequests=1)
        whole.light.script(error(400))
        wrong = {"model": "shop", "input": "a"}
        for attempt in (whole.chat(headers=ACME), whole.http.post("/v1/embeddings", json=wrong, headers=ACME)):
            await attempt
            assert account(whole).concurrent == 0


async def test_an_answer_is_paid_by_its_usage() -> None:
    async with mesh() as whole:
        limit(whole, usdPerDay=0.01)
        assert (await whole.chat(headers=ACME)).status_code == 200
        assert await settled(whole) == COST
        assert (await whole.light.received()).fields["max_tokens"] == 20


async def test_a_cached_answer_costs_nothing() -> None:
    async with mesh() as whole:
        priced = model("light", url=whole.light.url, price=PRICE)
        whole.put_in_force([priced, route(heavy=[]), tenant("acme", quotas={"usdPerDay": 0.01})], 2)
        for _ in range(3):
            await whole.chat(headers=ACME)
        assert await settled(whole) == COST


@pytest.mark.parametrize("asked", [False, True])
async def test_a_stream_is_paid_by_its_usage_which_only_who_asked_sees(asked: bool) -> None:
    async with mesh() as whole:
        limit(whole, usdPerDay=0.01)
        steps = Steps([event("hi"), USAGE])
        steps.go()
        whole.light.script(steps)
        options = {"include_usage": True} if asked else None
        response = await whole.chat(headers=ACME, stream=True, stream_options=options)
        assert response.content == event("hi") + (USAGE if asked else b"") + DONE
        assert await settled(whole) == COST
        assert (await whole.light.received()).fields["stream_options"] == {"include_usage": True}


async def test_what_fails_is_given_back() -> None:
    async with mesh() as whole:
        limit(whole, {"resilience": {"retries": {"attempts": 1}}}, usdPerDay=0.01, tokensPerMinute=10_000)
        for behaviour in (error(500), error(400), abstain(), error(429)):
            whole.light.script(behaviour)
            assert (await whole.chat(headers=ACME)).status_code >= 400
            assert await settled(whole) == 0
        left = account(whole).standing(limits(tokensPerMinute=10_000), unix_microseconds())
        assert left[2] == 10_000


@pytest.mark.parametrize("hard", [True, False])
async def test_who_leaves_a_stream_pays_for_it(hard: bool) -> None:
    async with mesh() as whole:
        limit(whole, usdPerDay=0.01, hard=hard)
        steps = Steps([event("a"), event("b")])
        steps.step()
        whole.light.script(steps)
        async with whole.http.stream("POST", "/v1/chat/completions", json=chat(stream=True), headers=ACME) as response:
            await anext(response.aiter_raw())
            reserved = account(whole).held
        paid = await settled(whole)
        assert paid == reserved if hard else 0 < paid < reserved


async def test_a_cut_stream_without_usage_counts_in_full_under_a_hard_quota() -> None:
    async with mesh() as whole:
        limit(whole, usdPerDay=0.01)
        cut = Steps([event("a")], last=None)
        cut.go()
        whole.light.script(cut)
        response = await whole.chat(headers=ACME, stream=True)
        assert b"stream_cut" in response.content
        assert await settled(whole) > 20 * 10


async def test_a_hard_budget_is_never_overspent_however_many_ask_at_once() -> None:
    async with mesh() as whole:
        limit(whole, usdPerDay=0.003)
        replies = await asyncio.gather(*(whole.chat(f"Question {number}?", headers=ACME) for number in range(60)))
        granted = [reply for reply in replies if reply.status_code == 200]
        assert 0 < len(granted) < 60
        assert {code_of(reply) for reply in replies if reply.status_code != 200} <= {
            "rate_limit_exceeded",
            "insufficient_quota",
        }
        assert await settled(whole) == len(granted) * COST <= 3000


async def test_a_spent_budget_says_so_until_midnight_and_calls_no_model() -> None:
    async with mesh() as whole:
        limit(whole, usdPerDay=0.0006)
        while (response := await whole.chat(headers=ACME)).status_code == 200:
            pass
        asked = len(whole.light.requests)
        refused = await whole.chat(headers=ACME)
        assert (refused.status_code, code_of(refused)) == (429, "insufficient_quota")
        assert 1 <= int(refused.headers["retry-after"]) <= 86_400
        assert len(whole.light.requests) == asked
        assert response.status_code == 429


async def test_a_request_that_hides_its_limits_from_the_router_cannot_hide_them_from_the_model() -> None:
    async with mesh() as whole:
        limit(whole, usdPerDay=0.01)
        body = orjson.dumps(chat())[:-1] + b',"max_tokens":100000,"max\\u005ftokens":5}'
        headers = ACME | {"content-type": "application/json"}
        response = await whole.http.post("/v1/chat/completions", content=body, headers=headers)
        assert response.status_code == 200
        assert (await whole.light.received()).body.count(b"max_tokens") == 1
        assert (await whole.light.received()).fields["max_tokens"] == 5


async def test_a_limit_that_is_no_number_is_refused_and_leaves_nothing_behind() -> None:
    async with mesh() as whole:
        limit(whole, usdPerDay=0.01, concurrentRequests=1)
        refused = await whole.chat(headers=ACME, max_tokens="many")
        assert (refused.status_code, refused.json()["error"]["param"]) == (400, "max_tokens")
        assert (account(whole).concurrent, account(whole).held) == (0, 0)
        assert (await whole.chat(headers=ACME)).status_code == 200


async def test_tenants_without_quotas_are_served_as_they_came() -> None:
    async with mesh() as whole:
        whole.put_in_force([*whole.documents(), tenant("acme")], 2)
        response = await whole.chat(headers=ACME)
        assert said(response) == "ok"
        assert not [name for name in response.headers if name.startswith("x-ratelimit")]
        assert "max_tokens" not in (await whole.light.received()).fields


async def test_a_new_snapshot_keeps_what_was_spent() -> None:
    async with mesh() as whole:
        limit(whole, usdPerDay=0.01)
        await whole.chat(headers=ACME)
        limit(whole, usdPerDay=0.02)
        await whole.chat(headers=ACME)
        assert await settled(whole) == 2 * COST
