"""The OpenAI API: what is read, what is refused, and what of a body changes on its way."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.models import Operation
from routers.protocols import openai
from tests.unit.routers.samples import call, chat, model, route, runtime

USER = {"role": "user", "content": "hi"}


def test_a_request_is_read_and_its_body_stays_as_it_came() -> None:
    body = b' {"model": "shop",\n"messages": [{"role":"user","content":"hi"}], "stream": true, "unknown": 1.50 }'
    read = call(body)
    assert (read.operation, read.model, read.stream, read.body) == (Operation.CHAT, "shop", True, body)
    assert read.fields["unknown"] == 1.5


@pytest.mark.parametrize("stream", [None, False])
def test_a_stream_is_only_what_says_true(stream: bool | None) -> None:
    assert call(chat(stream=stream)).stream is False


@pytest.mark.parametrize(
    ("operation", "change", "param"),
    [
        (Operation.CHAT, {"model": None}, "model"),
        (Operation.CHAT, {"model": 7}, "model"),
        (Operation.CHAT, {"model": ""}, "model"),
        (Operation.CHAT, {"stream": "yes"}, "stream"),
        (Operation.CHAT, {"stream": 1}, "stream"),
        (Operation.CHAT, {"messages": None}, "messages"),
        (Operation.CHAT, {"messages": []}, "messages"),
        (Operation.CHAT, {"messages": USER}, "messages"),
        (Operation.CHAT, {"messages": [USER, "hi"]}, "messages[1]"),
        (Operation.CHAT, {"messages": [{"content": "hi"}]}, "messages[0].role"),
        (Operation.CHAT, {"messages": [USER, {"role": "king", "content": "hi"}]}, "messages[1].role"),
        (Operation.CHAT, {"messages": [{"role": ["user"], "content": "hi"}]}, "messages[0].role"),
        (Operation.CHAT, {"messages": [{"role": "user", "content": 7}]}, "messages[0].content"),
        (Operation.CHAT, {"messages": [{"role": "user", "content": {"type": "text"}}]}, "messages[0].content"),
        (Operation.COMPLETIONS, {"prompt": None}, "prompt"),
        (Operation.COMPLETIONS, {"prompt": 7}, "prompt"),
        (Operation.COMPLETIONS, {"prompt": []}, "prompt"),
        (Operation.EMBEDDINGS, {"input": {}}, "input"),
        (Operation.EMBEDDINGS, {"input": []}, "input"),
    ],
)
def test_a_wrong_type_is_refused_with_the_name_of_its_field(
    operation: Operation, change: dict[str, Any], param: str
) -> None:
    with pytest.raises(TiermeshError) as caught:
        call(chat(prompt="a", input="a") | change, operation)
    assert (caught.value.code, caught.value.status, caught.value.param) == (Code.INVALID_REQUEST, 400, param)
    assert caught.value.message.startswith(param)


@pytest.mark.parametrize("content", ["hi", None, [], [{"type": "text", "text": "hi"}], ["odd", 7]])
def test_what_the_api_allows_as_content_is_left_to_the_model(content: Any) -> None:
    call(chat() | {"messages": [{"role": "assistant", "content": content, "tool_calls": []}]})


@pytest.mark.parametrize("value", ["a", ["a", "b"], [1, 2], [[1], [2]]])
def test_prompts_and_inputs_may_be_texts_or_tokens_alone_or_in_lists(value: Any) -> None:
    call({"model": "shop", "prompt": value}, Operation.COMPLETIONS)
    call({"model": "shop", "input": value}, Operation.EMBEDDINGS)


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (b"", "line 1, column 1"),
        (b'{"model": "shop",\n  "messages": oops}', "line 2, column 15"),
        (b'{"a": 1}\n{"b": 2}', "line 2, column 1"),
        (b'{"a": NaN}', "line 1, column 7"),
        (b'{"a": "\xff"}', "line 1, column"),
        (b'{"a": "\\ud800"}', "line 1, column"),
        (b"[" * 2000, "line 1, column"),
    ],
)
def test_malformed_json_is_refused_with_line_and_column(body: bytes, where: str) -> None:
    with pytest.raises(TiermeshError, match=where) as caught:
        call(body)
    assert caught.value.code is Code.INVALID_JSON


@pytest.mark.parametrize("levels", [openai.MAX_LEVELS, 1000])
def test_a_body_that_nests_too_deeply_to_be_written_again_is_refused(levels: int) -> None:
    deep = b"[" * levels + b"]" * levels
    with pytest.raises(TiermeshError, match="nests deeper than") as caught:
        call(orjson.dumps(chat())[:-1] + b',"x":' + deep + b"}")
    assert caught.value.code is Code.INVALID_REQUEST


def test_the_deepest_body_that_is_read_can_be_written_within_eight_levels_more() -> None:
    levels = openai.MAX_LEVELS - 1
    deep = call(orjson.dumps(chat())[:-1] + b',"x":' + b"[" * levels + b"]" * levels + b"}")
    assert orjson.loads(orjson.dumps([[[[[[[[deep.fields]]]]]]]])) == [[[[[[[[deep.fields]]]]]]]]


def test_a_second_model_is_replaced_too_however_its_name_is_written() -> None:
    twice = orjson.dumps(chat())[:-1] + b',"\\u006dodel":"shop"}'
    assert orjson.loads(openai.body_for(call(twice), "served"))["model"] == "served"


def test_a_body_with_many_brackets_side_by_side_is_not_deep() -> None:
    call(chat(x=[[] for _ in range(1000)]))


@pytest.mark.parametrize("body", [b"[]", b'"text"', b"null", b"7"])
def test_json_that_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(TiermeshError, match="must be a JSON object") as caught:
        call(body)
    assert caught.value.code is Code.INVALID_REQUEST


@pytest.mark.parametrize("served", ["light", 'odd "name"\\', r"back\1slash", "模型"])
def test_only_the_models_name_is_replaced_byte_for_byte(served: str) -> None:
    before, after = b' { "seed":12345678901234567890123, "model"', b',"messages":[{"role":"user","content":"\\u4f60"}]}'
    body = openai.body_for(call(before + b' : "shop" ' + after), served)
    assert body == before + b":" + orjson.dumps(served) + b" " + after


def test_a_body_for_a_model_of_the_same_name_is_the_callers_own() -> None:
    given = call()
    assert openai.body_for(given, "shop") is given.body


TEXT = st.text() | st.sampled_from(["model", '"model"', '"model":"x"', 'say "model"', "\\", "model\\"])
NAMES = TEXT.filter(lambda name: name not in ("model", "messages", "stream"))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=10,
)


@given(
    st.dictionaries(NAMES, JSON, max_size=4),
    st.text(min_size=1),
    st.text(min_size=1),
    st.booleans(),
    st.booleans(),
    st.sampled_from(["model", "\\u006dodel", "mo\\u0064el", "\\u006D\\u006F\\u0064\\u0065\\u006C"]),
)
def test_every_body_keeps_its_fields_and_gets_the_models_name(
    extra: dict[str, Any], name: str, served: str, ascii_only: bool, first: bool, spelled: str
) -> None:
    pairs = [f"{json.dumps(key, ensure_ascii=ascii_only)}: {json.dumps(value, ensure_ascii=ascii_only)}"
             for key, value in {**extra, "messages": [USER]}.items()]  # fmt: skip
    pairs.insert(0 if first else len(pairs), f'"{spelled}" : {json.dumps(name, ensure_ascii=ascii_only)}')
    try:
        given_call = call(("{" + ", ".join(pairs) + "}").encode())
    except (TiermeshError, UnicodeEncodeError):
        assume(False)
    sent = orjson.loads(openai.body_for(given_call, served))
    assert sent == {**given_call.fields, "model": served}


def test_of_a_model_that_is_named_twice_the_last_counts_and_none_stays() -> None:
    read = call(b'{"model":"other","messages":[{"role":"user","content":"hi"}],"model":"shop"}')
    assert read.model == "shop"
    assert openai.body_for(read, "light").count(b'"model"') == 1


def test_an_error_has_openais_shape() -> None:
    error = TiermeshError(Code.QUEUE_FULL, "The queue is full.", "Try again.", retry_after_seconds=3)
    assert orjson.loads(openai.encode_error(error)) == {
        "error": {
            "message": "The queue is full. Try again.",
            "type": "rate_limit_error",
            "param": None,
            "code": "queue_full",
        }
    }
    assert b"retry-after: 3\r\n" in openai.error_headers(error)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (Code.INVALID_JSON, "invalid_request_error"),
        (Code.UNKNOWN_MODEL, "not_found_error"),
        (Code.UPSTREAM_FAILED, "server_error"),
    ],
)
def test_an_errors_type_follows_its_status(code: Code, kind: str) -> None:
    assert openai.error_fields(TiermeshError(code, "m"))["error"]["type"] == kind


def test_the_event_that_ends_a_broken_stream_is_an_event_of_its_own() -> None:
    broken = b'data: {"cut in the mid' + openai.PassThrough().error(TiermeshError(Code.STREAM_CUT, "cut"))
    events = [part for part in broken.split(b"\n\n") if part]
    assert orjson.loads(events[-1].removeprefix(b"data: "))["error"]["code"] == "stream_cut"
    assert b"[DONE]" not in broken


def test_models_are_listed_by_the_names_that_callers_use() -> None:
    mesh = runtime(model("light"), route("b", heavy=[]), route("a", heavy=[], model="Org/A"))
    listed = orjson.loads(openai.models(mesh))
    assert listed["object"] == "list"
    assert [entry["id"] for entry in listed["data"]] == ["Org/A", "b"]
    assert orjson.loads(openai.model("b", mesh)) == {
        "id": "b",
        "object": "model",
        "created": int(mesh.snapshot.created_at.timestamp()),
        "owned_by": "tiermesh",
    }
