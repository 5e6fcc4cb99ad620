"""The Anthropic Messages API: a model's answer, stream or error as its callers read it.

The model's reasoning is shown as thoughts to callers who asked for `thinking`, and to no others. Tokens of a stream's
input are known at its end alone: `message_start` says 0 and `message_delta` the number, which clients put in its place.
Shapes: https://docs.claude.com/en/api/messages, https://docs.claude.com/en/docs/build-with-claude/streaming
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import orjson

from control_plane.spec.errors import TiermeshError
from routers.http import Headers
from routers.protocols.completion import Kind, Usage, read_answer, unreadable
from routers.protocols.openai import error_headers
from routers.protocols.sse import event
from routers.protocols.translation import Translation
from routers.protocols.turn import Block, Turn, whole

_STOP_REASONS = {"length": "max_tokens", "content_filter": "refusal", "tool_calls": "tool_use"}
_ERRORS = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
}
"""HTTP status -> type; others are `invalid_request_error` below 500 and `api_error` from there."""
_DELTAS = {Kind.REASONING: ("thinking_delta", "thinking"), Kind.CALL: ("input_json_delta", "partial_json")}
_TEXT_DELTA = ("text_delta", "text")


@dataclass(frozen=True, slots=True)
class Messages:
    """How the callers of /v1/messages are answered. A `routers.protocols.dialect.Dialect`."""

    protocol: ClassVar[str] = "anthropic"
    request_id: str = ""
    shows_thoughts: bool = False

    def answer(self, headers: Headers, body: bytes, model: str) -> tuple[Headers, bytes]:
        """A message object.

        Raises TiermeshError(UPSTREAM_FAILED) where the model's answer cannot be read, the arguments of a call included.
        """
        turn = whole(read_answer(body), self.request_id, self._hidden)
        blocks = [_block(block) for block in turn.blocks if not _is_unfinished(turn, block)]
        message = _message(self.request_id, model, turn.usage) | _stopped(turn) | {"content": blocks}
        return headers, orjson.dumps(message)

    def stream(self, model: str, request_id: str) -> Translation:
        """An encoder for one stream."""
        return Translation(MessageFrames(model, request_id), Turn(request_id, self._hidden))

    def error(self, error: TiermeshError) -> tuple[Headers, bytes]:
        """An error object."""
        return error_headers(error), orjson.dumps(_error(error))

    @property
    def _hidden(self) -> tuple[Kind, ...]:
        return () if self.shows_thoughts else (Kind.REASONING,)


class MessageFrames:
    """The events of a message stream. `routers.protocols.translation.Frames`."""

    def __init__(self, model: str, request_id: str) -> None:
        self._model = model
        self._request_id = request_id

    def begun(self, turn: Turn) -> bytes:
        message = _message(self._request_id, self._model, turn.usage)
        return event({"type": "message_start", "message": message})

    def opened(self, block: Block) -> bytes:
        return event({"type": "content_block_start", "index": block.position, "content_block": _shell(block)})

    def grew(self, block: Block, text: str) -> bytes:
        kind, name = _DELTAS.get(block.kind, _TEXT_DELTA)
        return event({"type": "content_block_delta", "index": block.position, "delta": {"type": kind, name: text}})

    def closed(self, turn: Turn, block: Block) -> bytes:
        return event({"type": "content_block_stop", "index": block.position})

    def ended(self, turn: Turn) -> bytes:
        delta = event({"type": "message_delta", "delta": _stopped(turn), "usage": _usage(turn.usage)})
        return delta + event({"type": "message_stop"})

    def failed(self, turn: Turn, error: TiermeshError) -> bytes:
        return event(_error(error))


def _message(request_id: str, model: str, usage: Usage | None) -> dict[str, Any]:
    return {
        "id": f"msg_{request_id}",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": _usage(usage),
    }


def _usage(usage: Usage | None) -> dict[str, int]:
    usage = usage or Usage()
    return {
        "input_tokens": usage.prompt - usage.cached,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": usage.cached,
        "output_tokens": usage.completion,
    }


def _stopped(turn: Turn) -> dict[str, str | None]:
    reason = _STOP_REASONS.get(turn.finish or "", "end_turn")
    if reason == "end_turn" and turn.calls_tools:  # A tool that the caller has chosen ends as any text does.
        reason = "tool_use"
    elif reason == "end_turn" and turn.stop:
        reason = "stop_sequence"
    return {"stop_reason": reason, "stop_sequence": turn.stop if reason == "stop_sequence" else None}


def _shell(block: Block) -> dict[str, Any]:
    if block.kind is Kind.CALL:
        return {"type": "tool_use", "id": block.id, "name": block.name, "input": {}}
    if block.kind is Kind.REASONING:
        return {"type": "thinking", "thinking": "", "signature": ""}
    return {"type": "text", "text": ""}


def _block(block: Block) -> dict[str, Any]:
    if block.kind is Kind.CALL:
        # As the model wrote it: reading and writing it again would round long numbers.
        return _shell(block) | {"input": orjson.Fragment(block.text or "{}")}
    return _shell(block) | {"thinking" if block.kind is Kind.REASONING else "text": block.text}


def _is_unfinished(turn: Turn, block: Block) -> bool:
    """Whether a call was cut by the limit of tokens: nobody is to run half of it."""
    if block.kind is not Kind.CALL or not block.text:
        return False
    try:
        is_object = isinstance(orjson.loads(block.text), dict)
    except orjson.JSONDecodeError:
        is_object = False
    if not is_object and turn.finish != "length":
        raise unreadable("the arguments of a tool call are no JSON object")
    return not is_object


def _error(error: TiermeshError) -> dict[str, Any]:
    kind = _ERRORS.get(error.status) or ("invalid_request_error" if error.status < 500 else "api_error")
    return {"type": "error", "error": {"type": kind, "message": str(error)}}
