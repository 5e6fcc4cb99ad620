"""The caches as operators see and clear them, on the admin port."""

from typing import Any

import pytest

from routers.cache.semantic import SemanticCache
from tests.unit.routers.mesh import Mesh, cache_of
from tests.unit.routers.samples import chat
from tests.unit.routers.test_admin import admin
from tests.unit.routers.test_serving_semantic import SEMANTIC, Words, taught

PARCEL = "Tell me of the parcel of my case"


def semantic() -> SemanticCache:
    return SemanticCache(2**20, Words)


async def test_they_say_what_they_hold_and_how_each_partition_is_doing() -> None:
    cache = semantic()
    async with admin(lambda: cache, cache=SEMANTIC) as (whole, http):
        assert (await http.get("/cache")).json() == {"exact": [], "semantic": []}
        await taught(whole, cache)
        await whole.chat(PARCEL)
        await whole.chat("Where is order 7?")
        said = (await http.get("/cache")).json()
        (exact,) = said["exact"]
        assert (exact["route"], exact["entries"] >= 1, exact["bytes"]) == ("shop", True, whole.cache.size_bytes)
        (partition,) = said["semantic"]
        assert (partition["route"], partition["tenant"], partition["arm"]) == ("shop", "default", "default")
        assert (partition["state"], partition["entries"]) == ("answering", cache.entries)
        assert partition["looked"] == 1002
        assert 0 < partition["hits"] < 1002
        assert partition["exams"] + partition["lessons"] > 200
        assert 0 < partition["errorBound"] < 0.2


async def test_nothing_that_was_asked_or_answered_is_shown() -> None:
    cache = semantic()
    async with admin(lambda: cache, cache=SEMANTIC) as (whole, http):
        await taught(whole, cache)
        shown = (await http.get("/cache")).text + (await http.post("/explain", json=chat(PARCEL))).text
        assert "please" not in shown and "parcel answer" not in shown


async def test_a_purge_forgets_the_answers_and_what_was_learned() -> None:
    cache = semantic()
    async with admin(lambda: cache, cache=SEMANTIC) as (whole, http):
        await taught(whole, cache)
        await whole.chat("Where is order 7?")
        entries = cache.entries
        purged = await http.post("/cache/purge", json={"route": "shop"})
        assert purged.json() == {"exact": 1, "semantic": entries}
        assert (len(whole.cache), whole.cache.size_bytes, cache.entries) == (0, 0, 0)
        assert cache_of(await whole.chat("Where is order 7?")) == "miss"
        (partition,) = (await http.get("/cache")).json()["semantic"]
        assert (partition["state"], partition["exams"] + partition["lessons"]) == ("learning", 1)


async def test_a_purge_of_another_route_leaves_this_one() -> None:
    cache = semantic()
    async with admin(lambda: cache, cache=SEMANTIC) as (whole, http):
        await taught(whole, cache)
        whole.cache.purge(None)
        await whole.chat("Where is order 7?")
        assert whole.cache.purge("another") == 0 == await cache.purge("another")
        assert (await http.post("/cache/purge", json={"route": None})).json()["exact"] == 1


@pytest.mark.parametrize("body", [{}, {"route": 7}, {"route": "shop", "all": True}, []])
async def test_a_purge_that_does_not_say_of_what_is_refused(body: Any) -> None:
    async with admin(semantic, cache=SEMANTIC) as (_, http):
        response = await http.post("/cache/purge", json=body)
        assert (response.status_code, "null" in response.json()["error"]["message"]) == (400, True)


async def test_a_purge_of_a_route_that_does_not_exist_names_the_nearest() -> None:
    async with admin(semantic, cache=SEMANTIC) as (_, http):
        response = await http.post("/cache/purge", json={"route": "shpo"})
        assert (response.status_code, "'shop'" in response.json()["error"]["message"]) == (404, True)


async def test_a_web_page_cannot_have_an_operators_browser_purge() -> None:
    """What browsers send to other sites unasked: a form's types alone."""
    async with admin(semantic, cache=SEMANTIC) as (whole, http):
        await whole.chat("Where is order 7?")
        for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
            sent = await http.post("/cache/purge", content=b'{"route": null}', headers={"content-type": kind})
            assert sent.status_code == 400
        assert len(whole.cache) == 1


async def explained(whole: Mesh, http: Any, text: str, tenant: str | None = None, **fields: Any) -> dict[str, Any]:
    headers = {} if tenant is None else {"x-tiermesh-tenant": tenant}
    response = await http.post("/explain", json=chat(text, **fields), headers=headers)
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()["semantic"]
    return found


async def test_an_explanation_says_what_a_question_would_get_and_leaves_all_as_it_is() -> None:
    cache = semantic()
    async with admin(lambda: cache, cache=SEMANTIC) as (whole, http):
        await taught(whole, cache)
        await whole.chat("Where is order 7?")
        before = (await http.get("/cache")).text
        found = await explained(whole, http, PARCEL)
        assert (found["verdict"], found["readable"]) == ("hit", True)
        assert found["score"] > found["partition"]["threshold"]
        chosen = found["near"][found["chosen"]]
        assert chosen["similarity"] == pytest.approx(1, abs=0.01)
        assert {near["answer"] for near in found["near"] if near["similarity"] > 0.9} == {1}
        assert (await http.get("/cache")).text == before
        assert len(whole.light.requests) == 1


async def test_an_explanation_says_why_not() -> None:
    cache = semantic()
    async with admin(lambda: cache, cache=SEMANTIC) as (whole, http):
        assert "asked yet" in (await explained(whole, http, PARCEL))["reasons"][0]
        await taught(whole, cache)
        other = await explained(whole, http, "Where is parcel 1041?")
        assert (other["verdict"], other["slots"]["numbers"]) == ("miss", ["1041"])
        assert {near["differs"] for near in other["near"]} == {"numbers"}
        unread = await explained(whole, http, "包裹在哪里")
        assert (unread["verdict"], unread["readable"]) == ("miss", False)
        assert "does not know" in unread["reasons"][0]
        assert "asked yet" in (await explained(whole, http, PARCEL, temperature=0.5))["reasons"][0]


async def test_an_explanation_for_a_tenant_that_does_not_exist_is_refused() -> None:
    async with admin(semantic, cache=SEMANTIC) as (_, http):
        response = await http.post("/explain", json=chat(PARCEL), headers={"x-tiermesh-tenant": "nobody"})
        assert (response.status_code, "Tenant 'nobody'" in response.text) == (404, True)


async def test_a_request_that_is_not_compared_has_no_explanation() -> None:
    async with admin(semantic, cache=SEMANTIC) as (whole, http):
        tool = {"type": "function", "function": {"name": "track"}}
        assert await explained(whole, http, PARCEL, tools=[tool]) is None


async def test_a_route_without_a_semantic_cache_says_nothing_of_it() -> None:
    async with admin(semantic) as (whole, http):
        await whole.chat("Where is order 7?")
        assert "semantic" not in (await http.post("/explain", json=chat(PARCEL))).json()
        assert (await http.get("/cache")).json()["semantic"] == []
