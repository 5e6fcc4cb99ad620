"""A prepared text in the shape of a model's answer, for a Route that is overloaded."""

import time
from typing import Any

import orjson

from control_plane.spec.models import Operation
from routers.call import Call
from routers.protocols.sse import DONE_EVENT

_OBJECTS = {Operation.CHAT: "chat.completion", Operation.COMPLETIONS: "text_completion"}
"""Operations that a text can answer -> what the answer is called."""


def can_answer(operation: Operation) -> bool:
    """Whether a text answers this at all."""
    return operation in _OBJECTS


def whole(call: Call, text: str) -> bytes:
    """The body of a whole answer."""
    said = {"message": {"role": "assistant", "content": text}} if call.operation is Operation.CHAT else {"text": text}
    usage = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
    return orjson.dumps({**_head(call, ""), "choices": [_choice(said, "stop")], "usage": usage})


def stream(call: Call, text: str) -> bytes:
    """All events of a stream."""
    chat = call.operation is Operation.CHAT
    said = {"delta": {"role": "assistant", "content": text}} if chat else {"text": text}
    rest: dict[str, Any] = {"delta": {}} if chat else {"text": ""}
    head = _head(call, ".chunk" if chat else "")
    chunks = [{**head, "choices": [_choice(said, None)]}, {**head, "choices": [_choice(rest, "stop")]}]
    return b"".join([b"data: %b\n\n" % orjson.dumps(chunk) for chunk in chunks]) + DONE_EVENT


def _head(call: Call, suffix: str) -> dict[str, Any]:
    kind = _OBJECTS[call.operation] + suffix
    return {"id": f"canned-{call.request_id}", "object": kind, "created": int(time.time()), "model": call.model}


def _choice(said: dict[str, Any], finish: str | None) -> dict[str, Any]:
    return {"index": 0, **said, "logprobs": None, "finish_reason": finish}
