"""The Anthropic Messages API: what a request comes to, and what is refused by which path."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.models import Operation
from routers.call import Call
from routers.protocols import anthropic, openai
from routers.protocols.anthropic_answers import Messages
from tests.unit.routers.protocols.streams import JSON, disturbed, request

HI = {"role": "user", "content": "hi"}
SOURCE = {"type": "base64", "media_type": "image/png", "data": "AA=="}
IMAGE = {"type": "image", "source": SOURCE}
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOL = {"name": "weather", "description": "By city.", "input_schema": SCHEMA}
FULL = {
    "model": "shop",
    "max_tokens": 100,
    "system": [{"type": "text", "text": "Be kind.", "cache_control": {"type": "ephemeral"}}],
    "messages": [
        {"role": "user", "content": [{"type": "text", "text": "What is it?"}, IMAGE]},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "hm", "signature": ""},
                {"type": "text", "text": "Let me see."},
                {"type": "tool_use", "id": "t1", "name": "weather", "input": {"city": "Graz"}},
                {"type": "tool_use", "id": "t2", "name": "weather", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "t1", "content": "sunny"},
                {"type": "text", "text": "and?"},
                {"type": "tool_result", "tool_use_id": "t2", "is_error": True, "content": [
                    {"type": "text", "text": "no city"}, IMAGE]},
            ],
        },
    ],
    "tools": [TOOL],
    "tool_choice": {"type": "auto"},
    "stop_sequences": ["END"],
    "temperature": 0.5,
    "top_p": 0.9,
    "top_k": 5,
    "stream": True,
    "metadata": {"user_id": "u-1"},
    "thinking": {"type": "enabled", "budget_tokens": 1024},
    "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": SCHEMA}},
    "service_tier": "auto",
}  # fmt: skip
URL = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}


def decode(fields: Any) -> Call:
    return anthropic.decode(request(fields), "r1", "acme")


def chat(**changes: Any) -> dict[str, Any]:
    """The chat fields of a small request with changes; those of None are left out."""
    return decode({"model": "shop", "max_tokens": 5, "messages": [HI], **changes}).fields


def test_a_request_becomes_a_chat_request() -> None:
    call = decode(FULL)
    assert call.operation is Operation.CHAT
    assert (call.model, call.stream, call.request_id, call.tenant) == ("shop", True, "r1", "acme")
    assert orjson.loads(call.body) == call.fields == {
        "model": "shop",
        "max_tokens": 100,
        "messages": [
            {"role": "system", "content": "Be kind."},
            {"role": "user", "content": [{"type": "text", "text": "What is it?"}, URL]},
            {
                "role": "assistant",
                "content": "Let me see.",
                "tool_calls": [
                    {"id": "t1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Graz"}'}},
                    {"id": "t2", "type": "function", "function": {"name": "weather", "arguments": "{}"}},
                ],
            },
            {"role": "tool", "tool_call_id": "t1", "content": "sunny"},
            {"role": "tool", "tool_call_id": "t2", "content": "Error:\nno city"},
            {"role": "user", "content": [URL, {"type": "text", "text": "and?"}]},
        ],
        "tools": [
            {"type": "function", "function": {"name": "weather", "description": "By city.", "parameters": SCHEMA}}
        ],
        "tool_choice": "auto",
        "stop": ["END"],
        "temperature": 0.5,
        "top_p": 0.9,
        "top_k": 5,
        "stream": True,
        "stream_options": {"include_usage": True},
        "user": "u-1",
        "reasoning_effort": "low",
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": SCHEMA, "strict": True},
        },
    }  # fmt: skip


def test_what_it_comes_to_is_a_request_that_the_chat_api_takes() -> None:
    openai.decode(Operation.CHAT, request(decode(FULL).body), "r1", "acme")


def test_a_small_request_asks_for_nothing_more() -> None:
    assert chat(tools=[], metadata={}, output_config={}, system=None, thinking=None, top_k=None) == {
        "model": "shop",
        "max_tokens": 5,
        "messages": [HI],
    }


@pytest.mark.parametrize(
    ("choice", "fields"),
    [
        ({"type": "auto"}, {"tool_choice": "auto"}),
        ({"type": "any"}, {"tool_choice": "required"}),
        ({"type": "none"}, {"tool_choice": "none"}),
        ({"type": "tool", "name": "f"}, {"tool_choice": {"type": "function", "function": {"name": "f"}}}),
        (
            {"type": "any", "disable_parallel_tool_use": True},
            {"tool_choice": "required", "parallel_tool_calls": False},
        ),
        ({"type": "any", "disable_parallel_tool_use": False}, {"tool_choice": "required"}),
    ],
)
def test_every_choice_of_tools_has_its_counterpart(choice: dict[str, Any], fields: dict[str, Any]) -> None:
    assert chat(tool_choice=choice).items() >= fields.items()
    assert ("parallel_tool_calls" in chat(tool_choice=choice)) == ("parallel_tool_calls" in fields)


@pytest.mark.parametrize(
    ("content", "messages"),
    [
        ([], [{"role": "user", "content": ""}]),
        ([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], [{"role": "user", "content": "a\nb"}]),
        (
            [{"type": "image", "source": {"type": "url", "url": "http://x/y"}}],
            [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://x/y"}}]}],
        ),
        ([{"type": "tool_result", "tool_use_id": "t"}], [{"role": "tool", "tool_call_id": "t", "content": ""}]),
    ],
)
def test_what_users_say(content: Any, messages: Any) -> None:
    assert chat(messages=[{"role": "user", "content": content}])["messages"] == messages


def test_the_system_may_speak_within_the_conversation() -> None:
    said = [{"role": "system", "content": "Be brief."}, HI]
    assert chat(messages=said, system="Be kind.")["messages"] == [{"role": "system", "content": "Be kind."}, *said]


def test_an_assistant_that_only_thought_said_nothing() -> None:
    thought = {"role": "assistant", "content": [{"type": "redacted_thinking", "data": "x"}]}
    assert chat(messages=[HI, thought])["messages"] == [HI, {"role": "assistant", "content": ""}]


@pytest.mark.parametrize(
    ("thinking", "shows"),
    [
        (None, False),
        ({"type": "disabled"}, False),
        ({"type": "adaptive"}, True),
        ({"type": "enabled", "budget_tokens": 1024}, True),
        ({"type": "enabled", "budget_tokens": 1024, "display": "omitted"}, False),
        ({"type": "enabled", "budget_tokens": 1024, "display": "summarized"}, True),
    ],
)
def test_thoughts_are_shown_to_who_asked_for_them(thinking: Any, shows: bool) -> None:
    call = decode({"model": "shop", "max_tokens": 5, "messages": [HI], "thinking": thinking})
    assert call.dialect == Messages("r1", shows)
    assert "thinking" not in call.fields


def user(*blocks: Any) -> list[Any]:
    return [HI, {"role": "user", "content": list(blocks)}]


def assistant(*blocks: Any) -> list[Any]:
    return [{"role": "assistant", "content": list(blocks)}]


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"model": None}, "model"),
        ({"model": ""}, "model"),
        ({"model": ["shop"]}, "model"),
        ({"max_tokens": None}, "max_tokens"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": "5"}, "max_tokens"),
        ({"messages": None}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": "hi"}, "messages"),
        ({"messages": ["hi"]}, "messages[0]"),
        ({"messages": [{"content": "hi"}]}, "messages[0].role"),
        ({"messages": [{"role": "tool", "content": "hi"}]}, "messages[0].role"),
        ({"messages": [HI, {"role": "user"}]}, "messages[1].content"),
        ({"messages": [HI, {"role": "user", "content": 7}]}, "messages[1].content"),
        ({"messages": user("hi")}, "messages[1].content[0]"),
        ({"messages": user({"text": "hi"})}, "messages[1].content[0].type"),
        ({"messages": user({"type": "text"})}, "messages[1].content[0].text"),
        ({"messages": user({"type": "text", "text": 7})}, "messages[1].content[0].text"),
        ({"messages": user({"type": "document", "source": {}})}, "messages[1].content[0]"),
        ({"messages": user({"type": "tool_use", "id": "t", "name": "f", "input": {}})}, "messages[1].content[0]"),
        ({"messages": user({"type": "image"})}, "messages[1].content[0].source"),
        ({"messages": user({"type": "image", "source": {"type": "file", "file_id": "f"}})},
         "messages[1].content[0].source.type"),
        ({"messages": user({"type": "image", "source": {"type": "url"}})}, "messages[1].content[0].source.url"),
        ({"messages": user({"type": "image", "source": {**SOURCE, "data": 7}})},
         "messages[1].content[0].source.data"),
        ({"messages": user({"type": "image", "source": {**SOURCE, "media_type": "image/tiff"}})},
         "messages[1].content[0].source.media_type"),
        ({"messages": user({"type": "tool_result"})}, "messages[1].content[0].tool_use_id"),
        ({"messages": user({"type": "tool_result", "tool_use_id": "t", "content": 7})},
         "messages[1].content[0].content"),
        ({"messages": user({"type": "tool_result", "tool_use_id": "t", "content": [{"type": "document"}]})},
         "messages[1].content[0].content[0]"),
        ({"messages": user({"type": "tool_result", "tool_use_id": "t", "is_error": 1})},
         "messages[1].content[0].is_error"),
        ({"messages": assistant({"type": "tool_use", "id": "t", "name": "f", "input": "{}"})},
         "messages[0].content[0].input"),
        ({"messages": assistant({"type": "tool_use", "name": "f", "input": {}})}, "messages[0].content[0].id"),
        ({"messages": assistant(IMAGE)}, "messages[0].content[0]"),
        ({"system": 7}, "system"),
        ({"system": [IMAGE]}, "system[0]"),
        ({"tools": {}}, "tools"),
        ({"tools": ["f"]}, "tools[0]"),
        ({"tools": [TOOL, {"name": "f"}]}, "tools[1].input_schema"),
        ({"tools": [{**TOOL, "input_schema": "{}"}]}, "tools[0].input_schema"),
        ({"tools": [{**TOOL, "description": 7}]}, "tools[0].description"),
        ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, "tools[0]"),
        ({"tool_choice": "auto"}, "tool_choice"),
        ({"tool_choice": {"type": "some"}}, "tool_choice.type"),
        ({"tool_choice": {"type": "tool"}}, "tool_choice.name"),
        ({"tool_choice": {"type": "any", "disable_parallel_tool_use": 1}}, "tool_choice.disable_parallel_tool_use"),
        ({"stop_sequences": "END"}, "stop_sequences"),
        ({"stop_sequences": ["END", 7]}, "stop_sequences[1]"),
        ({"temperature": "hot"}, "temperature"),
        ({"top_p": True}, "top_p"),
        ({"top_k": 0.5}, "top_k"),
        ({"stream": "yes"}, "stream"),
        ({"metadata": "u-1"}, "metadata"),
        ({"metadata": {"user_id": 7}}, "metadata.user_id"),
        ({"thinking": True}, "thinking"),
        ({"thinking": {}}, "thinking.type"),
        ({"output_config": {"format": {"type": "text"}}}, "output_config.format.type"),
        ({"output_config": {"format": {"type": "json_schema"}}}, "output_config.format.schema"),
        ({"mcp_servers": []}, "mcp_servers"),
        ({"container": "c-1"}, "container"),
        ({"n": 2}, "n"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_refused_by_its_path(changes: dict[str, Any], param: str) -> None:
    with pytest.raises(TiermeshError) as caught:
        chat(**changes)
    assert (caught.value.code, caught.value.param) == (Code.INVALID_REQUEST, param)
    assert caught.value.message.startswith(param)
    assert caught.value.hint


def test_malformed_json_is_refused_with_line_and_column() -> None:
    with pytest.raises(TiermeshError, match="line 1, column 2") as caught:
        decode(b"{oops}")
    assert caught.value.code is Code.INVALID_JSON


def test_a_caller_may_want_a_fresh_answer() -> None:
    body = {"model": "shop", "max_tokens": 5, "messages": [HI]}
    assert anthropic.decode(request(body, {b"cache-control": b"no-store"}), "r1", "acme").fresh


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


@given(st.text(), st.text(), st.text())
def test_text_stays_as_it_is(system: str, asked: str, answered: str) -> None:
    said = [{"role": "user", "content": asked}, {"role": "assistant", "content": [{"type": "text", "text": answered}]}]
    messages = chat(system=system, messages=said)["messages"]
    assert [message["content"] for message in messages] == [system, asked, answered]
