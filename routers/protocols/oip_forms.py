"""The forms of the Open Inference Protocol in which an answer may go out. Each says how it writes one.

A Model's answer that already has the caller's form goes out byte for byte as it came.
"""

import re
from typing import Protocol

from control_plane.spec.errors import TiermeshError
from routers.http import Headers
from routers.protocols import oip_grpc, oip_http
from routers.protocols.inference import open_inference_pb2 as messages
from routers.protocols.openai import error_headers
from routers.protocols.tensors import TensorAnswer, TensorRequest

_LENGTH = re.compile(rb"(?m)^inference-header-content-length: (\d+)\r$")


def read_answer(headers: Headers, body: bytes) -> TensorAnswer:
    """A Model's answer of any form. Raises TiermeshError(UPSTREAM_FAILED) where it is none."""
    if headers.startswith(oip_grpc.PROTOBUF):
        return oip_grpc.parse_answer(body)
    found = _LENGTH.search(headers)
    return oip_http.parse_answer(body, found and found[1])


class Form(Protocol):
    """How a caller gets answers."""

    protocol: str
    streams: bool
    """Whether a chat comes in pieces."""

    def passed(self, headers: Headers, body: bytes) -> tuple[Headers, bytes] | None:
        """A Model's answer as it came, or None where it has to be written anew."""

    def write(self, answer: TensorAnswer, request: TensorRequest) -> tuple[Headers, bytes]:
        """A whole answer."""

    def error(self, error: TiermeshError) -> tuple[Headers, bytes]:
        """An error in place of an answer."""


class Http:
    """JSON, or JSON and raw bytes."""

    protocol = "oip-http"
    streams = False

    def passed(self, headers: Headers, body: bytes) -> tuple[Headers, bytes] | None:
        return None if headers.startswith(oip_grpc.PROTOBUF) else (headers, body)

    def write(self, answer: TensorAnswer, request: TensorRequest) -> tuple[Headers, bytes]:
        return oip_http.render_answer(answer, request)

    def error(self, error: TiermeshError) -> tuple[Headers, bytes]:
        return error_headers(error), oip_http.error_body(error)


class Unary:
    """One ModelInferResponse. An error is a status, as a header, and its text."""

    protocol = "oip-grpc"
    streams = False

    def passed(self, headers: Headers, body: bytes) -> tuple[Headers, bytes] | None:
        return (headers, body) if headers.startswith(oip_grpc.PROTOBUF) else None

    def write(self, answer: TensorAnswer, request: TensorRequest) -> tuple[Headers, bytes]:
        return oip_grpc.PROTOBUF, bytes(oip_grpc.answer_message(answer).SerializeToString())

    def error(self, error: TiermeshError) -> tuple[Headers, bytes]:
        wait = error.retry_after_seconds
        after = b"" if wait is None else b"retry-after: %d\r\n" % wait
        return b"grpc-status: %d\r\n%b" % (oip_grpc.status_of(error), after), str(error).encode()


class Streamed:
    """One ModelStreamInferResponse for each answer, each in gRPC's frame. An error is one of them too: the stream goes
    on with the caller's next request."""

    protocol = "oip-grpc"
    streams = True

    def passed(self, headers: Headers, body: bytes) -> tuple[Headers, bytes] | None:
        if not headers.startswith(oip_grpc.PROTOBUF):
            return None
        return headers, _framed(oip_grpc.embedded(body))

    def write(self, answer: TensorAnswer, request: TensorRequest) -> tuple[Headers, bytes]:
        return oip_grpc.PROTOBUF, self.piece(answer)

    def piece(self, answer: TensorAnswer) -> bytes:
        """One answer of a stream."""
        message = messages.ModelStreamInferResponse(infer_response=oip_grpc.answer_message(answer))
        return _framed(message.SerializeToString())

    def error(self, error: TiermeshError) -> tuple[Headers, bytes]:
        return oip_grpc.PROTOBUF, self.broken(error)

    def broken(self, error: TiermeshError) -> bytes:
        """An error in a stream that has begun."""
        return _framed(messages.ModelStreamInferResponse(error_message=str(error)).SerializeToString())


def _framed(message: bytes) -> bytes:
    """As gRPC frames a message: not compressed, its length in 4 bytes, itself."""
    return b"\0%b%b" % (len(message).to_bytes(4, "big"), message)


HTTP, UNARY, STREAMED = Http(), Unary(), Streamed()
