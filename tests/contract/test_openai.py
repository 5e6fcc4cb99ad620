"""The real `openai` client, to which a router is OpenAI: only `base_url` changes."""

import asyncio
import base64
import json
import struct
from collections.abc import AsyncIterator, Iterator

import openai
import pytest
from openai.types.chat import ChatCompletionChunk, ChatCompletionMessageParam

from tests.contract.router_process import RouterProcess
from tests.stub_upstream import (
    Behaviour,
    Steps,
    StubUpstream,
    abstain,
    answer,
    chunk,
    error,
    event,
    head,
    held,
    not_deployed,
    raw,
    stream,
)

HI: list[ChatCompletionMessageParam] = [{"role": "user", "content": "hi"}]
USAGE = b'data: {"id":"c-1","object":"chat.completion.chunk","created":1,"model":"stub","choices":[],"usage":' + (
    b'{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}\n\n'
)


@pytest.fixture
def client(router: RouterProcess) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=router.base_url, api_key="any", max_retries=0, timeout=30) as client:
        yield client


@pytest.fixture
async def async_client(router: RouterProcess) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=router.base_url, api_key="any", max_retries=0, timeout=30) as client:
        yield client


def texts(chunks: list[ChatCompletionChunk]) -> str:
    """What a stream said."""
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


def embedding(*values: float, packed: bool = False) -> Behaviour:
    """An answer with one vector."""
    vector = base64.b64encode(struct.pack(f"<{len(values)}f", *values)).decode() if packed else list(values)
    data = [{"object": "embedding", "index": 0, "embedding": vector}]
    return answer({"object": "list", "model": "stub", "data": data, "usage": {"prompt_tokens": 1, "total_tokens": 1}})


def test_a_chat(client: openai.OpenAI, upstream: StubUpstream) -> None:
    upstream.script(answer("hello"))
    completion = client.chat.completions.create(model="fresh", messages=HI)
    assert completion.choices[0].message.content == "hello"
    assert completion.usage is not None and completion.usage.total_tokens == 5


async def test_a_chat_with_the_asynchronous_client(async_client: openai.AsyncOpenAI, upstream: StubUpstream) -> None:
    upstream.script(answer("hello"))
    completion = await async_client.chat.completions.create(model="fresh", messages=HI)
    assert completion.choices[0].message.content == "hello"


def test_a_streamed_chat_with_its_usage(client: openai.OpenAI, upstream: StubUpstream) -> None:
    steps = Steps([event("hel"), event("lo"), USAGE])
    steps.go()
    upstream.script(steps)
    chunks = list(
        client.chat.completions.create(model="fresh", messages=HI, stream=True, stream_options={"include_usage": True})
    )
    assert texts(chunks) == "hello"
    assert chunks[-1].usage is not None and chunks[-1].usage.completion_tokens == 2
    assert upstream.requests[0].fields["stream_options"] == {"include_usage": True}


async def test_a_streamed_chat_with_the_asynchronous_client(
    async_client: openai.AsyncOpenAI, upstream: StubUpstream
) -> None:
    upstream.script(stream("hel", "lo"))
    chunks = await async_client.chat.completions.create(model="fresh", messages=HI, stream=True)
    assert texts([chunk async for chunk in chunks]) == "hello"


def test_a_streamed_chat_from_the_cache(client: openai.OpenAI, upstream: StubUpstream) -> None:
    upstream.script(stream("kept"))
    for _ in range(2):
        asked: list[ChatCompletionMessageParam] = [{"role": "user", "content": "keep this stream"}]
        assert texts(list(client.chat.completions.create(model="shop", messages=asked, stream=True))) == "kept"
    assert len(upstream.requests) == 1


def test_a_completion(client: openai.OpenAI, upstream: StubUpstream) -> None:
    choice = {"index": 0, "text": "a time", "finish_reason": "stop", "logprobs": None}
    upstream.script(
        answer({"id": "1", "object": "text_completion", "created": 1, "model": "stub", "choices": [choice]})
    )
    assert client.completions.create(model="fresh", prompt="Once upon").choices[0].text == "a time"
    assert upstream.requests[0].path == "/v1/completions"


def test_embeddings_packed_as_the_client_asks_by_default(client: openai.OpenAI, upstream: StubUpstream) -> None:
    upstream.script(embedding(0.5, -1.0, packed=True))
    assert client.embeddings.create(model="fresh", input="a").data[0].embedding == [0.5, -1.0]
    assert upstream.requests[0].fields["encoding_format"] == "base64"


def test_embeddings_as_numbers(client: openai.OpenAI, upstream: StubUpstream) -> None:
    upstream.script(embedding(0.5, -1.0))
    created = client.embeddings.create(model="fresh", input=["a"], encoding_format="float")
    assert created.data[0].embedding == [0.5, -1.0]


async def test_embeddings_with_the_asynchronous_client(
    async_client: openai.AsyncOpenAI, upstream: StubUpstream
) -> None:
    upstream.script(embedding(0.5, packed=True))
    assert (await async_client.embeddings.create(model="fresh", input="a")).data[0].embedding == [0.5]


def test_the_models(client: openai.OpenAI) -> None:
    assert [entry.id for entry in client.models.list()] == ["down", "fresh", "hasty", "iris", "shop"]
    assert client.models.retrieve("shop").owned_by == "tiermesh"


def test_unknown_fields_reach_the_model_byte_for_byte(client: openai.OpenAI, upstream: StubUpstream) -> None:
    extra = {"guided_choice": ["a", "b"], "top_k": 7, "chat_template_kwargs": {"名": [1.5, None, True]}}
    client.chat.completions.create(model="fresh", messages=HI, seed=2**70, extra_body=extra)
    body = upstream.requests[0].body
    fields = json.loads(body)
    assert {name: fields[name] for name in extra} == extra
    assert (fields["seed"], fields["model"]) == (2**70, "stub")
    assert str(2**70).encode() in body


def test_the_headers_say_how_it_was_answered(client: openai.OpenAI, upstream: StubUpstream) -> None:
    given = {"x-request-id": "id-7"}
    response = client.chat.completions.with_raw_response.create(model="fresh", messages=HI, extra_headers=given)
    assert response.headers["x-tiermesh-route"] == "fresh"
    assert response.headers["x-tiermesh-model"] == "stub"
    assert response.headers["x-tiermesh-cache"] == "bypass"
    assert response.request_id == "id-7"
    assert response.parse().choices[0].message.content == "ok"


@pytest.mark.parametrize(
    ("model", "behaviour", "raised", "code"),
    [
        ("fresh", error(400, "too long", param="messages"), openai.BadRequestError, "invalid_request"),
        ("none", None, openai.NotFoundError, "model_not_found"),
        ("fresh", abstain(), openai.UnprocessableEntityError, "model_abstained"),
        ("fresh", error(429), openai.RateLimitError, "queue_full"),
        ("fresh", error(503), openai.RateLimitError, "queue_full"),
        ("fresh", error(500), openai.InternalServerError, "upstream_failed"),
        ("fresh", raw(head(200, {"content-length": "9"}) + b"half"), openai.InternalServerError, "upstream_failed"),
        ("fresh", raw(b"garbage\r\n\r\n"), openai.InternalServerError, "upstream_failed"),
        ("fresh", not_deployed(), openai.InternalServerError, "model_starting"),
        ("down", None, openai.InternalServerError, "model_starting"),
        ("hasty", "stalls", openai.InternalServerError, "deadline_exceeded"),
    ],
)
@pytest.mark.parametrize("streams", [False, True])
def test_every_error_is_the_clients_own_exception(
    client: openai.OpenAI,
    upstream: StubUpstream,
    model: str,
    behaviour: Behaviour | str | None,
    raised: type[openai.APIStatusError],
    code: str,
    streams: bool,
) -> None:
    if behaviour is not None:
        upstream.script(held() if isinstance(behaviour, str) else behaviour)
    with pytest.raises(openai.APIStatusError) as caught:
        client.chat.completions.create(model=model, messages=HI, stream=streams)
    assert type(caught.value) is raised
    assert caught.value.code == code
    assert caught.value.response.headers["x-request-id"]


async def test_an_error_with_the_asynchronous_client(async_client: openai.AsyncOpenAI, upstream: StubUpstream) -> None:
    upstream.script(error(429, headers={"retry-after": "7"}))
    with pytest.raises(openai.RateLimitError) as caught:
        await async_client.chat.completions.create(model="fresh", messages=HI)
    assert caught.value.response.headers["retry-after"] == "7"


def test_a_wrong_field_is_named(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="fresh", messages=[], extra_body={"stream": "yes"})
    assert caught.value.param in ("stream", "messages")


def test_a_body_over_the_limit_is_an_answer_and_no_broken_connection(client: openai.OpenAI) -> None:
    with pytest.raises(openai.APIStatusError) as caught:
        client.chat.completions.create(model="fresh", messages=[{"role": "user", "content": "x" * 3_000_000}])
    assert (caught.value.status_code, caught.value.code) == (413, "body_too_large")


def test_the_client_retries_what_is_worth_it(router: RouterProcess, upstream: StubUpstream) -> None:
    upstream.script(error(503), answer("second time"))
    with openai.OpenAI(base_url=router.base_url, api_key="any", max_retries=1, timeout=30) as client:
        completion = client.chat.completions.create(model="fresh", messages=HI)
    assert completion.choices[0].message.content == "second time"


@pytest.mark.parametrize("last", [None, chunk(b"")], ids=["cut", "merely stops"])
def test_a_stream_that_breaks_raises_and_never_looks_complete(
    client: openai.OpenAI, upstream: StubUpstream, last: bytes | None
) -> None:
    steps = Steps([event("hel"), event("lo")], last)
    steps.go()
    upstream.script(steps)
    chunks: list[ChatCompletionChunk] = []
    with pytest.raises(openai.APIError, match="cut off"):
        chunks.extend(client.chat.completions.create(model="fresh", messages=HI, stream=True))
    assert not any(chunk.choices[0].finish_reason for chunk in chunks)


async def test_a_stream_past_its_deadline_raises_with_the_asynchronous_client(
    async_client: openai.AsyncOpenAI, upstream: StubUpstream
) -> None:
    steps = Steps([event("hel"), event("lo")])
    steps.step()
    upstream.script(steps)
    chunks = await async_client.chat.completions.create(model="hasty", messages=HI, stream=True)
    assert (await anext(chunks)).choices[0].delta.content == "hel"
    with pytest.raises(openai.APIError, match=r"0\.2 seconds"):
        await anext(chunks)


def test_an_error_of_the_model_within_its_stream_raises(client: openai.OpenAI, upstream: StubUpstream) -> None:
    steps = Steps([event("hel"), b'data: {"error": {"message": "out of memory", "code": 500}}\n\n'])
    steps.go()
    upstream.script(steps)
    with pytest.raises(openai.APIError, match="out of memory"):
        list(client.chat.completions.create(model="fresh", messages=HI, stream=True))


def test_a_client_that_closes_its_stream_stops_the_model(client: openai.OpenAI, upstream: StubUpstream) -> None:
    steps = Steps([event("hel"), event("lo")])
    steps.step()
    upstream.script(steps)
    chunks = client.chat.completions.create(model="fresh", messages=HI, stream=True)
    assert next(iter(chunks)).choices[0].delta.content == "hel"
    chunks.close()
    asyncio.run_coroutine_threadsafe(upstream.requests[0].left.wait(), upstream.loop).result(30)
