"""The real `anthropic` client, to which a router is Anthropic: only `base_url` changes."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import anthropic
import pytest
from anthropic.types import MessageParam, ToolParam

from tests.contract.router_process import RouterProcess
from tests.stub_upstream import (
    DONE,
    Behaviour,
    Steps,
    StubUpstream,
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
from tests.unit.routers.protocols.streams import call, delta
from tests.unit.routers.protocols.streams import stream as whole_stream

HI: list[MessageParam] = [{"role": "user", "content": "hi"}]
WEATHER: ToolParam = {"name": "weather", "description": "By city.", "input_schema": {"type": "object"}}
CALLS = [call('{"city": "Graz"}', 0, "t1", "weather")]


@pytest.fixture
def client(router: RouterProcess) -> Iterator[anthropic.Anthropic]:
    base_url = router.base_url.removesuffix("/v1")
    with anthropic.Anthropic(base_url=base_url, api_key="any", max_retries=0, timeout=30) as client:
        yield client


@pytest.fixture
async def async_client(router: RouterProcess) -> AsyncIterator[anthropic.AsyncAnthropic]:
    base_url = router.base_url.removesuffix("/v1")
    async with anthropic.AsyncAnthropic(base_url=base_url, api_key="any", max_retries=0, timeout=30) as client:
        yield client


def streaming(*pieces: bytes, last: bytes | None = chunk(DONE) + chunk(b"")) -> Steps:
    """A stream of these events, at once."""
    steps = Steps(pieces, last)
    steps.go()
    return steps


def called() -> dict[str, Any]:
    """A chat completion that calls a tool."""
    fields = completion("Let me see.")
    fields["choices"][0] |= {"finish_reason": "tool_calls"}
    fields["choices"][0]["message"]["tool_calls"] = CALLS
    return fields


def test_a_message(client: anthropic.Anthropic, upstream: StubUpstream) -> None:
    upstream.script(answer("hello"))
    message = client.messages.create(model="fresh", max_tokens=10, system="Be kind.", messages=HI)
    assert [block.text for block in message.content if block.type == "text"] == ["hello"]
    assert (message.model, message.stop_reason) == ("fresh", "end_turn")
    assert (message.usage.input_tokens, message.usage.output_tokens) == (3, 2)
    assert upstream.requests[0].path == "/v1/chat/completions"
    assert upstream.requests[0].fields == {
        "model": "stub",
        "messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "hi"}],
        "max_tokens": 10,
    }


async def test_a_message_with_the_asynchronous_client(
    async_client: anthropic.AsyncAnthropic, upstream: StubUpstream
) -> None:
    upstream.script(answer("hello"))
    message = await async_client.messages.create(model="fresh", max_tokens=10, messages=HI)
    assert [block.text for block in message.content if block.type == "text"] == ["hello"]


def test_a_streamed_message_with_its_usage(client: anthropic.Anthropic, upstream: StubUpstream) -> None:
    upstream.script(streaming(whole_stream("hel", "lo")))
    with client.messages.stream(model="fresh", max_tokens=10, messages=HI) as streamed:
        assert list(streamed.text_stream) == ["hel", "lo"]
        message = streamed.get_final_message()
    assert (message.stop_reason, message.usage.input_tokens, message.usage.output_tokens) == ("end_turn", 4, 2)
    assert upstream.requests[0].fields["stream_options"] == {"include_usage": True}


async def test_a_streamed_message_with_the_asynchronous_client(
    async_client: anthropic.AsyncAnthropic, upstream: StubUpstream
) -> None:
    upstream.script(stream("hel", "lo"))
    async with async_client.messages.stream(model="fresh", max_tokens=10, messages=HI) as streamed:
        assert await streamed.get_final_text() == "hello"


def test_a_streamed_message_from_the_cache(client: anthropic.Anthropic, upstream: StubUpstream) -> None:
    upstream.script(stream("kept"))
    for _ in range(2):
        asked: list[MessageParam] = [{"role": "user", "content": "keep this message"}]
        with client.messages.stream(model="shop", max_tokens=10, messages=asked) as streamed:
            assert streamed.get_final_text() == "kept"
    assert len(upstream.requests) == 1


@pytest.mark.parametrize("streams", [False, True])
def test_a_tool_is_called_and_its_result_is_told(
    client: anthropic.Anthropic, upstream: StubUpstream, streams: bool
) -> None:
    said = whole_stream("Let me see.", {"tool_calls": CALLS}, finish="tool_calls")
    upstream.script(streaming(said) if streams else answer(called()), answer("Sunny."))
    message: anthropic.types.Message
    if streams:
        with client.messages.stream(model="fresh", max_tokens=10, messages=HI, tools=[WEATHER]) as streamed:
            message = streamed.get_final_message()
    else:
        message = client.messages.create(model="fresh", max_tokens=10, messages=HI, tools=[WEATHER])
    assert message.stop_reason == "tool_use"
    used = message.content[1]
    assert used.type == "tool_use"
    assert (used.id, used.name, used.input) == ("t1", "weather", {"city": "Graz"})
    result: MessageParam = {
        "role": "user",
        "content": [{"type": "tool_result", "tool_use_id": used.id, "content": "sunny"}],
    }
    assistant: MessageParam = {"role": "assistant", "content": message.content}
    client.messages.create(model="fresh", max_tokens=10, messages=[*HI, assistant, result], tools=[WEATHER])
    first, second, third = upstream.requests[1].fields["messages"]
    assert first["content"] == "hi"
    assert second["content"] == "Let me see."
    assert second["tool_calls"][0]["function"] == {"name": "weather", "arguments": '{"city":"Graz"}'}
    assert third == {"role": "tool", "tool_call_id": "t1", "content": "sunny"}


def test_an_image_reaches_the_model(client: anthropic.Anthropic, upstream: StubUpstream) -> None:
    client.messages.create(
        model="fresh",
        max_tokens=10,
        messages=[
            {
                "role": "user",
                "content": [
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA=="}},
                    {"type": "text", "text": "What is it?"},
                ],
            }
        ],
    )
    image, text = upstream.requests[0].fields["messages"][0]["content"]
    assert image == {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
    assert text == {"type": "text", "text": "What is it?"}


@pytest.mark.parametrize(
    ("model", "behaviour", "raised", "kind"),
    [
        ("fresh", error(400, "too long", param="messages"), anthropic.BadRequestError, "invalid_request_error"),
        ("none", None, anthropic.NotFoundError, "not_found_error"),
        ("fresh", abstain(), anthropic.UnprocessableEntityError, "invalid_request_error"),
        ("fresh", error(429), anthropic.RateLimitError, "rate_limit_error"),
        ("fresh", error(500), anthropic.InternalServerError, "api_error"),
        ("fresh", raw(head(200, {"content-length": "9"}) + b"half"), anthropic.InternalServerError, "api_error"),
        ("fresh", raw(b"garbage\r\n\r\n"), anthropic.InternalServerError, "api_error"),
        ("fresh", not_deployed(), anthropic.InternalServerError, "overloaded_error"),
        ("down", None, anthropic.InternalServerError, "overloaded_error"),
        ("hasty", "stalls", anthropic.InternalServerError, "timeout_error"),
    ],
)
@pytest.mark.parametrize("streams", [False, True])
def test_every_error_is_the_clients_own_exception(
    client: anthropic.Anthropic,
    upstream: StubUpstream,
    model: str,
    behaviour: Behaviour | str | None,
    raised: type[anthropic.APIStatusError],
    kind: str,
    streams: bool,
) -> None:
    if behaviour is not None:
        upstream.script(held() if isinstance(behaviour, str) else behaviour)
    with pytest.raises(raised) as caught:
        client.messages.create(model=model, max_tokens=10, messages=HI, stream=streams)
    assert caught.value.type == kind
    assert caught.value.response.headers["x-request-id"]


def test_a_wrong_field_is_named(client: anthropic.Anthropic) -> None:
    source: Any = {"type": "base64", "media_type": "image/png", "data": 7}
    asked: list[MessageParam] = [*HI, {"role": "user", "content": [{"type": "image", "source": source}]}]
    with pytest.raises(anthropic.BadRequestError, match=r"messages\[1\]\.content\[0\]\.source\.data must be a string"):
        client.messages.create(model="fresh", max_tokens=10, messages=asked)


def test_an_answer_that_is_no_completion_is_an_error(client: anthropic.Anthropic, upstream: StubUpstream) -> None:
    upstream.script(answer({"choices": []}))
    with pytest.raises(anthropic.InternalServerError, match="cannot be read"):
        client.messages.create(model="fresh", max_tokens=10, messages=HI)


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
    client: anthropic.Anthropic, upstream: StubUpstream, broken: Behaviour
) -> None:
    upstream.script(broken)
    happened = []
    with pytest.raises(anthropic.APIStatusError) as caught:
        for each in client.messages.create(model="fresh", max_tokens=10, messages=HI, stream=True):
            happened.append(each)
    assert caught.value.type == "api_error"
    texts = [
        each.delta.text for each in happened if each.type == "content_block_delta" and each.delta.type == "text_delta"
    ]
    assert "hello".startswith("".join(texts))
    assert not {"content_block_stop", "message_delta", "message_stop"} & {each.type for each in happened}


def test_a_try_that_fails_before_content_is_not_seen(client: anthropic.Anthropic, upstream: StubUpstream) -> None:
    upstream.script(streaming(delta({"role": "assistant", "content": ""}), last=None), stream("whole"))
    asked: list[MessageParam] = [{"role": "user", "content": "a message after a failed try"}]
    happened = [each.type for each in client.messages.create(model="shop", max_tokens=10, messages=asked, stream=True)]
    assert (happened[0], happened.count("message_start"), happened[-1]) == ("message_start", 1, "message_stop")
    assert len(upstream.requests) == 2


def test_a_stream_that_breaks_has_no_final_message(client: anthropic.Anthropic, upstream: StubUpstream) -> None:
    upstream.script(streaming(event("hel"), last=None))
    with (
        client.messages.stream(model="fresh", max_tokens=10, messages=HI) as streamed,
        pytest.raises(anthropic.APIStatusError, match="cut off"),
    ):
        streamed.get_final_message()


def test_a_stream_past_its_deadline_raises(client: anthropic.Anthropic, upstream: StubUpstream) -> None:
    steps = Steps([event("hel"), event("lo")])
    steps.step()
    upstream.script(steps)
    with pytest.raises(anthropic.APIStatusError, match=r"0\.2 seconds") as caught:
        list(client.messages.create(model="hasty", max_tokens=10, messages=HI, stream=True))
    assert caught.value.type == "timeout_error"


def test_a_client_that_closes_its_stream_stops_the_model(client: anthropic.Anthropic, upstream: StubUpstream) -> None:
    steps = Steps([event("hel"), event("lo")])
    steps.step()
    upstream.script(steps)
    events = client.messages.create(model="fresh", max_tokens=10, messages=HI, stream=True)
    assert next(iter(events)).type == "message_start"
    events.close()
    asyncio.run_coroutine_threadsafe(upstream.requests[0].left.wait(), upstream.loop).result(30)
