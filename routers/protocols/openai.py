"""The OpenAI API: bytes to Call, errors to bytes. Unknown fields pass through: they are the model's business."""

import re
from typing import TYPE_CHECKING, Any

import orjson

from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.models import Operation
from routers.call import Call
from routers.http import Headers, Request

if TYPE_CHECKING:
    from routers.runtime import Runtime  # which parses prompts, and they are refused in this module's words

OPERATIONS = {
    "/v1/chat/completions": Operation.CHAT,
    "/v1/completions": Operation.COMPLETIONS,
    "/v1/embeddings": Operation.EMBEDDINGS,
}
"""Path -> what it asks for."""

JSON: Headers = b"content-type: application/json\r\n"
EVENT_STREAM = b"text/event-stream"
MAX_LEVELS = 246
"""Of lists and objects in each other: orjson reads 1024 and writes 254, and what is read may have to be written within
up to eight more."""

_REQUIRED = {Operation.CHAT: "messages", Operation.COMPLETIONS: "prompt", Operation.EMBEDDINGS: "input"}
_ROLES = frozenset({"system", "developer", "user", "assistant", "tool", "function"})
_MODEL = re.compile(rb'"model"\s*:\s*"(?:[^"\\]|\\.)*"')


def decode(operation: Operation, request: Request, request_id: str, tenant: str) -> Call:
    """Read a request.

    Raises TiermeshError: INVALID_JSON with line and column, INVALID_REQUEST with the field.
    """
    fields = parse(request.body)
    model = fields.get("model")
    if not isinstance(model, str) or not model:
        raise wrong("model", "must be the name of a model, as a string")
    stream = fields.get("stream")
    if stream is not None and not isinstance(stream, bool):
        raise wrong("stream", "must be true or false")
    required = _REQUIRED[operation]
    value = fields.get(required)
    if required == "messages":
        _check_messages(value)
    elif not isinstance(value, str | list) or value == []:
        raise wrong(required, "must be a string or a list that is not empty")
    fresh = asks_fresh(request)
    return Call(operation, model, bool(stream), request.body, fields, request_id, tenant, fresh, DIALECT)


def asks_fresh(request: Request) -> bool:
    """Whether the caller wants no cached answer."""
    control = request.headers.get(b"cache-control")
    if control is None:
        return False
    control = control.lower()
    return b"no-cache" in control or b"no-store" in control


def parse(body: bytes) -> dict[str, Any]:
    """A body as a JSON object that can also be written again.

    Raises TiermeshError: INVALID_JSON with line and column, INVALID_REQUEST.
    """
    try:
        fields = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise TiermeshError(
            Code.INVALID_JSON,
            f"The body is not valid JSON at {where}: {error.msg}.",
            "Correct it there and send it again.",
        ) from error
    if not isinstance(fields, dict):
        raise TiermeshError(Code.INVALID_REQUEST, "The body must be a JSON object.", 'Begin with {"model": …')
    if _is_too_deep(fields):
        raise TiermeshError(Code.INVALID_REQUEST, f"The body nests deeper than {MAX_LEVELS} levels.", "Flatten it.")
    return fields


def _is_too_deep(value: Any) -> bool:
    """Asked of orjson, which writes a body in less time than its brackets can be counted."""
    try:
        orjson.dumps([[[[[[[[value]]]]]]]])
    except orjson.JSONEncodeError:
        return True
    return False


def _check_messages(messages: Any) -> None:
    if not isinstance(messages, list) or not messages:
        raise wrong("messages", "must be a list of at least one message")
    for index, message in enumerate(messages):
        if not isinstance(message, dict):
            raise wrong(f"messages[{index}]", "must be an object with role and content")
        role = message.get("role")
        if not isinstance(role, str) or role not in _ROLES:
            raise wrong(f"messages[{index}].role", f"must be one of {', '.join(sorted(_ROLES))}")
        content = message.get("content")
        if content is not None and not isinstance(content, str | list):
            raise wrong(f"messages[{index}].content", "must be a string, a list of parts, or null")


def wrong(field: str, problem: str) -> TiermeshError:
    """The error for a field, by its path."""
    return TiermeshError(Code.INVALID_REQUEST, f"{field} {problem}.", f"Correct {field}.", param=field)


def body_for(call: Call, served_name: str) -> bytes:
    """The caller's bytes, with the model's own name in place of the Route's.

    Only the name is replaced: everything else stays as it came, byte for byte, also what JSON libraries would round.
    Where `"model"` stands more than once, or may be written with escapes, the parsed body is written anew instead.
    """
    if served_name == call.model:
        return call.body
    name = orjson.dumps(served_name)
    body = call.body
    found = _MODEL.search(body)
    # Every letter of "model" may be written \u006x. To look for one character is four times as fast; and `in` tries
    # bytes for a number first, and throws the exception away.
    if found and body.rfind(b'"model"') == found.start() and (body.find(b"\\") < 0 or body.find(b"\\u006") < 0):
        return b'%b"model":%b%b' % (body[: found.start()], name, body[found.end() :])
    return orjson.dumps({**call.fields, "model": served_name})


_TYPES = {429: "rate_limit_error", 404: "not_found_error"}


def error_fields(error: TiermeshError) -> dict[str, Any]:
    """An error in OpenAI's shape."""
    kind = _TYPES.get(error.status) or ("invalid_request_error" if error.status < 500 else "server_error")
    return {"error": {"message": str(error), "type": kind, "param": error.param, "code": error.code.value}}


def encode_error(error: TiermeshError) -> bytes:
    """The body of an error answer."""
    return orjson.dumps(error_fields(error))


def error_headers(error: TiermeshError) -> Headers:
    """Its headers; Retry-After where the wait is known."""
    if error.retry_after_seconds is None:
        return JSON
    return b"%bretry-after: %d\r\n" % (JSON, error.retry_after_seconds)


class PassThrough:
    """A stream that goes out as it came. A `routers.protocols.dialect.StreamEncoder`."""

    content_type = b"text/event-stream"

    def encode(self, data: bytes) -> bytes:
        return data

    def end(self) -> bytes:
        return b""

    def error(self, error: TiermeshError) -> bytes:
        """The event that ends a stream that broke. No `[DONE]` follows: nobody takes it for whole.

        It begins with a blank line, since the break may have come in the middle of an event.
        """
        return b"\n\ndata: " + encode_error(error) + b"\n\n"


class OpenAI:
    """The dialect that is spoken inside: nothing is translated. A `routers.protocols.dialect.Dialect`."""

    protocol = "openai"

    def __init__(self) -> None:
        self._encoder = PassThrough()

    def answer(self, headers: Headers, body: bytes, model: str) -> tuple[Headers, bytes]:
        return headers, body

    def stream(self, model: str, request_id: str) -> PassThrough:
        return self._encoder

    def error(self, error: TiermeshError) -> tuple[Headers, bytes]:
        return error_headers(error), encode_error(error)


DIALECT = OpenAI()


def models(runtime: "Runtime") -> bytes:
    """GET /v1/models: the Routes, by the names that callers use."""
    return orjson.dumps({"object": "list", "data": [_model(name, runtime) for name in sorted(runtime.routes)]})


def model(name: str, runtime: "Runtime") -> bytes:
    """GET /v1/models/{name}."""
    return orjson.dumps(_model(name, runtime))


def _model(name: str, runtime: "Runtime") -> dict[str, Any]:
    created = int(runtime.snapshot.created_at.timestamp())
    return {"id": name, "object": "model", "created": created, "owned_by": "tiermesh"}
