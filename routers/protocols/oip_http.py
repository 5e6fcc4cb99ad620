"""Tensors over HTTP: JSON, or JSON followed by the raw bytes of tensors (the protocol's binary extension).

With the extension, `inference-header-content-length` says where the JSON ends, and each tensor's parameter
`binary_data_size` how many of the bytes behind it are its own, in order.
"""

from typing import Any

import orjson

from control_plane.spec.errors import Code, TiermeshError
from routers.http import Headers
from routers.protocols import tensors
from routers.protocols.openai import wrong
from routers.protocols.tensors import (
    NONE,
    SIZE,
    Metadata,
    Output,
    Parameters,
    Signature,
    Tensor,
    TensorAnswer,
    TensorRequest,
)

HEADER_LENGTH = b"inference-header-content-length"
"""Of a binary body: how long its JSON is, in bytes."""
JSON: Headers = b"content-type: application/json\r\n"
BINARY: Headers = b"content-type: application/octet-stream\r\n"
_BINARY, _ALL_BINARY = "binary_data", "binary_data_output"


def parse_request(body: bytes, header_length: bytes | None) -> TensorRequest:
    """Read a request; `header_length` is the header's value, where there is one.

    Raises TiermeshError: INVALID_JSON with line and column, INVALID_REQUEST with the field.
    """
    fields, rest = _split(body, header_length)
    entries = fields.get("outputs") or []
    if not isinstance(entries, list):
        raise wrong("outputs", "must be a list")
    return TensorRequest(
        inputs=_tensors(fields, "inputs", rest),
        outputs=[_output(entry, f"outputs[{index}]") for index, entry in enumerate(entries)],
        id=_text(fields, "id", "id"),
        parameters=_parameters(fields, "parameters"),
    )


def parse_answer(body: bytes, header_length: bytes | None) -> TensorAnswer:
    """Read a Model's answer. Raises TiermeshError(UPSTREAM_FAILED)."""
    try:
        fields, rest = _split(body, header_length)
        return TensorAnswer(
            outputs=_tensors(fields, "outputs", rest),
            model=_text(fields, "model_name", "model_name"),
            version=_text(fields, "model_version", "model_version"),
            id=_text(fields, "id", "id"),
            parameters=_parameters(fields, "parameters"),
        )
    except TiermeshError as error:
        raise tensors.unreadable(error) from error


def render_request(request: TensorRequest) -> tuple[Headers, bytes]:
    """A request with raw inputs that asks for raw outputs: nothing is lost, whatever the datatype.

    Raises TiermeshError(INVALID_REQUEST) where an element is not of its datatype.
    """
    parts = [tensors.raw(tensor, f"inputs[{index}]") for index, tensor in enumerate(request.inputs)]
    fields = {
        "id": request.id,
        "parameters": {**request.parameters, _ALL_BINARY: True},
        "inputs": [_sized(tensor, len(part)) for tensor, part in zip(request.inputs, parts, strict=True)],
        "outputs": [_without_empty({"name": name, "parameters": parameters}) for name, parameters in request.outputs],
    }
    return _binary(fields, parts)


def render_answer(answer: TensorAnswer, request: TensorRequest) -> tuple[Headers, bytes]:
    """An answer whose outputs are raw where the request asks for that, and JSON otherwise.

    Raises TiermeshError(INVALID_REQUEST) for bytes in JSON that are no UTF-8.
    """
    wanted = {output.name: output.parameters.get(_BINARY) for output in request.outputs}
    usual = request.parameters.get(_ALL_BINARY, False)
    entries, parts = [], []
    for index, tensor in enumerate(answer.outputs):
        where = f"outputs[{index}]"
        by_name = wanted.get(tensor.name)
        if usual if by_name is None else by_name:
            parts.append(tensors.raw(tensor, where))
            entries.append(_sized(tensor, len(parts[-1])))
        else:
            entries.append({**_described(tensor), "data": _as_json(tensor, where)})
    fields = {
        "model_name": answer.model,
        "model_version": answer.version,
        "id": answer.id,
        "parameters": answer.parameters,
        "outputs": entries,
    }
    return _binary(fields, parts) if parts else (JSON, orjson.dumps(_without_empty(fields)))


def parse_metadata(body: bytes) -> Metadata:
    """What a Model says of itself. Raises TiermeshError(UPSTREAM_FAILED)."""
    try:
        fields = parse_object(body)
        versions = _versions(fields.get("versions"))
        inputs, outputs = (_signatures(fields.get(side) or [], side) for side in ("inputs", "outputs"))
        return Metadata(_text(fields, "name", "name"), versions, _text(fields, "platform", "platform"), inputs, outputs)
    except TiermeshError as error:
        raise tensors.unreadable(error) from error


def render_metadata(metadata: Metadata) -> bytes:
    """The same as JSON."""
    sides = {side: [signature._asdict() for signature in getattr(metadata, side)] for side in ("inputs", "outputs")}
    return orjson.dumps({**metadata._asdict(), **sides})


def form_of(header_length: bytes | None) -> Headers:
    """What a body is, in headers."""
    return JSON if header_length is None else b"%b%b: %b\r\n" % (BINARY, HEADER_LENGTH, header_length)


def error_body(error: TiermeshError) -> bytes:
    """An error in the protocol's shape."""
    return orjson.dumps({"error": str(error)})


# Reading.


def _split(body: bytes, header_length: bytes | None) -> tuple[dict[str, Any], bytes]:
    if header_length is None:
        return parse_object(body), b""
    name = HEADER_LENGTH.decode()
    if not header_length.isdigit() or len(header_length) > 18 or int(header_length) > len(body):
        raise wrong(name, f"must be the length of the JSON part in bytes, at most the body's {len(body)}")
    length = int(header_length)
    return parse_object(body[:length]), body[length:]


def parse_object(text: bytes) -> dict[str, Any]:
    """A JSON object. Raises TiermeshError: INVALID_JSON with line and column, INVALID_REQUEST for another value."""
    try:
        fields = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        message = f"The body is not valid JSON at {where}: {error.msg}."
        raise TiermeshError(Code.INVALID_JSON, message, "Correct it there and send it again.") from error
    if not isinstance(fields, dict):
        raise TiermeshError(Code.INVALID_REQUEST, "The body must be a JSON object.", 'Begin with {"inputs": [ …')
    return fields


def _tensors(fields: dict[str, Any], field: str, rest: bytes) -> list[Tensor]:
    entries = fields.get(field)
    if not isinstance(entries, list) or not entries:
        raise wrong(field, "must be a list of at least one tensor")
    found, at = [], 0
    for index, entry in enumerate(entries):
        where = f"{field}[{index}]"
        tensor, at = _tensor(entry, where, rest, at)
        tensors.check(tensor, where)
        found.append(tensor)
    if at != len(rest):
        raise wrong(field, f"say {SIZE} of {at} bytes in all, but {len(rest)} follow the JSON")
    return found


def _tensor(entry: Any, where: str, rest: bytes, at: int) -> tuple[Tensor, int]:
    if not isinstance(entry, dict):
        raise wrong(where, "must be an object with name, shape and datatype")
    parameters = dict(_parameters(entry, f"{where}.parameters"))
    size, data = parameters.pop(SIZE, None), entry.get("data")
    content: bytes | list[Any]
    if size is None:
        if not isinstance(data, list):
            raise wrong(f"{where}.data", f"must be a list, unless parameters say {SIZE}")
        content = data
    elif type(size) is not int or not 0 <= size <= len(rest) - at:
        raise wrong(
            f"{where}.parameters.{SIZE}", f"must be a number of bytes, at most the {len(rest) - at} that follow"
        )
    elif data is not None:
        raise wrong(f"{where}.data", f"must not stand beside {SIZE}")
    else:
        content = rest[at : at + size]
        at += size
    name, datatype = _text(entry, "name", f"{where}.name"), _text(entry, "datatype", f"{where}.datatype")
    return Tensor(name, datatype, entry.get("shape", ()), content, parameters), at


def _output(entry: Any, where: str) -> Output:
    if not isinstance(entry, dict):
        raise wrong(where, "must be an object with name")
    return Output(_text(entry, "name", f"{where}.name"), _parameters(entry, f"{where}.parameters"))


def _text(fields: dict[str, Any], name: str, where: str) -> str:
    value = fields.get(name)
    if value is None:  # so KServe writes what it does not know
        return ""
    if not isinstance(value, str):
        raise wrong(where, "must be a string")
    return value


def _parameters(fields: dict[str, Any], where: str) -> Parameters:
    found = fields.get("parameters")
    if found is None:
        return NONE
    if not isinstance(found, dict):
        raise wrong(where, "must be an object")
    for name, value in found.items():
        if not isinstance(value, bool | int | float | str):
            raise wrong(f"{where}.{name}", "must be a boolean, a number or a string")
    return found


def _versions(said: Any) -> list[str]:
    if said is not None and not isinstance(said, list):
        raise wrong("versions", "must be a list")
    return [str(version) for version in said or ()]


def _signatures(entries: Any, side: str) -> list[Signature]:
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise wrong(side, "must be a list of tensors")
    return [
        Signature(_text(entry, "name", side), _text(entry, "datatype", side), _sizes(entry.get("shape"), side))
        for entry in entries
    ]


def _sizes(shape: Any, side: str) -> list[int]:
    if not isinstance(shape, list) or not all(type(size) is int and -1 <= size < 2**63 for size in shape):
        raise wrong(f"{side}.shape", "must be a list of whole numbers from -1 on")
    return shape


# Writing.


def _binary(fields: dict[str, Any], parts: list[bytes]) -> tuple[Headers, bytes]:
    head = orjson.dumps(_without_empty(fields))
    return b"%b%b: %d\r\n" % (BINARY, HEADER_LENGTH, len(head)), b"".join([head, *parts])


def _sized(tensor: Tensor, size: int) -> dict[str, Any]:
    return {**_described(tensor), "parameters": {**tensor.parameters, SIZE: size}}


def _described(tensor: Tensor) -> dict[str, Any]:
    fields = {"name": tensor.name, "datatype": tensor.datatype, "shape": list(tensor.shape)}
    return {**fields, "parameters": tensor.parameters} if tensor.parameters else fields


def _as_json(tensor: Tensor, where: str) -> list[Any]:
    found = tensors.elements(tensor, where)
    if tensor.datatype != "BYTES":
        return found
    try:
        return [tensors.text(element) for element in found]
    except UnicodeDecodeError as error:
        raise wrong(where, f"holds bytes that are no text: ask for it with {_BINARY}") from error


def _without_empty(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value}
