"""Completions: what a model said is read as it is, and what it cannot mean is an error."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_plane.spec.errors import Code, TiermeshError
from routers.protocols.completion import Kind, Piece, Said, Usage, read_answer, read_chunk
from tests.unit.routers.protocols.streams import JSON, answer, call, disturbed


def chunk(delta: Any = None, **choice: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": delta, **choice}]}


def test_a_whole_answer_is_read() -> None:
    said = read_answer(answer({"content": "hi", "tool_calls": [call('{"a":1}', 0, "c1", "tool")]}, "tool_calls"))
    pieces = (Piece(Kind.TEXT, "hi"), Piece(Kind.CALL, '{"a":1}', 0, "c1", "tool"))
    assert said == Said(pieces, "tool_calls", None, Usage(7, 2, 3), 5)


@pytest.mark.parametrize("name", ["reasoning", "reasoning_content"])
def test_reasoning_has_two_names(name: str) -> None:
    assert read_chunk(chunk({name: "hm"})).pieces == (Piece(Kind.REASONING, "hm"),)


def test_reasoning_that_is_said_by_both_names_is_said_once() -> None:
    assert read_chunk(chunk({"reasoning": "hm", "reasoning_content": "…"})).pieces == (Piece(Kind.REASONING, "hm"),)


@pytest.mark.parametrize("delta", [None, {}, {"role": "assistant", "content": ""}, {"content": None}])
def test_a_chunk_may_say_nothing(delta: Any) -> None:
    assert read_chunk(chunk(delta)) == Said()


def test_calls_without_numbers_are_numbered_as_they_stand() -> None:
    calls = [{"id": id, "function": {"name": "tool", "arguments": "{}"}} for id in ("a", "b")]
    assert [piece.call for piece in read_chunk(chunk({"tool_calls": calls})).pieces] == [0, 1]


def test_other_choices_are_passed_over() -> None:
    choices = [{"index": 1, "delta": {"content": "b"}}, {"index": 0, "delta": {"content": "a"}}]
    assert read_chunk({"choices": choices}).pieces == (Piece(Kind.TEXT, "a"),)


def test_a_stop_sequence_is_a_text_and_no_token() -> None:
    assert read_chunk(chunk({}, finish_reason="stop", stop_reason="END")).stop == "END"
    assert read_chunk(chunk({}, finish_reason="stop", stop_reason=128001)).stop is None


@pytest.mark.parametrize(
    ("usage", "read"),
    [
        ({"prompt_tokens": 3, "completion_tokens": 2}, Usage(3, 2)),
        ({"prompt_tokens": 3, "prompt_tokens_details": {"cached_tokens": 9}}, Usage(3, 0, 3)),
        ({"completion_tokens": 3, "completion_tokens_details": {"reasoning_tokens": 2}}, Usage(0, 3, 0, 2)),
        ({"prompt_tokens": -3, "completion_tokens": "2", "prompt_tokens_details": []}, Usage()),
        ({"prompt_tokens": True, "completion_tokens": 1.5}, Usage()),
        (None, None),
        ([], None),
    ],
)
def test_tokens_that_cannot_be_read_count_as_none(usage: Any, read: Usage | None) -> None:
    assert read_chunk({"choices": [], "usage": usage}).usage == read


@pytest.mark.parametrize(
    "fields",
    [
        {"choices": {}},
        {"choices": ["a"]},
        chunk("a"),
        chunk({"content": 7}),
        chunk({"content": ["a"]}),
        chunk({"refusal": {}}),
        chunk({"reasoning": 1}),
        chunk({}, finish_reason=1),
        chunk({"tool_calls": {}}),
        chunk({"tool_calls": ["a"]}),
        chunk({"tool_calls": [{"function": "a"}]}),
        chunk({"tool_calls": [{"function": {"arguments": {}}}]}),
        chunk({"tool_calls": [{"function": {"name": 1}}]}),
        chunk({"tool_calls": [{"id": 1}]}),
    ],
    ids=str,
)
def test_text_calls_and_ends_of_a_wrong_type_are_errors(fields: dict[str, Any]) -> None:
    with pytest.raises(TiermeshError, match="cannot be read") as caught:
        read_chunk(fields)
    assert caught.value.code is Code.UPSTREAM_FAILED


@pytest.mark.parametrize("body", [b"", b"oops", b"[]", b"{}", b'{"choices":[]}', b'{"choices":[{"index":1}]}'])
def test_an_answer_without_an_answer_is_an_error(body: bytes) -> None:
    with pytest.raises(TiermeshError, match="cannot be read"):
        read_answer(body)


@pytest.mark.parametrize("error", [{"message": "out of memory", "code": 500}, "out of memory"])
def test_an_error_in_place_of_an_answer_is_one_and_its_words_are_the_hint(error: Any) -> None:
    with pytest.raises(TiermeshError) as caught:
        read_chunk({"error": error})
    assert (caught.value.code, caught.value.hint) == (Code.UPSTREAM_FAILED, "out of memory")
    assert "memory" not in caught.value.message  # Messages are logged; a model's words may quote the question.
    with pytest.raises(TiermeshError, match="out of memory"):
        read_answer(orjson.dumps({"error": error}))


@pytest.mark.parametrize("error", [{}, "", {"message": 7}, {"message": ""}])
def test_an_error_that_says_nothing_is_one_too(error: Any) -> None:
    with pytest.raises(TiermeshError, match="reported an error"):
        read_chunk({"error": error, **chunk({"content": "a"})})


def test_an_error_that_is_null_is_none() -> None:
    assert read_chunk({"error": None, **chunk({"content": "a"})}).pieces


@given(
    st.dictionaries(st.sampled_from(["choices", "usage", "error", "created"]), JSON)
    | disturbed(chunk({"content": "a", "tool_calls": [call("{}", 0, "c", "t")]}, finish_reason="stop"))
)
def test_any_json_is_read_or_an_error(fields: dict[str, Any]) -> None:
    try:
        read_chunk(fields)
    except TiermeshError as error:
        assert error.code is Code.UPSTREAM_FAILED
