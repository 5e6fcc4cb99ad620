from typing import Any

import orjson
import pytest

from control_plane.spec.errors import Code, TiermeshError
from model_repo import openai

ASKED: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}


def read(**fields: Any) -> openai.ChatRequest:
    return openai.read(openai.ChatRequest, orjson.dumps({**ASKED, **fields}))


def test_a_message_is_a_string_or_a_list_of_texts() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert read(messages=[{"role": "user", "content": parts}]).messages[0].text == "ab"
    assert read().messages[0].text == "hello"
    assert read(messages=[{"role": "assistant", "content": None}]).messages[0].text == ""


def test_unknown_fields_pass() -> None:
    assert read(metadata={"order": 7}).model_extra == {"metadata": {"order": 7}}


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"temperature": "0.5"}, "temperature"),
        ({"temperature": 2.1}, "temperature"),
        ({"top_p": 0}, "top_p"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": 1.5}, "max_tokens"),
        ({"max_completion_tokens": True}, "max_completion_tokens"),
        ({"stop": ["a", "b", "c", "d", "e"]}, "stop"),
        ({"stop": [1]}, "stop[0]"),
        ({"stream": "yes"}, "stream"),
        ({"stream_options": {"include_usage": 1}}, "stream_options.include_usage"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "messages[0].content[0].type"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages[0].role"),
    ],
)
def test_a_wrong_field_is_named(fields: dict[str, Any], named: str) -> None:
    with pytest.raises(TiermeshError) as raised:
        read(**fields)
    assert (raised.value.code, raised.value.param, raised.value.status) == (Code.INVALID_REQUEST, named, 400)
    assert raised.value.message.startswith(f"{named}: ")


def test_malformed_json_is_refused_with_its_position() -> None:
    with pytest.raises(TiermeshError, match=r"not JSON: .* at line 1 column 11") as raised:
        openai.read(openai.ChatRequest, b'{"model": "')
    assert raised.value.code is Code.INVALID_JSON


def test_a_body_that_is_no_object_names_no_field() -> None:
    with pytest.raises(TiermeshError, match="The body") as raised:
        openai.read(openai.ChatRequest, b"[]")
    assert raised.value.param is None


@pytest.mark.parametrize(
    "fields",
    [{"n": 2}, {"tools": [{"type": "function"}]}, {"logprobs": True}, {"response_format": {"type": "json_object"}}],
)
def test_what_no_engine_does_is_named_rather_than_ignored(fields: dict[str, Any]) -> None:
    assert openai.unsupported(read(**fields)) == next(iter(fields))


def test_fields_that_ask_for_nothing_are_no_obstacle() -> None:
    request = read(n=1, tools=[], logprobs=False, frequency_penalty=0, response_format={"type": "text"}, suffix=None)
    assert openai.unsupported(request) is None


def test_one_text_to_embed_is_a_list_of_one() -> None:
    assert openai.read(openai.EmbeddingRequest, b'{"model": "m", "input": "x"}').input == ["x"]


def test_all_chunks_of_a_chat_share_an_id_and_only_the_first_has_the_role() -> None:
    writer = openai.Writer.of(read())
    opening = writer.opening({"entry": "e"})
    chunks = [opening, writer.piece("hi"), writer.closing("stop"), writer.usage(openai.Usage(3, 2))]
    assert opening is not None and opening["tiermesh"] == {"entry": "e"}
    assert [chunk["choices"] for chunk in chunks if chunk] == [
        [{"index": 0, "delta": {"role": "assistant", "content": ""}, "logprobs": None, "finish_reason": None}],
        [{"index": 0, "delta": {"content": "hi"}, "logprobs": None, "finish_reason": None}],
        [{"index": 0, "delta": {}, "logprobs": None, "finish_reason": "stop"}],
        [],
    ]
    assert chunks[-1] is not None and chunks[-1]["usage"]["total_tokens"] == 5
    assert len({chunk["id"] for chunk in chunks if chunk}) == 1


def test_a_completion_has_text_and_no_opening() -> None:
    writer = openai.Writer.of(openai.read(openai.CompletionRequest, b'{"model": "m", "prompt": "p"}'))
    assert writer.opening() is None
    assert writer.piece("a")["choices"][0]["text"] == "a"
    assert writer.whole("a", "length", openai.Usage(1, 1))["object"] == "text_completion"


def test_an_error_carries_message_and_cure() -> None:
    body = openai.error(TiermeshError(Code.INVALID_REQUEST, "Wrong.", "Do this.", param="n"))
    expected = {"message": "Wrong. Do this.", "type": "invalid_request_error", "param": "n", "code": "invalid_request"}
    assert body == {"error": expected}
