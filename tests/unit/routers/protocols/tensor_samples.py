"""Tensors as property tests draw them, and a request by hand."""

import math
import struct
from typing import Any

from hypothesis import strategies as st

from routers.protocols.tensors import DATATYPES, Output, Parameters, Tensor, TensorAnswer, TensorRequest

BYTES = st.binary(max_size=6)
NAMES = st.text(st.characters(codec="utf-8"), max_size=8)
PARAMETERS: st.SearchStrategy[Parameters] = st.dictionaries(
    NAMES.filter(lambda name: not name.startswith("binary_data")),
    st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False) | NAMES,
    max_size=2,
)


def iris(content: bytes | list[Any] | None = None) -> Tensor:
    """Four measures of a flower."""
    return Tensor("x", "FP32", [1, 4], [5.0, 3.5, 1.5, 0.25] if content is None else content)


def element(datatype: str) -> st.SearchStrategy[bytes]:
    """One element as raw bytes; a BOOL is 0 or 1, a number is one that JSON can say."""
    size, code = DATATYPES[datatype]
    if datatype == "BYTES":
        return BYTES.map(lambda text: struct.pack("<I", len(text)) + text)
    if datatype == "BOOL":
        return st.sampled_from([b"\0", b"\1"])
    raw = st.binary(min_size=size, max_size=size)
    return raw.filter(lambda found: math.isfinite(struct.unpack(f"<{code}", found)[0])) if code in ("f", "d") else raw


@st.composite
def tensor(draw: st.DrawFn) -> Tensor:
    """A whole tensor with raw content."""
    datatype = draw(st.sampled_from(sorted(DATATYPES)))
    shape = draw(st.lists(st.integers(0, 3), max_size=3))
    count = math.prod(shape)
    content = b"".join(draw(st.lists(element(datatype), min_size=count, max_size=count)))
    return Tensor(draw(NAMES), datatype, shape, content, draw(PARAMETERS))


REQUESTS = st.builds(
    TensorRequest,
    inputs=st.lists(tensor(), min_size=1, max_size=3),
    outputs=st.lists(st.builds(Output, NAMES, PARAMETERS), max_size=2),
    id=NAMES,
    parameters=PARAMETERS,
)
ANSWERS = st.builds(
    TensorAnswer,
    outputs=st.lists(tensor(), min_size=1, max_size=3),
    model=NAMES,
    version=NAMES,
    id=NAMES,
    parameters=PARAMETERS,
)


def same(first: TensorRequest | TensorAnswer, second: TensorRequest | TensorAnswer) -> bool:
    """Whether both say the same; lists and tuples, and mappings of any kind, are alike."""
    return bool(_plain(first) == _plain(second))


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return dict(value) if hasattr(value, "items") else value
