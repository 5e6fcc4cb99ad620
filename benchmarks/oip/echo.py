"""`python -m benchmarks.oip.echo`: ModelInfer on grpc.aio and nothing else. It prints its port.

The message is read into the generated class and its inputs are written back as outputs: the least that a Python server
of the protocol can do.
"""

import asyncio
from typing import Any

import grpc
import uvloop

from routers.protocols.inference import open_inference_pb2 as messages


async def _infer(request: Any, _: grpc.aio.ServicerContext) -> Any:
    answer = messages.ModelInferResponse(model_name=request.model_name, id=request.id)
    for entry in request.inputs:
        answer.outputs.add(name=entry.name, datatype=entry.datatype, shape=entry.shape)
    answer.raw_output_contents.extend(request.raw_input_contents)
    return answer


async def _serve() -> None:
    server = grpc.aio.server()
    method = grpc.unary_unary_rpc_method_handler(
        _infer,
        request_deserializer=messages.ModelInferRequest.FromString,
        response_serializer=messages.ModelInferResponse.SerializeToString,
    )
    service = "inference.GRPCInferenceService"
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {"ModelInfer": method}),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(port, flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(_serve())
