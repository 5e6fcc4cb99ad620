"""The Responses API with the real `openai` client: nothing is kept here, and all the rest is as at OpenAI."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import openai
import pytest
from openai.types.responses import FunctionToolParam, ResponseInputParam

from tests.contract.router_process import RouterProcess
from tests.contract.test_anthropic import CALLS, called, streaming
from tests.stub_upstream import (
    Behaviour,
    Steps,
    StubUpstream,
    abstain,
    answer,
    chunk,
    error,
    event,
    held,
    not_deployed,
    stream,
)
from tests.unit.routers.protocols.streams import delta
from tests.unit.routers.protocols.streams import stream as whole_stream

WEATHER: FunctionToolParam = {
    "type": "function",
    "name": "weather",
    "description": "By city.",
    "parameters": {"type": "object"},
    "strict": False,
}


@pytest.fixture
def client(router: RouterProcess) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=router.base_url, api_key="any", max_retries=0, timeout=30) as client:
        yield client


@pytest.fixture
async def async_client(router: RouterProcess) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=router.base_url, api_key="any", max_retries=0, timeout=30) as client:
        yield client


def test_a_response(client: openai.OpenAI, upstream: StubUpstream) -> None:
    upstream.script(answer("hello"))
    response = client.responses.create(
        model="fresh", instructions="Be kind.", input="hi", max_output_tokens=10, metadata={"order": "7"}
    )
    assert (response.output_text, response.status, response.model) == ("hello", "completed", "fresh")
    assert response.metadata == {"order": "7"}
    assert response.usage is not None and response.usage.total_tokens == 5
    assert upstream.requests[0].path == "/v1/chat/completions"
    assert upstream.requests[0].fields == {
        "model": "stub",
        "messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "hi"}],
        "max_tokens": 10,
    }


async def test_a_response_with_the_asynchronous_client(
    async_client: openai.AsyncOpenAI, upstream: StubUpstream
) -> None:
    upstream.script(answer("hello"))
    assert (await async_client.responses.create(model="fresh", input="hi")).output_text == "hello"


def test_a_streamed_response_with_its_usage(client: openai.OpenAI, upstream: StubUpstream) -> None:
    upstream.script(streaming(whole_stream("hel", "lo")))
    with client.responses.stream(model="fresh", input="hi") as streamed:
        texts = [each.delta for each in streamed if each.type == "response.output_text.delta"]
        response = streamed.get_final_response()
    assert texts == ["hel", "lo"]
    assert (response.output_text, response.status) == ("hello", "completed")
    assert response.usage is not None and response.usage.total_tokens == 9
    assert upstream.requests[0].fields["stream_options"] == {"include_usage": True}


async def test_a_streamed_response_with_the_asynchronous_client(
    async_client: openai.AsyncOpenAI, upstream: StubUpstream
) -> None:
    upstream.script(stream("hel", "lo"))
    async with async_client.responses.stream(model="fresh", input="hi") as streamed:
        assert (await streamed.get_final_response()).output_text == "hello"


def test_a_streamed_response_from_the_cache(client: openai.OpenAI, upstream: StubUpstream) -> None:
    upstream.script(stream("kept"))
    for _ in range(2):
        with client.responses.stream(model="shop", input="keep this response") as streamed:
            assert streamed.get_final_response().output_text == "kept"
    assert len(upstream.requests) == 1


@pytest.mark.parametrize("streams", [False, True])
def test_a_tool_is_called_and_its_result_is_told(client: openai.OpenAI, upstream: StubUpstream, streams: bool) -> None:
    said = whole_stream("Let me see.", {"tool_calls": CALLS}, finish="tool_calls")
    upstream.script(streaming(said) if streams else answer(called()), answer("Sunny."))
    output: Any
    if streams:
        with client.responses.stream(model="fresh", input="hi", tools=[WEATHER]) as streamed:
            output = streamed.get_final_response().to_dict()["output"]
    else:
        output = client.responses.create(model="fresh", input="hi", tools=[WEATHER]).to_dict()["output"]
    assert [item["type"] for item in output] == ["message", "function_call"]
    assert (output[1]["name"], output[1]["arguments"]) == ("weather", '{"city": "Graz"}')
    turns: ResponseInputParam = [
        {"role": "user", "content": "hi"},
        *output,
        {"type": "function_call_output", "call_id": "t1", "output": "sunny"},
    ]
    assert client.responses.create(model="fresh", input=turns, tools=[WEATHER]).output_text == "Sunny."
    first, second, third = upstream.requests[1].fields["messages"]
    assert first["content"] == "hi"
    assert second["content"] == "Let me see."
    assert second["tool_calls"][0]["function"] == {"name": "weather", "arguments": '{"city": "Graz"}'}
    assert third == {"role": "tool", "tool_call_id": "t1", "content": "sunny"}


def test_a_schema_and_an_image_reach_the_model(client: openai.OpenAI, upstream: StubUpstream) -> None:
    schema: dict[str, object] = {"type": "object"}
    client.responses.create(
        model="fresh",
        input=[
            {
                "role": "user",
                "content": [{"type": "input_image", "image_url": "data:image/png;base64,AA==", "detail": "auto"}],
            }
        ],
        text={"format": {"type": "json_schema", "name": "city", "schema": schema}},
    )
    fields = upstream.requests[0].fields
    assert fields["response_format"] == {"type": "json_schema", "json_schema": {"name": "city", "schema": schema}}
    assert fields["messages"][0]["content"][0]["image_url"]["url"] == "data:image/png;base64,AA=="


@pytest.mark.parametrize(
    ("model", "behaviour", "raised", "code"),
    [
        ("fresh", error(400, "too long", param="messages"), openai.BadRequestError, "invalid_request"),
        ("none", None, openai.NotFoundError, "model_not_found"),
        ("fresh", abstain(), openai.UnprocessableEntityError, "model_abstained"),
        ("fresh", error(429), openai.RateLimitError, "queue_full"),
        ("fresh", error(500), openai.InternalServerError, "upstream_failed"),
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
    with pytest.raises(raised) as caught:
        client.responses.create(model=model, input="hi", stream=streams)
    assert caught.value.code == code
    assert caught.value.response.headers["x-request-id"]


@pytest.mark.parametrize(
    ("asked", "param", "cure"),
    [
        ({"previous_response_id": "resp_1"}, "previous_response_id", "send the whole conversation as input"),
        ({"background": True}, "background", "stream it"),
        ({"tools": [{"type": "web_search"}]}, "tools[0]", "type function"),
    ],
)
def test_what_cannot_be_honoured_is_refused_with_a_cure(
    client: openai.OpenAI, asked: dict[str, Any], param: str, cure: str
) -> None:
    with pytest.raises(openai.BadRequestError, match=cure) as caught:
        client.responses.create(model="fresh", input="hi", **asked)
    assert caught.value.param == param


@pytest.mark.parametrize(
    "broken",
    [
        streaming(event("hel"), event("lo"), last=None),
        streaming(event("hel"), event("lo"), last=chunk(b"")),
        streaming(event("hel"), event("lo"), b"data: oops\n\n"),
        streaming(event("hel"), event("lo"), b'data: {"error": {"message": "out of memory"}}\n\n'),
        streaming(event("hel"), event("lo"), delta({"content": 7})),
    ],
    ids=["cut", "merely stops", "malformed", "error", "wrong type"],
)
def test_a_stream_that_breaks_raises_and_never_looks_complete(
    client: openai.OpenAI, upstream: StubUpstream, broken: Behaviour
) -> None:
    upstream.script(broken)
    happened = []
    with pytest.raises(openai.APIError) as caught:
        for each in client.responses.create(model="fresh", input="hi", stream=True):
            happened.append(each)
    last = happened[-1]
    assert last.type == "response.failed"
    assert last.response.status == "failed"
    assert last.response.error is not None and last.response.error.message == caught.value.message
    texts = "".join(each.delta for each in happened if each.type == "response.output_text.delta")
    assert "hello".startswith(texts) and texts == last.response.output_text
    assert not [each.type for each in happened if each.type.endswith((".done", ".completed", ".incomplete"))]


def test_a_try_that_fails_before_content_is_not_seen(client: openai.OpenAI, upstream: StubUpstream) -> None:
    upstream.script(streaming(delta({"role": "assistant", "content": ""}), last=None), stream("whole"))
    asked = "a response after a failed try"
    happened = [each.type for each in client.responses.create(model="shop", input=asked, stream=True)]
    assert (happened.count("response.created"), happened[-1]) == (1, "response.completed")
    assert len(upstream.requests) == 2


def test_a_stream_that_breaks_has_no_final_response(client: openai.OpenAI, upstream: StubUpstream) -> None:
    upstream.script(streaming(event("hel"), last=None))
    with (
        client.responses.stream(model="fresh", input="hi") as streamed,
        pytest.raises(openai.APIError, match="cut off"),
    ):
        streamed.get_final_response()


def test_a_stream_past_its_deadline_raises(client: openai.OpenAI, upstream: StubUpstream) -> None:
    steps = Steps([event("hel"), event("lo")])
    steps.step()
    upstream.script(steps)
    with pytest.raises(openai.APIError, match=r"0\.2 seconds") as caught:
        list(client.responses.create(model="hasty", input="hi", stream=True))
    assert caught.value.code == "deadline_exceeded"


def test_a_client_that_closes_its_stream_stops_the_model(client: openai.OpenAI, upstream: StubUpstream) -> None:
    steps = Steps([event("hel"), event("lo")])
    steps.step()
    upstream.script(steps)
    events = client.responses.create(model="fresh", input="hi", stream=True)
    assert next(iter(events)).type == "response.created"
    events.close()
    asyncio.run_coroutine_threadsafe(upstream.requests[0].left.wait(), upstream.loop).result(30)
