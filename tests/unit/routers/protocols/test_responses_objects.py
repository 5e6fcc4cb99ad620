"""The objects of the Responses API are what OpenAI's own types say they are."""

from typing import Any

import orjson
import pytest

from control_plane.spec.errors import Code, TiermeshError
from routers.protocols.completion import Usage, read_answer
from routers.protocols.responses_objects import Writer
from routers.protocols.turn import Turn, whole
from tests.unit.routers.protocols.openais import openais
from tests.unit.routers.protocols.streams import answer, call

SAID = {"reasoning": "hm", "content": "hi", "tool_calls": [call('{"a":1}', 0, "c1", "tool")]}


def turn(finish: str = "stop", said: dict[str, Any] | None = None) -> Turn:
    return whole(read_answer(answer(SAID if said is None else said, finish)), "r1")


def valid(response: dict[str, Any]) -> dict[str, Any]:
    """The same, after OpenAI's types have found nothing wrong with it."""
    read: dict[str, Any] = orjson.loads(orjson.dumps(response))
    openais("Response").validate_python(read)
    return read


WRITER = Writer("shop", "r1", {})


def test_a_response_has_what_was_said_as_items() -> None:
    response = valid(WRITER.ended(turn()))
    assert (response["id"], response["model"], response["created_at"], response["status"]) == (
        "resp_r1",
        "shop",
        5,
        "completed",
    )
    thought, message, function_call = response["output"]
    assert thought == {
        "id": "rs_r1_0",
        "type": "reasoning",
        "status": "completed",
        "summary": [],
        "content": [{"type": "reasoning_text", "text": "hm"}],
    }
    assert message == {
        "id": "msg_r1_1",
        "type": "message",
        "status": "completed",
        "role": "assistant",
        "content": [{"type": "output_text", "text": "hi", "annotations": [], "logprobs": []}],
    }
    assert function_call == {
        "id": "fc_r1_2",
        "type": "function_call",
        "status": "completed",
        "call_id": "c1",
        "name": "tool",
        "arguments": '{"a":1}',
    }
    assert response["usage"] == {
        "input_tokens": 7,
        "input_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 0},
        "output_tokens": 2,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 9,
    }


def test_a_refusal_is_a_part_of_a_message() -> None:
    (message,) = valid(WRITER.ended(turn(said={"refusal": "No."})))["output"]
    assert message["content"] == [{"type": "refusal", "refusal": "No."}]


@pytest.mark.parametrize(("finish", "reason"), [("length", "max_output_tokens"), ("content_filter", "content_filter")])
def test_a_response_that_its_model_ended_early_is_incomplete_in_its_last_item(finish: str, reason: str) -> None:
    response = valid(WRITER.ended(turn(finish)))
    assert (response["status"], response["incomplete_details"]) == ("incomplete", {"reason": reason})
    assert [item["status"] for item in response["output"]] == ["completed", "completed", "incomplete"]


@pytest.mark.parametrize(
    ("code", "shown"), [(Code.QUEUE_FULL, "rate_limit_exceeded"), (Code.STREAM_CUT, "server_error")]
)
def test_a_failed_response_says_why_and_its_last_item_is_incomplete(code: Code, shown: str) -> None:
    response = valid(WRITER.failed(turn(), TiermeshError(code, "It failed.", "Try again.")))
    assert (response["status"], response["error"]) == ("failed", {"code": shown, "message": "It failed. Try again."})
    assert response["output"][-1]["status"] == "incomplete"
    assert valid(WRITER.failed(Turn("r1"), TiermeshError(code, "It failed.")))["output"] == []


def test_a_response_that_begins_has_no_output_yet() -> None:
    response = valid(WRITER.begun(turn()))
    assert (response["status"], response["output"], response["usage"]) == ("in_progress", [], None)


def test_a_response_repeats_its_request() -> None:
    echo = {"metadata": {"order": "7"}, "temperature": 0.5, "instructions": "Be kind."}
    assert valid(Writer("shop", "r1", echo).ended(turn())).items() >= echo.items()


def test_unknown_usage_is_null() -> None:
    unknown = turn()
    unknown.usage = None
    assert valid(WRITER.ended(unknown))["usage"] is None
    unknown.usage = Usage()
    assert valid(WRITER.ended(unknown))["usage"]["total_tokens"] == 0
