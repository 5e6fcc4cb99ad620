"""Dialect: how one protocol's callers are answered. Inside, every answer is in the OpenAI API's shapes.

A protocol's module decodes a request to a Call, whose `dialect` says how its answer, stream or error is written.
"""

from typing import Protocol

from control_plane.spec.errors import TiermeshError
from routers.http import Headers


class StreamEncoder(Protocol):
    """Writes one stream to one caller. Holds the state of that stream."""

    content_type: bytes

    def encode(self, data: bytes) -> bytes:
        """The next piece, from the next bytes of the model's server-sent events, cut anywhere; may be empty."""

    def end(self) -> bytes:
        """What ends a whole stream, beyond what `encode` has written."""

    def error(self, error: TiermeshError) -> bytes:
        """What ends a stream that broke: nobody can take it for a whole one."""


class ErrorWriter(Protocol):
    """Writes an error in place of an answer."""

    def error(self, error: TiermeshError) -> tuple[Headers, bytes]:
        """Headers (content type, Retry-After) and body of an answer that is an error."""


class Dialect(ErrorWriter, Protocol):
    """Stateless; one for each protocol and operation that differs."""

    @property
    def protocol(self) -> str:
        """What it is called where a decision is written down: openai, anthropic, responses, oip-http or oip-grpc."""

    def answer(self, headers: Headers, body: bytes, model: str) -> tuple[Headers, bytes]:
        """A whole answer, from the model's headers (content type and what is passed on) and body. `model` is the name
        that the caller wrote.

        Raises TiermeshError(UPSTREAM_FAILED) where the model's answer cannot be read.
        """

    def stream(self, model: str, request_id: str) -> StreamEncoder:
        """An encoder for one stream."""
