"""The objects of the OpenAI Responses API: a response with its output items and their parts, written from a turn.

Shapes: https://platform.openai.com/docs/api-reference/responses/object
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from control_plane.spec.errors import TiermeshError
from routers.protocols.completion import Kind, Usage
from routers.protocols.turn import Block, Turn

_INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}
"""Why the model ended -> why the response is not complete."""


class Form(NamedTuple):
    """How a kind of block is written."""

    item: str
    """Type of the output item."""
    prefix: str
    """Of the item's id."""
    events: str
    """Its events are `response.{events}.delta` and `.done`."""
    text: str
    """Field of its text."""
    part: str | None
    """Type of the item's one content part; the text of an item without parts is in the item itself."""


FORMS = {
    Kind.TEXT: Form("message", "msg", "output_text", "text", "output_text"),
    Kind.REFUSAL: Form("message", "msg", "refusal", "refusal", "refusal"),
    Kind.REASONING: Form("reasoning", "rs", "reasoning_text", "text", "reasoning_text"),
    Kind.CALL: Form("function_call", "fc", "function_call_arguments", "arguments", None),
}

ECHOED: dict[str, Any] = {
    "instructions": None,
    "max_output_tokens": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "reasoning": None,
    "temperature": None,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_p": None,
    "truncation": "disabled",
    "user": None,
}
"""Fields of the request that a response repeats, and what it says of those that were left out."""


class Writer(NamedTuple):
    """Writes the objects of one response."""

    model: str
    request_id: str
    echo: Mapping[str, Any]
    """Fields of the request that its response repeats."""

    def begun(self, turn: Turn) -> dict[str, Any]:
        """A response without output yet."""
        return {
            "id": f"resp_{self.request_id}",
            "object": "response",
            "created_at": turn.created,
            "status": "in_progress",
            "model": self.model,
            "output": [],
            "usage": None,
            "error": None,
            "incomplete_details": None,
            **ECHOED,
            **self.echo,
        }

    def ended(self, turn: Turn) -> dict[str, Any]:
        """A whole response, or one that its model ended early."""
        reason = _INCOMPLETE.get(turn.finish or "")
        return self.begun(turn) | {
            "status": "incomplete" if reason else "completed",
            "output": [self.item(turn, block) for block in turn.blocks],
            "usage": _usage(turn.usage),
            "incomplete_details": {"reason": reason} if reason else None,
        }

    def failed(self, turn: Turn, error: TiermeshError) -> dict[str, Any]:
        """A response that broke off."""
        items = [self.item(turn, block) for block in turn.blocks]
        for item in items[-1:]:
            item["status"] = "incomplete"
        code = "rate_limit_exceeded" if error.status == 429 else "server_error"
        return self.begun(turn) | {
            "status": "failed",
            "output": items,
            "error": {"code": code, "message": str(error)},
        }

    def item(self, turn: Turn, block: Block) -> dict[str, Any]:
        """An output item with all that its block has. The last one is cut where the model ended early."""
        form = FORMS[block.kind]
        text: dict[str, Any] = {"content": [part(block, block.text)]} if form.part else {form.text: block.text}
        is_cut = turn.finish in _INCOMPLETE and block is turn.blocks[-1]
        return self.shell(block) | text | {"status": "incomplete" if is_cut else "completed"}

    def shell(self, block: Block) -> dict[str, Any]:
        """An output item before its text."""
        item = {"id": self.item_id(block), "type": FORMS[block.kind].item, "status": "in_progress"}
        if block.kind is Kind.CALL:
            return {**item, "call_id": block.id, "name": block.name, "arguments": ""}
        if block.kind is Kind.REASONING:
            return {**item, "summary": [], "content": []}
        return {**item, "role": "assistant", "content": []}

    def item_id(self, block: Block) -> str:
        """Unique among the items of all responses."""
        return f"{FORMS[block.kind].prefix}_{self.request_id}_{block.position}"


def part(block: Block, text: str) -> dict[str, Any]:
    """The content part of a block, with so much of its text. A call has none."""
    form = FORMS[block.kind]
    more: dict[str, Any] = {"annotations": [], "logprobs": []} if block.kind is Kind.TEXT else {}
    return {"type": form.part, form.text: text, **more}


def _usage(usage: Usage | None) -> dict[str, Any] | None:
    if usage is None:
        return None
    return {
        "input_tokens": usage.prompt,
        "input_tokens_details": {"cached_tokens": usage.cached, "cache_write_tokens": 0},
        "output_tokens": usage.completion,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.prompt + usage.completion,
    }
