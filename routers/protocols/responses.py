"""The OpenAI Responses API: bytes to Call. `routers.protocols.responses_answers` writes what comes back.

No response is kept, and no tool runs here: what would need either is refused by its path, with what to send instead.
Fields and their meaning: https://platform.openai.com/docs/api-reference/responses/create
"""

from typing import Any

from routers.call import Call
from routers.http import Request
from routers.protocols.chat import Conversation, Part, chat_call, image_part, text_part
from routers.protocols.fields import Field, Reading, becomes, checked, left_out, refused, translate, unsupported
from routers.protocols.openai import parse, wrong
from routers.protocols.responses_answers import Responses
from routers.protocols.responses_objects import ECHOED

PATH = "/v1/responses"

_ROLES = ("user", "assistant", "system", "developer")
_CHOICES = ("none", "auto", "required")
_EVERYTHING = "Nothing is kept between requests: send the whole conversation as input."
_FUNCTIONS = "Only tools of type function: the mesh runs none itself."
_CHAT = "Use /v1/chat/completions for it."


def decode(request: Request, request_id: str, tenant: str) -> Call:
    """Read a request.

    Raises TiermeshError: INVALID_JSON with line and column, INVALID_REQUEST with the path of the field.
    """
    body = Field(parse(request.body))
    fields = {"model": body.need("model").name(), "messages": _messages(body)} | translate(body, _READINGS)
    return chat_call(fields, request, request_id, tenant, Responses(request_id, _echo(body)))


def _messages(body: Field) -> list[dict[str, Any]]:
    conversation = Conversation()
    if instructions := body.at("instructions"):
        conversation.say("system", [text_part(instructions.text())])
    given = body.need("input")
    if isinstance(given.value, str):
        conversation.say("user", [text_part(given.value)])
        return conversation.messages()
    for item in given.items():
        kind = item.at("type")
        _ITEMS.get(kind.text() if kind else "message", _unknown_item)(conversation, item)
    if not given.value:
        raise wrong(given.path, "must be a string or a list of at least one item")
    return conversation.messages()


def _message(conversation: Conversation, item: Field) -> None:
    conversation.say(item.need("role").one_of(*_ROLES), _parts(item.need("content")))


def _function_call(conversation: Conversation, item: Field) -> None:
    id, name, arguments = item.need("call_id").name(), item.need("name").name(), item.need("arguments").text()
    conversation.call(id, name, arguments)


def _function_call_output(conversation: Conversation, item: Field) -> None:
    conversation.result(item.need("call_id").name(), _parts(item.need("output")))


def _reasoning(conversation: Conversation, item: Field) -> None:
    """The model's thoughts of earlier turns are left out, as the chat API has no place for them."""


def _unknown_item(conversation: Conversation, item: Field) -> None:
    kind = item.need("type").text()[:40]
    cure = _EVERYTHING if kind == "item_reference" else f"Leave out items of type {kind!r}."
    raise unsupported(item.path, cure)


_ITEMS = {
    "message": _message,
    "function_call": _function_call,
    "function_call_output": _function_call_output,
    "reasoning": _reasoning,
}


def _parts(content: Field) -> list[Part]:
    if isinstance(content.value, str):
        return [text_part(content.value)]
    return [_part(part) for part in content.items()]


def _part(part: Field) -> Part:
    kind = part.need("type").text()
    if kind in ("input_text", "output_text"):
        return text_part(part.need("text").text())
    if kind == "refusal":
        return text_part(part.need("refusal").text())
    if kind == "input_image" and (url := part.at("image_url")):
        detail = part.at("detail")
        return image_part(url.name(), detail.text() if detail else None)
    raise unsupported(part.path, "Send text, or an image by its image_url: no file is kept here.")


def _tools(field: Field) -> dict[str, Any]:
    tools = [{"type": "function", "function": _function(tool)} for tool in field.items()]
    return {"tools": tools} if tools else {}


def _function(tool: Field) -> dict[str, Any]:
    if tool.need("type").text() != "function":
        raise unsupported(tool.path, _FUNCTIONS)
    function: dict[str, Any] = {"name": tool.need("name").name()}
    for name, read in (("description", Field.text), ("parameters", Field.members), ("strict", Field.flag)):
        if member := tool.at(name):
            function[name] = read(member)
    return function


def _tool_choice(choice: Field) -> dict[str, Any]:
    if isinstance(choice.value, str):
        return {"tool_choice": choice.one_of(*_CHOICES)}
    if choice.need("type").value != "function":
        raise unsupported(choice.path, f"One of {', '.join(_CHOICES)}, or a function by its name.")
    return {"tool_choice": {"type": "function", "function": {"name": choice.need("name").name()}}}


def _text(text: Field) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if verbosity := text.at("verbosity"):
        fields["verbosity"] = verbosity.text()
    if format := text.at("format"):
        fields |= _format(format)
    return fields


def _format(format: Field) -> dict[str, Any]:
    kind = format.need("type").one_of("text", "json_object", "json_schema")
    if kind != "json_schema":
        return {} if kind == "text" else {"response_format": {"type": kind}}
    schema: dict[str, Any] = {"name": format.need("name").name(), "schema": format.need("schema").members()}
    for name, read in (("description", Field.text), ("strict", Field.flag)):
        if member := format.at(name):
            schema[name] = read(member)
    return {"response_format": {"type": kind, "json_schema": schema}}


def _reasoning_wanted(reasoning: Field) -> dict[str, Any]:
    effort = reasoning.at("effort")
    return {"reasoning_effort": effort.text()} if effort else {}


def _metadata(metadata: Field) -> dict[str, Any]:
    """Given back with the response, and kept from the model."""
    for name in metadata.members():
        metadata.need(name).text()
    return {}


_READINGS: dict[str, Reading] = {
    "background": refused("Leave it out and wait for the answer, or stream it.", False),
    "conversation": refused(_EVERYTHING),
    "context_management": refused("Shorten the input instead."),
    "include": refused(_CHAT, [], ["reasoning.encrypted_content"]),
    "max_output_tokens": becomes("max_tokens", Field.count),
    "metadata": _metadata,
    "moderation": refused("Leave it out."),
    "parallel_tool_calls": becomes("parallel_tool_calls", Field.flag),
    "previous_response_id": refused(_EVERYTHING),
    "prompt": refused("No prompt is kept here: send its text as instructions."),
    "reasoning": _reasoning_wanted,
    "store": checked(Field.flag),
    "stream": becomes("stream", Field.flag),
    "tiermesh": becomes("tiermesh", Field.members),
    "temperature": becomes("temperature", Field.number),
    "text": _text,
    "tool_choice": _tool_choice,
    "tools": _tools,
    "top_logprobs": refused(_CHAT, 0),
    "top_p": becomes("top_p", Field.number),
    "truncation": refused("Shorten the input instead.", "disabled"),
    "user": becomes("user", Field.text),
    **dict.fromkeys(("model", "input", "instructions"), left_out),
    **dict.fromkeys(("max_tool_calls", "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention"), left_out),
    **dict.fromkeys(("safety_identifier", "service_tier", "stream_options"), left_out),
}


def _echo(body: Field) -> dict[str, Any]:
    """What a response repeats of its request."""
    return {name: field.value for name in ECHOED if (field := body.at(name))}
