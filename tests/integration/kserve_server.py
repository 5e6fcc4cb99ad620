"""`python -m tests.integration.kserve_server HTTP_PORT GRPC_PORT`: a real KServe ModelServer with one model.

It doubles what it is given: FP32, FP16 and BYTES, raw and in JSON. As KServe's servers of predictive models, it has no
vLLM, which KServe otherwise loads for endpoints that only generating models get.
"""

import sys
from typing import Any

import numpy as np
from kserve import InferInput, InferOutput, InferRequest, InferResponse, Model, ModelServer
from kserve.errors import InvalidInput


class Doubling(Model):  # type: ignore[misc]  # kserve brings no types
    """Twice each number, each text two times."""

    def load(self) -> bool:
        self.ready = True
        return True

    async def predict(self, payload: InferRequest, headers: Any = None, response_headers: Any = None) -> InferResponse:
        outputs = [_doubled(entry) for entry in payload.inputs]
        return InferResponse(
            response_id=payload.id or "", model_name=self.name, infer_outputs=outputs, **_binary(payload)
        )

    async def get_input_types(self) -> list[dict[str, Any]]:
        return [{"name": "x", "datatype": "FP32", "shape": [-1]}]

    async def get_output_types(self) -> list[dict[str, Any]]:
        return [{"name": "x", "datatype": "FP32", "shape": [-1]}]


def _doubled(entry: InferInput) -> InferOutput:
    found = entry.as_numpy()
    if found.size == 0:
        raise InvalidInput("nothing to double")
    twice = np.array([each + each for each in found.flatten()], dtype=found.dtype).reshape(found.shape)
    output = InferOutput(entry.name, list(twice.shape), entry.datatype)
    output.set_data_from_numpy(twice, binary_data=True)
    return output


def _binary(payload: InferRequest) -> dict[str, Any]:
    return {"use_binary_outputs": payload.use_binary_outputs, "requested_outputs": payload.request_outputs}


def main() -> None:
    """Serve until told to stop."""
    sys.modules["vllm"] = None  # type: ignore[assignment]  # so Python is told that there is none
    model = Doubling("doubling-1")
    model.load()
    http_port, grpc_port = map(int, sys.argv[1:])
    ModelServer(http_port=http_port, grpc_port=grpc_port, enable_grpc=True, workers=1).start([model])


if __name__ == "__main__":
    main()
