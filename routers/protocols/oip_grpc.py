"""Tensors over gRPC: the messages of `inference.GRPCInferenceService`, and what an error is called there."""

from collections.abc import Iterable, MutableMapping
from typing import Any

from google.protobuf.message import DecodeError

from control_plane.spec.errors import Code, TiermeshError
from routers.http import Headers
from routers.protocols import tensors
from routers.protocols.inference import open_inference_pb2 as messages
from routers.protocols.openai import wrong
from routers.protocols.tensors import Metadata, Output, Parameters, Signature, Tensor, TensorAnswer, TensorRequest

PROTOBUF: Headers = b"content-type: application/grpc\r\n"
"""What a body is that holds one message of this protocol."""

_CONTENTS = {
    "BOOL": "bool_contents",
    "UINT8": "uint_contents",
    "UINT16": "uint_contents",
    "UINT32": "uint_contents",
    "UINT64": "uint64_contents",
    "INT8": "int_contents",
    "INT16": "int_contents",
    "INT32": "int_contents",
    "INT64": "int64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}
"""Datatype -> the list that holds its elements. FP16 and BF16 have none: they are raw."""

_STATUS = {
    400: 3,  # INVALID_ARGUMENT
    401: 16,  # UNAUTHENTICATED
    402: 8,  # RESOURCE_EXHAUSTED
    403: 7,  # PERMISSION_DENIED
    404: 5,  # NOT_FOUND
    405: 12,  # UNIMPLEMENTED
    408: 4,  # DEADLINE_EXCEEDED
    409: 10,  # ABORTED
    413: 8,  # RESOURCE_EXHAUSTED, as gRPC itself says of a message that is too large
    422: 9,  # FAILED_PRECONDITION
    429: 8,  # RESOURCE_EXHAUSTED
    431: 8,  # RESOURCE_EXHAUSTED
    500: 13,  # INTERNAL
    502: 14,  # UNAVAILABLE: as gRPC maps it, since asking again may help
    503: 14,  # UNAVAILABLE
    504: 4,  # DEADLINE_EXCEEDED
}
UNKNOWN = 2


def status_of(error: TiermeshError) -> int:
    """The gRPC status of an error (https://grpc.github.io/grpc/core/md_doc_statuscodes.html)."""
    return _STATUS.get(error.status, UNKNOWN)


def parse_request(message: bytes) -> tuple[str, str, TensorRequest]:
    """Model, version (empty for any) and request of a ModelInferRequest.

    Raises TiermeshError(INVALID_REQUEST) with the field.
    """
    try:
        read = messages.ModelInferRequest.FromString(message)
    except DecodeError as error:
        problem = "The message is no ModelInferRequest."
        raise TiermeshError(Code.INVALID_REQUEST, problem, "Build it from the protocol's own .proto.") from error
    if not read.inputs:
        raise wrong("inputs", "must hold at least one tensor")
    request = TensorRequest(
        inputs=_tensors(read.inputs, read.raw_input_contents, "inputs", "raw_input_contents"),
        outputs=[Output(output.name, _parameters(output.parameters)) for output in read.outputs],
        id=read.id,
        parameters=_parameters(read.parameters),
    )
    return read.model_name, read.model_version, request


def parse_answer(message: bytes) -> TensorAnswer:
    """What a Model's ModelInferResponse says. Raises TiermeshError(UPSTREAM_FAILED)."""
    try:
        read = messages.ModelInferResponse.FromString(message)
    except DecodeError as error:
        raise tensors.unreadable(wrong("The message", "is no ModelInferResponse")) from error
    try:
        outputs = _tensors(read.outputs, read.raw_output_contents, "outputs", "raw_output_contents")
    except TiermeshError as error:
        raise tensors.unreadable(error) from error
    return TensorAnswer(outputs, read.model_name, read.model_version, read.id, _parameters(read.parameters))


def render_request(request: TensorRequest, model: str) -> bytes:
    """A ModelInferRequest with raw inputs.

    Raises TiermeshError(INVALID_REQUEST) where an element is not of its datatype.
    """
    message = messages.ModelInferRequest(model_name=model, id=request.id)
    _set(message.parameters, request.parameters)
    for index, tensor in enumerate(request.inputs):
        _describe(message.inputs, tensor)
        message.raw_input_contents.append(tensors.raw(tensor, f"inputs[{index}]"))
    for output in request.outputs:
        _set(message.outputs.add(name=output.name).parameters, output.parameters)
    return bytes(message.SerializeToString())


def answer_message(answer: TensorAnswer) -> messages.ModelInferResponse:
    """A ModelInferResponse with raw outputs."""
    message = messages.ModelInferResponse(model_name=answer.model, model_version=answer.version, id=answer.id)
    _set(message.parameters, answer.parameters)
    for index, tensor in enumerate(answer.outputs):
        _describe(message.outputs, tensor)
        message.raw_output_contents.append(tensors.raw(tensor, f"outputs[{index}]"))
    return message


def parse_metadata(message: bytes) -> Metadata:
    """What a Model says of itself. Raises TiermeshError(UPSTREAM_FAILED)."""
    try:
        read = messages.ModelMetadataResponse.FromString(message)
    except DecodeError as error:
        raise tensors.unreadable(wrong("The message", "is no ModelMetadataResponse")) from error
    inputs, outputs = (
        [Signature(entry.name, entry.datatype, list(entry.shape)) for entry in side]
        for side in (read.inputs, read.outputs)
    )
    return Metadata(read.name, list(read.versions), read.platform, inputs, outputs)


def metadata_message(metadata: Metadata) -> messages.ModelMetadataResponse:
    """The same as a message."""
    sides = {side: [signature._asdict() for signature in getattr(metadata, side)] for side in ("inputs", "outputs")}
    return messages.ModelMetadataResponse(**{**metadata._asdict(), **sides})


def renamed(message: bytes, model: str) -> bytes:
    """The same ModelInferRequest for another model, nothing else read or written: of a field that stands twice the
    last value counts, so the new name goes behind the message."""
    name = model.encode()
    return b"%b\x0a%b%b" % (message, _varint(len(name)), name)


def embedded(answer: bytes) -> bytes:
    """A ModelStreamInferResponse with a ModelInferResponse in it, which is not read."""
    return b"\x12%b%b" % (_varint(len(answer)), answer)


def _varint(number: int) -> bytes:
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*found, number])


def _tensors(entries: Iterable[Any], raw: Any, field: str, raw_field: str) -> list[Tensor]:
    entries = list(entries)
    if raw and len(raw) != len(entries):
        raise wrong(raw_field, f"must hold one entry for each of {field}, {len(entries)}, not {len(raw)}")
    found = []
    for index, entry in enumerate(entries):
        where = f"{field}[{index}]"
        if raw and entry.HasField("contents"):
            raise wrong(f"{where}.contents", f"must not stand beside {raw_field}")
        content = raw[index] if raw else _contents(entry, where)
        parameters = _parameters(entry.parameters)
        tensor = Tensor(entry.name, entry.datatype, tuple(entry.shape), content, parameters)
        tensors.check(tensor, where)
        found.append(tensor)
    return found


def _contents(entry: Any, where: str) -> list[Any]:
    name = _CONTENTS.get(entry.datatype)
    contents = list(getattr(entry.contents, name)) if name else []
    if not contents and entry.HasField("contents") and entry.contents.ListFields():
        raise wrong(f"{where}.contents", f"must hold {entry.datatype} in {name or 'raw bytes'}")
    return contents


def _parameters(found: Any) -> Parameters:
    if not found:
        return tensors.NONE
    kinds = {name: value.WhichOneof("parameter_choice") for name, value in found.items() if name != tensors.SIZE}
    return {name: getattr(found[name], kind) for name, kind in kinds.items() if kind}


def _set(found: MutableMapping[str, Any], parameters: Parameters) -> None:
    for name, value in parameters.items():
        if isinstance(value, bool):
            found[name].bool_param = value
        elif isinstance(value, float):
            found[name].double_param = value
        elif isinstance(value, str):
            found[name].string_param = value
        elif -(2**63) <= value < 2**63:
            found[name].int64_param = value
        elif 0 <= value < 2**64:
            found[name].uint64_param = value
        else:
            raise wrong(f"parameters.{name}", "must be a number of at most 64 bits")


def _describe(entries: Any, tensor: Tensor) -> None:
    _set(entries.add(name=tensor.name, datatype=tensor.datatype, shape=tensor.shape).parameters, tensor.parameters)
