"""Tensors: what a predictive Model takes and gives, in whichever form of the Open Inference Protocol it travels.

The forms are the business of `oip_http` (JSON, and JSON followed by raw bytes) and `oip_grpc` (protobuf). Here are
the values that all have in common, and what makes a tensor whole: its datatype, its shape and its size agree.
"""

import math
import struct
from collections.abc import Mapping, Sequence
from itertools import chain
from types import MappingProxyType
from typing import Any, NamedTuple

from control_plane.spec.errors import Code, TiermeshError
from routers.http import Headers
from routers.protocols.openai import wrong

MAX_RANK = 64
"""Dimensions of one tensor; as many as numpy knows."""
MAX_DIMENSION = 2**63 - 1
"""What the protocol's int64 holds."""

Parameters = Mapping[str, bool | int | float | str]
"""What a request, an answer or one tensor says beside its elements."""
NONE: Parameters = MappingProxyType({})
SIZE = "binary_data_size"
"""Parameter by which HTTP tells how many raw bytes are a tensor's. KServe says it over gRPC too, to no purpose."""


class Datatype(NamedTuple):
    """How the elements of a datatype lie in memory, little-endian."""

    size: int
    """Bytes of one element; 0 where each element says its own."""
    code: str
    """As `struct` names it; empty where it has no name."""


DATATYPES: dict[str, Datatype] = {
    "BOOL": Datatype(1, "?"),
    "UINT8": Datatype(1, "B"),
    "UINT16": Datatype(2, "H"),
    "UINT32": Datatype(4, "I"),
    "UINT64": Datatype(8, "Q"),
    "INT8": Datatype(1, "b"),
    "INT16": Datatype(2, "h"),
    "INT32": Datatype(4, "i"),
    "INT64": Datatype(8, "q"),
    "FP16": Datatype(2, "e"),
    "BF16": Datatype(2, ""),
    "FP32": Datatype(4, "f"),
    "FP64": Datatype(8, "d"),
    "BYTES": Datatype(0, ""),
}
"""All datatypes of the protocol."""


class Tensor(NamedTuple):
    """One input or output."""

    name: str
    datatype: str
    shape: Sequence[int]
    content: bytes | list[Any]
    """Raw bytes (of BYTES: each element after its length in 4 bytes), or the elements, flat or nested as the shape."""
    parameters: Parameters = NONE


class Output(NamedTuple):
    """An output that is asked for."""

    name: str
    parameters: Parameters = NONE


class TensorRequest(NamedTuple):
    """What a Model is asked."""

    inputs: Sequence[Tensor]
    outputs: Sequence[Output] = ()
    """None asks for all."""
    id: str = ""
    parameters: Parameters = NONE


class Tensors(NamedTuple):
    """A request as it came: what its body is, in headers, and the body parsed."""

    form: Headers
    request: TensorRequest


class TensorAnswer(NamedTuple):
    """What it answers. `model` and `version` are what it calls itself."""

    outputs: Sequence[Tensor]
    model: str = ""
    version: str = ""
    id: str = ""
    parameters: Parameters = NONE


class Signature(NamedTuple):
    """What a Model says of one input or output; a dimension of any size is -1."""

    name: str
    datatype: str
    shape: Sequence[int]


class Metadata(NamedTuple):
    """What a Model says of itself."""

    name: str
    versions: Sequence[str]
    platform: str
    inputs: Sequence[Signature]
    outputs: Sequence[Signature]


def check(tensor: Tensor, where: str) -> None:
    """Raises TiermeshError(INVALID_REQUEST) that names `where` unless datatype, shape and size agree."""
    datatype = DATATYPES.get(tensor.datatype)
    if datatype is None:
        raise wrong(f"{where}.datatype", f"must be one of {', '.join(DATATYPES)}")
    _check_shape(tensor.shape, f"{where}.shape")
    count, content = math.prod(tensor.shape), tensor.content
    if isinstance(content, list):
        _flat(content, tensor.shape, where)
    elif datatype.size and len(content) != count * datatype.size:
        must = f"must hold {count * datatype.size} bytes for {tensor.datatype} of shape {list(tensor.shape)}"
        raise wrong(where, f"{must}, not {len(content)}")
    elif not datatype.size and len(found := _split(content, where)) != count:
        raise wrong(where, f"must hold {count} elements for its shape {list(tensor.shape)}, not {len(found)}")


def _check_shape(shape: Any, where: str) -> None:
    if not isinstance(shape, list | tuple) or len(shape) > MAX_RANK:
        raise wrong(where, f"must be a list of at most {MAX_RANK} dimensions")
    for index, size in enumerate(shape):
        if type(size) is not int or not 0 <= size <= MAX_DIMENSION:
            raise wrong(f"{where}[{index}]", "must be a whole number from 0 on")


def raw(tensor: Tensor, where: str) -> bytes:
    """The elements as raw bytes.

    Raises TiermeshError(INVALID_REQUEST) where an element is not of the datatype.
    """
    content, datatype = tensor.content, DATATYPES[tensor.datatype]
    if isinstance(content, bytes):
        return content
    flat = _flat(content, tensor.shape, where)
    if tensor.datatype == "BYTES":
        return b"".join([_prefixed(element, f"{where}.data[{index}]") for index, element in enumerate(flat)])
    if not datatype.code or datatype.code == "e":
        raise wrong(f"{where}.data", f"cannot hold {tensor.datatype}: send its elements as raw bytes")
    try:
        return struct.pack(f"<{len(flat)}{datatype.code}", *flat)
    except (struct.error, OverflowError) as error:
        raise wrong(f"{where}.data", f"must hold elements of {tensor.datatype}: {error}") from error


def elements(tensor: Tensor, where: str) -> list[Any]:
    """The elements in row-major order; of BYTES as bytes, or as text where JSON brought them."""
    content, datatype = tensor.content, DATATYPES[tensor.datatype]
    if isinstance(content, list):
        return _flat(content, tensor.shape, where)
    if tensor.datatype == "BYTES":
        return _split(content, where)
    if tensor.datatype == "BF16":  # the upper half of an FP32
        halves = struct.unpack(f"<{len(content) // 2}H", content)
        content, datatype = struct.pack(f"<{len(halves)}I", *(half << 16 for half in halves)), DATATYPES["FP32"]
    return list(struct.unpack(f"<{len(content) // datatype.size}{datatype.code}", content))


def text(element: bytes | str) -> str:
    """An element of BYTES as text. Raises UnicodeDecodeError where it is none."""
    return element.decode() if isinstance(element, bytes) else element


def _flat(values: list[Any], shape: Sequence[int], where: str) -> list[Any]:
    """Level by level rather than by recursion: how deep a caller nests must not matter."""
    level, count = values, math.prod(shape)
    if level and isinstance(level[0], list):
        sizes = iter(shape)
        if len(level) != next(sizes, 1):
            raise wrong(f"{where}.data", f"must be nested as its shape {list(shape)}, or flat")
        for size in sizes:
            if not all(isinstance(part, list) and len(part) == size for part in level):
                raise wrong(f"{where}.data", f"must be nested as its shape {list(shape)}, or flat")
            level = list(chain.from_iterable(level))
    if len(level) != count:
        raise wrong(f"{where}.data", f"must hold {count} elements for its shape {list(shape)}, not {len(level)}")
    return level


def _prefixed(element: Any, where: str) -> bytes:
    if isinstance(element, str):
        element = element.encode()
    if not isinstance(element, bytes):
        raise wrong(where, "must be a string")
    return len(element).to_bytes(4, "little") + element


def _split(content: bytes, where: str) -> list[bytes]:
    found: list[bytes] = []
    at, end = 0, len(content)
    while at < end:
        start = at + 4
        at = start + int.from_bytes(content[at:start], "little")
        if start > end or at > end:
            raise wrong(where, f"must hold each element after its length in 4 bytes; element {len(found)} is cut off")
        found.append(content[start:at])
    return found


def unreadable(error: TiermeshError) -> TiermeshError:
    """The same problem, found in what a Model answered."""
    message = f"The model's answer is not one of the Open Inference Protocol: {error.message}"
    return TiermeshError(Code.UPSTREAM_FAILED, message, "Try again; if it stays so, look at the model's log.")
