"""The Anthropic Messages API: answers, streams and errors are what Anthropic's own types say they are."""

from functools import cache
from typing import Any

import orjson
import pytest
from hypothesis import given
from pydantic import TypeAdapter

from control_plane.spec.errors import Code, TiermeshError
from routers.protocols.anthropic_answers import Messages
from routers.protocols.openai import JSON
from tests.unit.routers.protocols.streams import (
    CUTS,
    DONE,
    SAID,
    answer,
    call,
    cut,
    data,
    delta,
    encoded,
    pieces_of,
    stream,
    types,
)

USAGE = {"input_tokens": 4, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 3, "output_tokens": 2}
MANY_DIGITS = '{"x": 123456789012345678901234567890}'


@cache
def anthropics(name: str) -> TypeAdapter[Any]:
    """One of Anthropic's own types."""
    import anthropic.types  # deferred: it takes seconds, and only the process that runs these tests needs it

    return TypeAdapter(getattr(anthropic.types, name))


def message(body: bytes, dialect: Messages | None = None) -> dict[str, Any]:
    """A whole answer, valid by Anthropic's types."""
    headers, written = (dialect or Messages("r1")).answer(JSON, body, "shop")
    assert headers == JSON
    fields: dict[str, Any] = orjson.loads(written)
    anthropics("Message").validate_python(fields, strict=True)
    return fields


def streamed(*pieces: bytes, dialect: Messages | None = None) -> list[dict[str, Any]]:
    """The events of a stream; all but errors are valid by Anthropic's types."""
    happened = encoded((dialect or Messages("r1")).stream("shop", "r1"), *pieces)
    for event in happened:
        if event["type"] != "error":
            anthropics("RawMessageStreamEvent").validate_python(event)
    return happened


def gathered(happened: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """(Type, text) of each block of a stream, and that its events come in order."""
    blocks: list[tuple[str, str]] = []
    is_open = False
    for event in happened:
        if event["type"] == "content_block_start":
            assert not is_open and event["index"] == len(blocks)
            blocks.append((event["content_block"]["type"], ""))
            is_open = True
        elif event["type"].startswith("content_block_"):
            assert is_open and event["index"] == len(blocks) - 1
            is_open = event["type"] == "content_block_delta"
            kind, text = blocks[-1]
            changes = event.get("delta", {})
            more = changes.get("text", changes.get("partial_json", changes.get("thinking", "")))
            blocks[-1] = (kind, text + more)
    assert not is_open
    return blocks


def test_an_answer_is_a_message() -> None:
    assert message(answer({"content": "hi"})) == {
        "id": "msg_r1",
        "type": "message",
        "role": "assistant",
        "model": "shop",
        "content": [{"type": "text", "text": "hi"}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": USAGE,
    }


def test_calls_are_blocks_whose_input_keeps_every_digit() -> None:
    calls = [call(MANY_DIGITS, 0, "t1", "one"), call("", 1, "t2", "two")]
    body = answer({"content": "let me see", "tool_calls": calls}, "tool_calls")
    fields = message(body)
    assert [block["type"] for block in fields["content"]] == ["text", "tool_use", "tool_use"]
    assert fields["content"][2] == {"type": "tool_use", "id": "t2", "name": "two", "input": {}}
    assert MANY_DIGITS.encode() in Messages("r1").answer(JSON, body, "shop")[1]


@pytest.mark.parametrize(
    ("finish", "said", "reason"),
    [
        ("stop", {"content": "a"}, "end_turn"),
        ("length", {"content": "a"}, "max_tokens"),
        ("content_filter", {"refusal": "no"}, "refusal"),
        ("tool_calls", {"tool_calls": [call("{}", 0, "t", "f")]}, "tool_use"),
        ("stop", {"tool_calls": [call("{}", 0, "t", "f")]}, "tool_use"),
        ("something new", {"content": "a"}, "end_turn"),
    ],
)
def test_every_end_has_its_reason(finish: str, said: dict[str, Any], reason: str) -> None:
    assert message(answer(said, finish))["stop_reason"] == reason
    *_, delta, stop = streamed(stream(said, finish=finish))
    assert delta["delta"] == {"stop_reason": reason, "stop_sequence": None}
    assert stop == {"type": "message_stop"}


def test_a_stop_sequence_is_named() -> None:
    choice = {"index": 0, "message": {"content": "a"}, "finish_reason": "stop", "stop_reason": "END"}
    fields = message(orjson.dumps({"choices": [choice]}))
    assert (fields["stop_reason"], fields["stop_sequence"]) == ("stop_sequence", "END")


def test_half_a_call_is_left_out_where_the_tokens_ran_out() -> None:
    fields = message(answer({"content": "a", "tool_calls": [call('{"x": 1', 0, "t", "f")]}, "length"))
    assert (fields["stop_reason"], [block["type"] for block in fields["content"]]) == ("max_tokens", ["text"])


@pytest.mark.parametrize("arguments", ['{"x": 1', "[]", "7", '{"x": NaN}', "x"])
def test_arguments_that_are_no_object_are_an_error(arguments: str) -> None:
    with pytest.raises(TiermeshError, match="arguments") as caught:
        message(answer({"tool_calls": [call(arguments, 0, "t", "f")]}, "tool_calls"))
    assert caught.value.code is Code.UPSTREAM_FAILED


def test_thoughts_are_for_those_who_asked() -> None:
    said = {"reasoning_content": "hm", "content": "hi"}
    shown = [{"type": "thinking", "thinking": "hm", "signature": ""}, {"type": "text", "text": "hi"}]
    assert message(answer(said))["content"] == shown[1:]
    assert message(answer(said), Messages("r1", shows_thoughts=True))["content"] == shown
    assert gathered(streamed(stream(said))) == [("text", "hi")]
    assert gathered(streamed(stream(said), dialect=Messages("r1", True))) == [("thinking", "hm"), ("text", "hi")]


def test_a_stream_is_a_message_in_events() -> None:
    happened = streamed(stream("hel", "lo", {"tool_calls": [call("{}", 0, "t1", "one")]}, finish="tool_calls"))
    assert types(happened) == [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    begun = happened[0]["message"]
    assert (begun["id"], begun["model"], begun["content"], begun["stop_reason"]) == ("msg_r1", "shop", [], None)
    assert gathered(happened) == [("text", "hello"), ("tool_use", "{}")]
    assert happened[5]["content_block"] == {"type": "tool_use", "id": "t1", "name": "one", "input": {}}
    assert happened[-2]["usage"] == USAGE


@pytest.mark.parametrize("said", [b"", delta("a")])
@pytest.mark.parametrize("broken", [b"", data({"error": {"message": "x"}}) + DONE, b"data: oops\n\n" + DONE])
def test_a_broken_stream_ends_with_an_error(said: bytes, broken: bytes) -> None:
    happened = streamed(said + broken)
    assert happened[-1]["type"] == "error"
    assert happened[-1]["error"]["type"] == "api_error"
    assert not {"message_delta", "message_stop", "content_block_stop"} & set(types(happened))
    assert len(happened) == (4 if said else 1)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (Code.INVALID_JSON, "invalid_request_error"),
        (Code.INVALID_REQUEST, "invalid_request_error"),
        (Code.ABSTAINED, "invalid_request_error"),
        (Code.UNKNOWN_MODEL, "not_found_error"),
        (Code.QUEUE_FULL, "rate_limit_error"),
        (Code.UPSTREAM_FAILED, "api_error"),
        (Code.INTERNAL, "api_error"),
        (Code.MODEL_STARTING, "overloaded_error"),
        (Code.DEADLINE_EXCEEDED, "timeout_error"),
    ],
)
def test_every_error_has_anthropics_shape_and_type(code: Code, kind: str) -> None:
    headers, body = Messages().error(TiermeshError(code, "It failed.", "Try again.", retry_after_seconds=3))
    assert b"retry-after: 3\r\n" in headers
    read = anthropics("ErrorResponse").validate_json(body)
    assert (read.error.type, read.error.message) == (kind, "It failed. Try again.")


def test_a_body_that_is_too_large_has_the_type_that_anthropic_documents() -> None:
    body = orjson.loads(Messages().error(TiermeshError(Code.BODY_TOO_LARGE, "Too large."))[1])
    assert body["error"]["type"] == "request_too_large"


@given(SAID, CUTS)
def test_what_is_said_arrives_however_it_is_cut(said: list[tuple[str, str]], at: list[int]) -> None:
    whole = stream(*pieces_of(said))
    dialect = Messages("r1", shows_thoughts=True)
    happened = streamed(*cut(whole, at), dialect=dialect)
    assert happened == streamed(whole, dialect=dialect)
    blocks = gathered(happened)
    assert "".join(text for _, text in blocks) == "".join(text for _, text in said)
    assert [text for kind, text in blocks if kind == "tool_use"] == [text for kind, text in said if kind == "call"]
