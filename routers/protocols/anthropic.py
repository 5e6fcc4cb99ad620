"""The Anthropic Messages API: bytes to Call. `routers.protocols.anthropic_answers` writes what comes back.

What a chat request cannot say is refused by its path: documents, tools that Anthropic runs, fields not listed here.
Thoughts of earlier turns are left out, and so are hints (caching, speed) that do not change what is answered.
Fields and their meaning: https://docs.claude.com/en/api/messages
"""

from typing import Any

import orjson

from routers.call import Call
from routers.http import Request
from routers.protocols.anthropic_answers import Messages
from routers.protocols.chat import Conversation, Part, chat_call, image_part, text_part
from routers.protocols.fields import Field, Reading, becomes, left_out, translate, unsupported
from routers.protocols.openai import parse, wrong

PATH = "/v1/messages"
DIALECT = Messages()
"""For errors of a request that was not read."""

_IMAGES = ("image/jpeg", "image/png", "image/gif", "image/webp")
_FAILED = text_part("Error:")
"""Stands before the result of a tool that failed: a chat request has no other sign for it."""
_CHOICES = {"auto": "auto", "any": "required", "none": "none"}
_THOUGHTS = frozenset({"thinking", "redacted_thinking"})


def decode(request: Request, request_id: str, tenant: str) -> Call:
    """Read a request.

    Raises TiermeshError: INVALID_JSON with line and column, INVALID_REQUEST with the path of the field.
    """
    body = Field(parse(request.body))
    fields: dict[str, Any] = {"model": body.need("model").name(), "messages": _messages(body)}
    fields["max_tokens"] = body.need("max_tokens").count()
    fields |= translate(body, _READINGS)
    return chat_call(fields, request, request_id, tenant, Messages(request_id, _shows_thoughts(body)))


def _messages(body: Field) -> list[dict[str, Any]]:
    conversation = Conversation()
    if system := body.at("system"):
        _system(conversation, system)
    messages = body.need("messages")
    for message in messages.items():
        speak = _SPEAKERS[message.need("role").one_of(*_SPEAKERS)]
        speak(conversation, message.need("content"))
    if not messages.value:
        raise wrong(messages.path, "must be a list of at least one message")
    return conversation.messages()


def _system(conversation: Conversation, content: Field) -> None:
    conversation.say("system", [_text(block) for block in _blocks(content)])


def _user(conversation: Conversation, content: Field) -> None:
    blocks = _blocks(content)
    results = [block for block in blocks if _type(block) == "tool_result"]
    for block in results:
        conversation.result(block.need("tool_use_id").name(), _result(block))
    parts = [_part(block) for block in blocks if _type(block) != "tool_result"]
    if parts or not results:
        conversation.say("user", parts)


def _assistant(conversation: Conversation, content: Field) -> None:
    blocks = [block for block in _blocks(content) if _type(block) not in _THOUGHTS]
    calls = [block for block in blocks if _type(block) == "tool_use"]
    parts = [_text(block) for block in blocks if _type(block) != "tool_use"]
    if parts or not calls:
        conversation.say("assistant", parts)
    for block in calls:
        arguments = orjson.dumps(block.need("input").members()).decode()
        conversation.call(block.need("id").name(), block.need("name").name(), arguments)


_SPEAKERS = {"user": _user, "assistant": _assistant, "system": _system}


def _blocks(content: Field) -> list[Field]:
    if isinstance(content.value, str):
        return [Field(text_part(content.value), content.path)]
    return list(content.items())


def _type(block: Field) -> str:
    return block.need("type").text()


def _result(block: Field) -> list[Part]:
    content, failed = block.at("content"), block.at("is_error")
    parts = [_part(inner) for inner in _blocks(content)] if content else []
    return [_FAILED, *parts] if failed and failed.flag() else parts


def _part(block: Field) -> Part:
    return _image(block) if _type(block) == "image" else _text(block)


def _text(block: Field) -> Part:
    if _type(block) != "text":
        raise unsupported(block.path, f"A block of type {_type(block)[:40]!r} cannot stand here: send it as text.")
    return text_part(block.need("text").text())


def _image(block: Field) -> Part:
    source = block.need("source")
    if source.need("type").one_of("base64", "url") == "url":
        return image_part(source.need("url").name())
    media_type = source.need("media_type").one_of(*_IMAGES)
    return image_part(f"data:{media_type};base64,{source.need('data').name()}")


def _shows_thoughts(body: Field) -> bool:
    thinking = body.at("thinking")
    if thinking is None or thinking.need("type").text() == "disabled":
        return False
    display = thinking.at("display")
    return display is None or display.text() != "omitted"


def _tools(field: Field) -> dict[str, Any]:
    tools = [_tool(tool) for tool in field.items()]
    return {"tools": tools} if tools else {}


def _tool(tool: Field) -> dict[str, Any]:
    kind = tool.at("type")
    if kind and kind.value != "custom":
        raise unsupported(tool.path, "Send tools with an input_schema of your own: Anthropic's do not run here.")
    function: dict[str, Any] = {"name": tool.need("name").name(), "parameters": tool.need("input_schema").members()}
    if description := tool.at("description"):
        function["description"] = description.text()
    if strict := tool.at("strict"):
        function["strict"] = strict.flag()
    return {"type": "function", "function": function}


def _tool_choice(choice: Field) -> dict[str, Any]:
    kind = choice.need("type").one_of(*_CHOICES, "tool")
    named = {"type": "function", "function": {"name": choice.need("name").name()}} if kind == "tool" else None
    fields: dict[str, Any] = {"tool_choice": named or _CHOICES[kind]}
    if (alone := choice.at("disable_parallel_tool_use")) and alone.flag():
        fields["parallel_tool_calls"] = False
    return fields


def _metadata(metadata: Field) -> dict[str, Any]:
    user = metadata.at("user_id")
    return {"user": user.text()} if user else {}


def _output_config(config: Field) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if effort := config.at("effort"):
        fields["reasoning_effort"] = effort.text()
    if format := config.at("format"):
        format.need("type").one_of("json_schema")
        schema = {"name": "answer", "schema": format.need("schema").members(), "strict": True}
        fields["response_format"] = {"type": "json_schema", "json_schema": schema}
    return fields


_READINGS: dict[str, Reading] = {
    "metadata": _metadata,
    "output_config": _output_config,
    "stop_sequences": becomes("stop", Field.texts),
    "stream": becomes("stream", Field.flag),
    "tiermesh": becomes("tiermesh", Field.members),
    "temperature": becomes("temperature", Field.number),
    "tool_choice": _tool_choice,
    "tools": _tools,
    "top_k": becomes("top_k", Field.count),
    "top_p": becomes("top_p", Field.number),
    **dict.fromkeys(("model", "messages", "system", "max_tokens", "thinking"), left_out),
    **dict.fromkeys(("cache_control", "diagnostics", "inference_geo", "service_tier", "speed"), left_out),
    **dict.fromkeys(("user_profile_id", "workspace_id"), left_out),
}
