"""The OpenAI Responses API: what a request comes to, what is given back, and what is refused by which path."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.models import Operation
from routers.call import Call
from routers.protocols import openai, responses
from routers.protocols.responses_answers import Responses
from tests.unit.routers.protocols.streams import JSON, disturbed, request

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOL = {"type": "function", "name": "weather", "description": "By city.", "parameters": SCHEMA, "strict": True}
FORMAT = {"type": "json_schema", "name": "city", "schema": SCHEMA, "strict": True}
FULL = {
    "model": "shop",
    "instructions": "Be kind.",
    "input": [
        {"role": "developer", "content": "Be brief."},
        {"type": "message", "role": "user", "content": [
            {"type": "input_text", "text": "What is it?"},
            {"type": "input_image", "image_url": "data:image/png;base64,AA==", "detail": "low"},
        ]},
        {"type": "reasoning", "id": "rs_1", "summary": []},
        {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [
            {"type": "output_text", "text": "Let me see.", "annotations": []}]},
        {"type": "function_call", "call_id": "c1", "name": "weather", "arguments": '{"city": "Graz"}'},
        {"type": "function_call", "call_id": "c2", "name": "weather", "arguments": ""},
        {"type": "function_call_output", "call_id": "c1", "output": "sunny"},
        {"type": "function_call_output", "call_id": "c2", "output": [{"type": "input_text", "text": "no city"}]},
    ],
    "tools": [TOOL],
    "tool_choice": "auto",
    "parallel_tool_calls": False,
    "text": {"format": FORMAT, "verbosity": "low"},
    "max_output_tokens": 100,
    "temperature": 0.5,
    "top_p": 0.9,
    "reasoning": {"effort": "low", "summary": "auto"},
    "metadata": {"order": "7"},
    "user": "u-1",
    "store": True,
    "stream": True,
    "truncation": "disabled",
    "background": False,
    "include": ["reasoning.encrypted_content"],
    "top_logprobs": 0,
}  # fmt: skip


def decode(fields: Any) -> Call:
    return responses.decode(request(fields), "r1", "acme")


def chat(**changes: Any) -> dict[str, Any]:
    """The chat fields of a small request with changes."""
    return decode({"model": "shop", "input": "hi", **changes}).fields


def test_a_request_becomes_a_chat_request() -> None:
    call = decode(FULL)
    assert call.operation is Operation.CHAT
    assert (call.model, call.stream, call.request_id, call.tenant) == ("shop", True, "r1", "acme")
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA==", "detail": "low"}}
    assert orjson.loads(call.body) == call.fields == {
        "model": "shop",
        "messages": [
            {"role": "system", "content": "Be kind."},
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "What is it?"}, image]},
            {
                "role": "assistant",
                "content": "Let me see.",
                "tool_calls": [
                    {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Graz"}'}},
                    {"id": "c2", "type": "function", "function": {"name": "weather", "arguments": ""}},
                ],
            },
            {"role": "tool", "tool_call_id": "c1", "content": "sunny"},
            {"role": "tool", "tool_call_id": "c2", "content": "no city"},
        ],
        "tools": [
            {
                "type": "function",
                "function": {"name": "weather", "description": "By city.", "parameters": SCHEMA, "strict": True},
            }
        ],
        "tool_choice": "auto",
        "parallel_tool_calls": False,
        "response_format": {"type": "json_schema", "json_schema": {"name": "city", "schema": SCHEMA, "strict": True}},
        "verbosity": "low",
        "max_tokens": 100,
        "temperature": 0.5,
        "top_p": 0.9,
        "reasoning_effort": "low",
        "user": "u-1",
        "stream": True,
        "stream_options": {"include_usage": True},
    }  # fmt: skip


def test_what_it_comes_to_is_a_request_that_the_chat_api_takes() -> None:
    openai.decode(Operation.CHAT, request(decode(FULL).body), "r1", "acme")


def test_a_response_repeats_what_was_asked() -> None:
    dialect = decode(FULL).dialect
    assert isinstance(dialect, Responses)
    assert dialect.request_id == "r1"
    repeated = ("instructions", "max_output_tokens", "metadata", "parallel_tool_calls", "reasoning", "temperature")
    also = ("text", "tool_choice", "tools", "top_p", "truncation", "user")
    assert dialect.echo == {name: FULL[name] for name in repeated + also}


def test_a_text_is_what_the_user_says() -> None:
    assert chat(tools=[], metadata={}, reasoning={}, instructions=None, previous_response_id=None) == {
        "model": "shop",
        "messages": [{"role": "user", "content": "hi"}],
    }


def test_a_refusal_of_an_earlier_turn_is_what_the_assistant_said() -> None:
    said = {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]}
    assert chat(input=[said])["messages"] == [{"role": "assistant", "content": "No."}]


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ({}, {}),
        ({"format": {"type": "text"}}, {}),
        ({"format": {"type": "json_object"}}, {"response_format": {"type": "json_object"}}),
    ],
)
def test_formats_of_text(text: dict[str, Any], fields: dict[str, Any]) -> None:
    assert chat(text=text).items() >= fields.items()
    assert ("response_format" in chat(text=text)) == bool(fields)


@pytest.mark.parametrize(
    ("choice", "chosen"),
    [
        ("none", "none"),
        ("required", "required"),
        ({"type": "function", "name": "f"}, {"type": "function", "function": {"name": "f"}}),
    ],
)
def test_every_choice_of_tools_has_its_counterpart(choice: Any, chosen: Any) -> None:
    assert chat(tool_choice=choice)["tool_choice"] == chosen


@pytest.mark.parametrize(
    "harmless", [{"background": False}, {"store": False}, {"include": []}, {"service_tier": "auto"}, {"prompt": None}]
)
def test_what_asks_for_nothing_is_harmless(harmless: dict[str, Any]) -> None:
    assert chat(**harmless) == chat()


def user(*parts: Any) -> list[Any]:
    return [{"role": "user", "content": list(parts)}]


@pytest.mark.parametrize(
    ("changes", "param", "cure"),
    [
        ({"previous_response_id": "resp_1"}, "previous_response_id", "the whole conversation"),
        ({"conversation": {"id": "conv_1"}}, "conversation", "the whole conversation"),
        ({"input": [{"type": "item_reference", "id": "msg_1"}]}, "input[0]", "the whole conversation"),
        ({"background": True}, "background", "stream it"),
        ({"prompt": {"id": "p"}}, "prompt", "as instructions"),
        ({"truncation": "auto"}, "truncation", "Shorten"),
        ({"context_management": []}, "context_management", "Shorten"),
        ({"include": ["message.output_text.logprobs"]}, "include", "/v1/chat/completions"),
        ({"top_logprobs": 2}, "top_logprobs", "/v1/chat/completions"),
        ({"tools": [TOOL, {"type": "web_search"}]}, "tools[1]", "type function"),
        ({"tools": [{"type": "mcp", "server_url": "http://x"}]}, "tools[0]", "type function"),
        ({"tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": []}}, "tool_choice", "by its name"),
        ({"input": [{"type": "web_search_call", "id": "ws"}]}, "input[0]", "Leave out"),
        ({"input": user({"type": "input_file", "file_id": "f"})}, "input[0].content[0]", "image_url"),
        ({"input": user({"type": "input_image", "file_id": "f"})}, "input[0].content[0]", "image_url"),
        ({"logit_bias": {}}, "logit_bias", "Leave it out"),
    ],
)
def test_what_cannot_be_honoured_is_refused_with_a_cure(changes: dict[str, Any], param: str, cure: str) -> None:
    with pytest.raises(TiermeshError, match="is not supported here") as caught:
        chat(**changes)
    assert (caught.value.code, caught.value.status, caught.value.param) == (Code.INVALID_REQUEST, 400, param)
    assert cure in caught.value.hint


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"model": None}, "model"),
        ({"model": 7}, "model"),
        ({"input": None}, "input"),
        ({"input": []}, "input"),
        ({"input": {}}, "input"),
        ({"input": ["hi"]}, "input[0]"),
        ({"input": [{"content": "hi"}]}, "input[0].role"),
        ({"input": [{"role": "tool", "content": "hi"}]}, "input[0].role"),
        ({"input": [{"role": "user"}]}, "input[0].content"),
        ({"input": [{"type": 7}]}, "input[0].type"),
        ({"input": user("hi")}, "input[0].content[0]"),
        ({"input": user({"text": "hi"})}, "input[0].content[0].type"),
        ({"input": user({"type": "input_text", "text": 7})}, "input[0].content[0].text"),
        ({"input": user({"type": "input_image", "image_url": 7})}, "input[0].content[0].image_url"),
        ({"input": user({"type": "input_image", "image_url": "u", "detail": 7})}, "input[0].content[0].detail"),
        ({"input": [{"type": "function_call", "name": "f", "arguments": ""}]}, "input[0].call_id"),
        ({"input": [{"type": "function_call", "call_id": "c", "name": "f", "arguments": {}}]}, "input[0].arguments"),
        ({"input": [{"type": "function_call_output", "call_id": "c"}]}, "input[0].output"),
        ({"input": [{"type": "function_call_output", "call_id": "c", "output": 7}]}, "input[0].output"),
        ({"instructions": 7}, "instructions"),
        ({"tools": {}}, "tools"),
        ({"tools": [{"type": "function"}]}, "tools[0].name"),
        ({"tools": [{"type": "function", "name": "f", "parameters": []}]}, "tools[0].parameters"),
        ({"tools": [{"type": "function", "name": "f", "strict": 1}]}, "tools[0].strict"),
        ({"tool_choice": "any"}, "tool_choice"),
        ({"tool_choice": 7}, "tool_choice"),
        ({"tool_choice": {"type": "function"}}, "tool_choice.name"),
        ({"text": "json"}, "text"),
        ({"text": {"format": {"type": "xml"}}}, "text.format.type"),
        ({"text": {"format": {"type": "json_schema", "name": "x"}}}, "text.format.schema"),
        ({"text": {"verbosity": 7}}, "text.verbosity"),
        ({"reasoning": "low"}, "reasoning"),
        ({"reasoning": {"effort": 7}}, "reasoning.effort"),
        ({"metadata": []}, "metadata"),
        ({"metadata": {"order": 7}}, "metadata.order"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
        ({"temperature": "hot"}, "temperature"),
        ({"parallel_tool_calls": 1}, "parallel_tool_calls"),
        ({"store": "yes"}, "store"),
        ({"stream": "yes"}, "stream"),
        ({"user": 7}, "user"),
    ],
)
def test_a_wrong_type_is_refused_by_its_path(changes: dict[str, Any], param: str) -> None:
    with pytest.raises(TiermeshError) as caught:
        chat(**changes)
    assert (caught.value.code, caught.value.param) == (Code.INVALID_REQUEST, param)
    assert caught.value.message.startswith(param)


def test_malformed_json_is_refused_with_line_and_column() -> None:
    with pytest.raises(TiermeshError, match="line 1, column 2") as caught:
        decode(b"{oops}")
    assert caught.value.code is Code.INVALID_JSON


@given(
    st.binary()
    | JSON.map(orjson.dumps)
    | st.dictionaries(st.sampled_from(sorted(FULL)), JSON).map(orjson.dumps)
    | disturbed(FULL).map(orjson.dumps)
)
def test_any_body_is_read_or_refused(body: bytes) -> None:
    try:
        call = decode(body)
    except TiermeshError as error:
        assert error.status == 400
    else:
        openai.decode(Operation.CHAT, request(call.body), "r1", "acme")
        call.dialect.answer(b"", b'{"choices":[{"message":{"content":"a"}}]}', call.model)


@given(st.text(), st.text())
def test_text_stays_as_it_is(instructions: str, asked: str) -> None:
    messages = chat(instructions=instructions, input=asked)["messages"]
    assert [message["content"] for message in messages] == [instructions, asked]
