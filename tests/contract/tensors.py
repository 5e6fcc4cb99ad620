"""What the tests of the Open Inference Protocol's clients share: a Model that takes tensors, scripted."""

import struct
from typing import Any

import orjson

from tests.stub_upstream import Behaviour, answer

MEASURES = [5.0, 3.5, 1.5, 0.25]
KINDS = [0.125, 0.25, 0.625]


def in_json(**fields: Any) -> Behaviour:
    """An answer in JSON."""
    output = {"name": "kind", "datatype": "FP32", "shape": [1, 3], "data": KINDS}
    return answer({"model_name": "iris-7", "model_version": "1", "outputs": [output], **fields})


def in_bytes() -> Behaviour:
    """An answer with raw outputs."""
    size = {"binary_data_size": 12}
    output = {"name": "kind", "datatype": "FP32", "shape": [1, 3], "parameters": size}
    head = orjson.dumps({"model_name": "iris-7", "outputs": [output]})
    headers = {"content-type": "application/octet-stream", "inference-header-content-length": str(len(head))}
    return answer(head + struct.pack("<3f", *KINDS), headers=headers)


def refused(status: int, words: str = "scripted") -> Behaviour:
    """An error in the protocol's shape."""
    return answer({"error": words}, status)


def described() -> Behaviour:
    """What a Model says of itself."""
    measures = {"name": "measures", "datatype": "FP32", "shape": [-1, 4]}
    kind = {"name": "kind", "datatype": "FP32", "shape": [-1, 3]}
    fields = {"name": "iris-7", "versions": ["1"], "platform": "onnx", "inputs": [measures], "outputs": [kind]}
    return answer(fields)
