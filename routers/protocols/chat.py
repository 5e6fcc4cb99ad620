"""Chat: the request that models get, built by the decoders of other protocols."""

from collections.abc import Sequence
from typing import Any

import orjson

from control_plane.spec.models import Operation
from routers.call import Call
from routers.http import Request
from routers.protocols.dialect import Dialect
from routers.protocols.openai import asks_fresh

Part = dict[str, Any]


def text_part(text: str) -> Part:
    return {"type": "text", "text": text}


def image_part(url: str, detail: str | None = None) -> Part:
    """An image by its URL, which may be a `data:` one."""
    return {"type": "image_url", "image_url": {"url": url} | ({"detail": detail} if detail else {})}


class Conversation:
    """The messages so far, in the order that models ask for: the results of tools directly after the calls.

    Images among those results follow in the next message of the user, for a tool's message is text alone.
    """

    def __init__(self) -> None:
        self._messages: list[dict[str, Any]] = []
        self._images: list[Part] = []

    def say(self, role: str, parts: Sequence[Part]) -> None:
        """A message. Parts that are all text become one string, a line each, which every model can read."""
        if role == "user":
            parts, self._images = [*self._images, *parts], []
        self._show_images()
        self._messages.append({"role": role, "content": _content(parts)})

    def call(self, id: str, name: str, arguments: str) -> None:
        """The assistant calls a tool, in the message it may have begun. `arguments` are JSON."""
        self._show_images()
        if not self._messages or self._messages[-1]["role"] != "assistant":
            self._messages.append({"role": "assistant", "content": None})
        calls = self._messages[-1].setdefault("tool_calls", [])
        calls.append({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}})

    def result(self, id: str, parts: Sequence[Part]) -> None:
        """What a tool gave for a call."""
        texts = [part for part in parts if part["type"] == "text"]
        self._images += [part for part in parts if part["type"] != "text"]
        self._messages.append({"role": "tool", "tool_call_id": id, "content": _content(texts)})

    def messages(self) -> list[dict[str, Any]]:
        """All of them."""
        self._show_images()
        return self._messages

    def _show_images(self) -> None:
        if self._images:
            self._messages.append({"role": "user", "content": self._images})
            self._images = []


def _content(parts: Sequence[Part]) -> str | Sequence[Part]:
    if all(part["type"] == "text" for part in parts):
        return "\n".join(part["text"] for part in parts)
    return parts


def chat_call(fields: dict[str, Any], request: Request, request_id: str, tenant: str, dialect: Dialect) -> Call:
    """A Call of chat fields, `model` and `stream` among them. Of a stream the usage is asked for too."""
    stream = fields.get("stream", False)
    if stream:
        fields["stream_options"] = {"include_usage": True}
    body = orjson.dumps(fields)
    return Call(Operation.CHAT, fields["model"], stream, body, fields, request_id, tenant, asks_fresh(request), dialect)
