"""The OpenAI Responses API: a model's answer, stream or error as its callers read it.

A broken stream ends with `response.failed`, for whoever follows the response, and then with an `error` event in both of
the shapes that clients know: fields of its own, and an `error` member at which OpenAI's own client raises.
Shapes: https://platform.openai.com/docs/api-reference/responses-streaming
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import orjson

from control_plane.spec.errors import TiermeshError
from routers.http import Headers
from routers.protocols import sse
from routers.protocols.completion import Kind, read_answer
from routers.protocols.openai import encode_error, error_fields, error_headers
from routers.protocols.responses_objects import FORMS, Writer, part
from routers.protocols.translation import Translation
from routers.protocols.turn import Block, Turn, whole


@dataclass(frozen=True, slots=True)
class Responses:
    """How one caller of /v1/responses is answered. A `routers.protocols.dialect.Dialect`."""

    protocol: ClassVar[str] = "responses"
    request_id: str = ""
    echo: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the request that its response repeats."""

    def answer(self, headers: Headers, body: bytes, model: str) -> tuple[Headers, bytes]:
        """A response object.

        Raises TiermeshError(UPSTREAM_FAILED) where the model's answer cannot be read.
        """
        turn = whole(read_answer(body), self.request_id)
        return headers, orjson.dumps(Writer(model, self.request_id, self.echo).ended(turn))

    def stream(self, model: str, request_id: str) -> Translation:
        """An encoder for one stream."""
        return Translation(ResponseFrames(Writer(model, request_id, self.echo)), Turn(request_id))

    def error(self, error: TiermeshError) -> tuple[Headers, bytes]:
        """An error object, as everywhere in OpenAI's API."""
        return error_headers(error), encode_error(error)


class ResponseFrames:
    """The events of a response stream, numbered. `routers.protocols.translation.Frames`."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._number = 0

    def begun(self, turn: Turn) -> bytes:
        response = self._writer.begun(turn)
        return self._event("created", response=response) + self._event("in_progress", response=response)

    def opened(self, block: Block) -> bytes:
        added = self._event("output_item.added", output_index=block.position, item=self._writer.shell(block))
        return added + self._part_event("content_part.added", block, part=part(block, ""))

    def grew(self, block: Block, text: str) -> bytes:
        return self._text_event(block, "delta", delta=text)

    def closed(self, turn: Turn, block: Block) -> bytes:
        text = block.text
        named = {"name": block.name} if block.kind is Kind.CALL else {}
        return (
            self._text_event(block, "done", **{FORMS[block.kind].text: text}, **named)
            + self._part_event("content_part.done", block, part=part(block, text))
            + self._event("output_item.done", output_index=block.position, item=self._writer.item(turn, block))
        )

    def ended(self, turn: Turn) -> bytes:
        response = self._writer.ended(turn)
        return self._event(response["status"], response=response)

    def failed(self, turn: Turn, error: TiermeshError) -> bytes:
        begun = b"" if self._number else self.begun(turn)
        failed = self._event("failed", response=self._writer.failed(turn, error))
        flat = {"code": error.code.value, "message": str(error), "param": error.param}
        return begun + failed + self._numbered("error", **flat, **error_fields(error))

    def _text_event(self, block: Block, step: str, **fields: Any) -> bytes:
        place: dict[str, Any] = {"output_index": block.position, "item_id": self._writer.item_id(block)}
        if block.kind is not Kind.CALL:
            place["content_index"] = 0
        if block.kind is Kind.TEXT:
            place["logprobs"] = []
        return self._event(f"{FORMS[block.kind].events}.{step}", **place, **fields)

    def _part_event(self, step: str, block: Block, **fields: Any) -> bytes:
        if FORMS[block.kind].part is None:
            return b""
        item_id = self._writer.item_id(block)
        return self._event(step, output_index=block.position, item_id=item_id, content_index=0, **fields)

    def _event(self, step: str, **fields: Any) -> bytes:
        return self._numbered(f"response.{step}", **fields)

    def _numbered(self, type: str, **fields: Any) -> bytes:
        written = sse.event({"type": type, "sequence_number": self._number, **fields})
        self._number += 1
        return written
