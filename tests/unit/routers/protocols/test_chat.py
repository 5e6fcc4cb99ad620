"""Chat requests of other protocols: messages in the order that models ask for."""

import orjson
import pytest

from control_plane.spec.models import Operation
from routers.protocols import openai
from routers.protocols.chat import Conversation, chat_call, image_part, text_part
from tests.unit.routers.protocols.streams import request

IMAGE = image_part("http://images/1")


def test_text_is_one_string_and_images_stand_among_parts() -> None:
    conversation = Conversation()
    conversation.say("system", [text_part("a"), text_part("b")])
    conversation.say("user", [text_part("a"), IMAGE])
    conversation.say("user", [])
    assert conversation.messages() == [
        {"role": "system", "content": "a\nb"},
        {"role": "user", "content": [{"type": "text", "text": "a"}, IMAGE]},
        {"role": "user", "content": ""},
    ]


def test_an_image_may_say_its_detail() -> None:
    assert image_part("u", "low") == {"type": "image_url", "image_url": {"url": "u", "detail": "low"}}


def test_calls_join_the_message_that_the_assistant_began() -> None:
    conversation = Conversation()
    conversation.say("assistant", [text_part("let me see")])
    conversation.call("a", "one", "{}")
    conversation.call("b", "two", "{}")
    conversation.result("a", [text_part("1")])
    conversation.call("c", "one", "{}")
    first, result, second = conversation.messages()
    assert first["content"] == "let me see"
    assert [each["id"] for each in first["tool_calls"]] == ["a", "b"]
    assert result == {"role": "tool", "tool_call_id": "a", "content": "1"}
    assert second == {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "c", "type": "function", "function": {"name": "one", "arguments": "{}"}}],
    }


def test_images_of_results_come_with_the_next_message_of_the_user() -> None:
    conversation = Conversation()
    conversation.result("a", [text_part("1"), IMAGE])
    conversation.result("b", [])
    conversation.say("user", [text_part("what is it?")])
    roles = [(message["role"], message["content"]) for message in conversation.messages()]
    assert roles == [("tool", "1"), ("tool", ""), ("user", [IMAGE, text_part("what is it?")])]


@pytest.mark.parametrize("speaker", ["assistant", "caller", None])
def test_images_of_results_are_shown_where_the_user_says_nothing(speaker: str | None) -> None:
    conversation = Conversation()
    conversation.result("a", [IMAGE])
    if speaker == "assistant":
        conversation.say("assistant", [text_part("a cat")])
    elif speaker == "caller":
        conversation.call("b", "one", "{}")
    assert conversation.messages()[:2] == [
        {"role": "tool", "tool_call_id": "a", "content": ""},
        {"role": "user", "content": [IMAGE]},
    ]


def test_a_call_is_as_if_it_had_come_by_the_chat_api() -> None:
    fields = {"model": "shop", "messages": [{"role": "user", "content": "hi"}]}
    made = chat_call(dict(fields), request(b"", {b"cache-control": b"no-cache"}), "r1", "acme", openai.DIALECT)
    assert (made.operation, made.model, made.stream, made.fresh) == (Operation.CHAT, "shop", False, True)
    assert orjson.loads(made.body) == made.fields == fields
    assert (made.request_id, made.tenant, made.dialect) == ("r1", "acme", openai.DIALECT)


def test_of_a_stream_the_usage_is_asked_for() -> None:
    made = chat_call({"model": "shop", "stream": True}, request(b""), "r1", "acme", openai.DIALECT)
    assert made.stream
    assert orjson.loads(made.body)["stream_options"] == {"include_usage": True}
