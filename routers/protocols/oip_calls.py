"""Requests of the Open Inference Protocol as Calls, whichever form they came in, and the dialects of their answers.

A Route whose Models take tensors gets them. Any other is asked a chat: one text in, one text out.
"""

from dataclasses import dataclass
from typing import NamedTuple

import orjson

from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.models import Operation
from routers.call import Call
from routers.http import Headers, Request
from routers.pipeline import unknown_model
from routers.protocols import oip_chat, oip_grpc, oip_http
from routers.protocols.oip_forms import HTTP, STREAMED, UNARY, Form, read_answer
from routers.protocols.openai import asks_fresh
from routers.protocols.tensors import TensorRequest, Tensors
from routers.protocols.translation import Translation
from routers.protocols.turn import Turn
from routers.runtime import Route, Runtime


class Target(NamedTuple):
    """Who is asked."""

    model: str
    version: str = ""
    """Empty for any."""


@dataclass(frozen=True, slots=True)
class TensorDialect:
    """Answers of predictive Models. A `routers.protocols.dialect.Dialect`."""

    form: Form
    request: TensorRequest

    @property
    def protocol(self) -> str:
        return self.form.protocol

    def answer(self, headers: Headers, body: bytes, model: str) -> tuple[Headers, bytes]:
        return self.form.passed(headers, body) or self.form.write(read_answer(headers, body), self.request)

    def stream(self, model: str, request_id: str) -> Translation:
        hint = "Ask without a stream, or look at the model's log."
        raise TiermeshError(Code.UPSTREAM_FAILED, "Tensors came as a stream of events.", hint)

    def error(self, error: TiermeshError) -> tuple[Headers, bytes]:
        return self.form.error(error)


@dataclass(frozen=True, slots=True)
class ChatDialect:
    """Answers of chats. A `routers.protocols.dialect.Dialect`."""

    form: Form
    request: TensorRequest
    request_id: str

    @property
    def protocol(self) -> str:
        return self.form.protocol

    def answer(self, headers: Headers, body: bytes, model: str) -> tuple[Headers, bytes]:
        return self.form.write(oip_chat.answer(body, self.request, model, self.request_id), self.request)

    def stream(self, model: str, request_id: str) -> Translation:
        frames = oip_chat.Deltas(self.request, model, STREAMED.piece, STREAMED.broken)
        return Translation(frames, Turn(request_id, oip_chat.HIDDEN))

    def error(self, error: TiermeshError) -> tuple[Headers, bytes]:
        return self.form.error(error)


def from_http(target: Target, request: Request, runtime: Runtime, request_id: str, tenant: str) -> Call:
    """The body of …/infer.

    Raises TiermeshError: INVALID_JSON, INVALID_REQUEST with the field, UNKNOWN_MODEL.
    """
    route = _route(target.model, runtime)
    length = request.headers.get(oip_http.HEADER_LENGTH)
    parsed = oip_http.parse_request(request.body, length)
    tensors = Tensors(oip_http.form_of(length), parsed)
    return _call(target, route, tensors, HTTP, request, request_id, tenant)


def from_grpc(request: Request, stream: bool, runtime: Runtime, request_id: str, tenant: str) -> Call:
    """A ModelInferRequest, of ModelInfer or, as a `stream`, of ModelStreamInfer. Raises as `from_http`."""
    model, version, parsed = oip_grpc.parse_request(request.body)
    tensors = Tensors(oip_grpc.PROTOBUF, parsed)
    form = STREAMED if stream else UNARY
    return _call(Target(model, version), _route(model, runtime), tensors, form, request, request_id, tenant)


def _route(model: str, runtime: Runtime) -> Route:
    route = runtime.routes.get(model)
    if route is None:
        raise unknown_model(model, runtime)
    return route


def takes_tensors(route: Route) -> bool:
    """Whether a Route's Models are predictive."""
    return bool(route.light[Operation.INFER] or route.heavy[Operation.INFER])


def _call(
    target: Target, route: Route, tensors: Tensors, form: Form, request: Request, request_id: str, tenant: str
) -> Call:
    asked, fresh = tensors.request, asks_fresh(request)
    if takes_tensors(route):
        infer = TensorDialect(form, asked)
        model, version = target
        return Call(Operation.INFER, model, False, request.body, {}, request_id, tenant, fresh, infer, version, tensors)
    fields = oip_chat.question(asked, target.model, form.streams)
    chat = ChatDialect(form, asked, request_id)
    body = orjson.dumps(fields)
    return Call(
        Operation.CHAT, target.model, form.streams, body, fields, request_id, tenant, fresh, chat, target.version
    )
