"""`python -m tests.integration.kserve_clients HTTP_URL GRPC_ADDRESS MODEL`: what KServe's own clients see, as JSON.

A process of its own: KServe's generated messages and tritonclient's have the same names.
"""

import asyncio
import json
import sys
from typing import Any

import numpy as np
from kserve import InferenceGRPCClient, InferenceRESTClient, InferInput, InferRequest
from kserve.inference_client import RESTConfig


def request(model: str, datatype: str, values: list[Any], binary: bool) -> InferRequest:
    """One tensor."""
    kinds = {"FP32": np.float32, "FP16": np.float16, "BYTES": np.object_}
    entry = InferInput("x", [len(values)], datatype)
    entry.set_data_from_numpy(np.array(values, dtype=kinds[datatype]), binary_data=binary)
    parameters = {"binary_data_output": True} if binary else None
    return InferRequest(model, [entry], request_id="7", parameters=parameters)


async def seen(url: str, address: str, model: str) -> dict[str, Any]:
    """What each client hears."""
    rest, grpc = InferenceRESTClient(RESTConfig(protocol="v2")), InferenceGRPCClient(address)
    found: dict[str, Any] = {
        "rest ready": await rest.is_server_ready(url) and await rest.is_model_ready(url, model),
        "rest live": await rest.is_server_live(url),
        "grpc ready": await grpc.is_server_ready() and await grpc.is_model_ready(model),
        "grpc live": await grpc.is_server_live(),
    }
    cases: list[tuple[str, list[Any], bool]] = [
        ("FP32", [1.0, 2.5], False),
        ("FP32", [1.0, 2.5], True),
        ("FP16", [0.5], True),
        ("BYTES", [b"a"], True),
    ]
    for datatype, values, binary in cases:
        answer = await rest.infer(url, request(model, datatype, values, binary), model_name=model)
        found[f"rest {datatype} {'raw' if binary else 'json'}"] = _said(answer)
        answer = await grpc.infer(request(model, datatype, values, binary))
        found[f"grpc {datatype} {'raw' if binary else 'contents'}"] = _said(answer)
    await rest.close()
    await grpc.close()
    return found


def _said(answer: Any) -> Any:
    assert answer.id == "7"
    values = answer.outputs[0].as_numpy().flatten().tolist()
    return [value.decode() if isinstance(value, bytes) else value for value in values]


if __name__ == "__main__":
    print(json.dumps(asyncio.run(seen(*sys.argv[1:]))))  # noqa: T201  # its only way to tell
