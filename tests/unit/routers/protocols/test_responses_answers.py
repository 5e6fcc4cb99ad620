"""The OpenAI Responses API: answers, streams and errors are what OpenAI's own types say they are."""

from typing import Any

import orjson
import pytest
from hypothesis import given

from control_plane.spec.errors import Code, TiermeshError
from routers.protocols import openai, responses
from routers.protocols.responses_answers import Responses
from tests.unit.routers.protocols.openais import openais
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
    request,
    stream,
    types,
)
from tests.unit.routers.protocols.test_responses import FULL


def streamed(*pieces: bytes, dialect: Responses | None = None) -> list[dict[str, Any]]:
    """The events of a stream, valid by OpenAI's types and numbered without a gap."""
    happened = encoded((dialect or Responses("r1")).stream("shop", "r1"), *pieces)
    for event in happened:
        openais("ResponseStreamEvent").validate_python(event)
    assert [event["sequence_number"] for event in happened] == list(range(len(happened)))
    return happened


def gathered(happened: list[dict[str, Any]]) -> list[str]:
    """The text of each item by its deltas, which is also what `done` says."""
    texts: list[str] = []
    for event in happened:
        if event["type"] == "response.output_item.added":
            assert event["output_index"] == len(texts)
            texts.append("")
        elif event["type"].endswith(".delta"):
            assert event["output_index"] == len(texts) - 1
            texts[-1] += event["delta"]
        elif event["type"] == "response.output_item.done":
            item = event["item"]
            part = item["content"][0] if "content" in item else item
            assert texts[-1] == part.get("text", part.get("refusal", part.get("arguments")))
    return texts


def test_an_answer_is_a_response() -> None:
    headers, body = Responses("r1").answer(openai.JSON, answer({"content": "hi"}), "shop")
    assert headers == openai.JSON
    response = openais("Response").validate_json(body)
    assert (response.id, response.model, response.status, response.output_text) == (
        "resp_r1",
        "shop",
        "completed",
        "hi",
    )


def test_a_response_to_a_full_request_is_valid_and_repeats_it() -> None:
    dialect = responses.decode(request(FULL), "r1", "acme").dialect
    response = openais("Response").validate_json(dialect.answer(b"", answer({"content": "hi"}), "shop")[1])
    assert response.metadata == {"order": "7"}
    assert response.max_output_tokens == 100
    assert response.text is not None and response.text.verbosity == "low"
    assert [tool.type for tool in response.tools] == ["function"]


def test_an_answer_that_cannot_be_read_is_an_error() -> None:
    with pytest.raises(TiermeshError, match="cannot be read") as caught:
        Responses("r1").answer(openai.JSON, b'{"choices":[]}', "shop")
    assert caught.value.code is Code.UPSTREAM_FAILED


def test_a_stream_is_a_response_in_events() -> None:
    calls = [{"tool_calls": [call("", 0, "c1", "tool")]}, {"tool_calls": [call("{}", 0)]}]
    happened = streamed(stream("hel", "lo", *calls, finish="tool_calls"))
    assert types(happened) == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.output_item.added",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert gathered(happened) == ["hello", "{}"]
    assert happened[0]["response"]["output"] == happened[2]["item"]["content"] == []
    final = happened[-1]["response"]
    assert final["output"] == [happened[8]["item"], happened[12]["item"]]
    assert (final["status"], final["usage"]["total_tokens"]) == ("completed", 9)


def test_the_whole_answer_and_the_end_of_the_stream_are_the_same_response() -> None:
    said = {"content": "hi", "tool_calls": [call("{}", 0, "c1", "tool")]}
    whole = orjson.loads(Responses("r1").answer(b"", answer(said, "tool_calls"), "shop")[1])
    assert streamed(stream(said, finish="tool_calls"))[-1]["response"] == whole


@pytest.mark.parametrize("kind", ["refusal", "reasoning"])
def test_refusals_and_thoughts_have_events_of_their_own(kind: str) -> None:
    happened = streamed(stream({kind: "hm"}))
    events = {"refusal": "refusal", "reasoning": "reasoning_text"}[kind]
    assert {f"response.{events}.delta", f"response.{events}.done"} < set(types(happened))
    assert gathered(happened) == ["hm"]


@pytest.mark.parametrize("finish", ["length", "content_filter"])
def test_a_stream_that_its_model_ended_early_is_incomplete(finish: str) -> None:
    *_, item_done, last = streamed(stream("hi", finish=finish))
    assert last["type"] == "response.incomplete"
    assert (last["response"]["status"], item_done["item"]["status"]) == ("incomplete", "incomplete")


@pytest.mark.parametrize("said", [b"", delta("a")])
@pytest.mark.parametrize("broken", [b"", data({"error": {"message": "x"}}) + DONE, b"data: oops\n\n" + DONE])
def test_a_broken_stream_ends_failed_and_with_an_error(said: bytes, broken: bytes) -> None:
    happened = streamed(said + broken)
    assert types(happened)[:2] == ["response.created", "response.in_progress"]
    failed, error = happened[-2:]
    assert (failed["type"], failed["response"]["status"]) == ("response.failed", "failed")
    assert [item["status"] for item in failed["response"]["output"]] == (["incomplete"] if said else [])
    assert error["type"] == "error"
    assert error["message"] == error["error"]["message"] == failed["response"]["error"]["message"]
    assert error["code"] == error["error"]["code"]
    assert not [name for name in types(happened) if name.endswith((".done", ".completed", ".incomplete"))]


def test_an_error_has_openais_shape() -> None:
    error = TiermeshError(Code.QUEUE_FULL, "The queue is full.", "Try again.", retry_after_seconds=3)
    assert Responses().error(error) == openai.DIALECT.error(error)


@given(SAID, CUTS)
def test_what_is_said_arrives_however_it_is_cut(said: list[tuple[str, str]], at: list[int]) -> None:
    whole = stream(*pieces_of(said))
    happened = streamed(*cut(whole, at))
    assert happened == streamed(whole)
    assert "".join(gathered(happened)) == "".join(text for _, text in said)
