"""Models that take tensors over gRPC: what they are sent, and what their answers and statuses mean."""

import asyncio
from collections.abc import AsyncIterator

import grpc
import pytest

from control_plane.spec.errors import Code, TiermeshError
from routers.grpc_client import GrpcTensorModels
from routers.protocols import oip_grpc
from routers.protocols.inference import open_inference_pb2 as messages
from routers.upstream import UpstreamLimits
from tests.unit.routers.tensor_backends import Answering, backend, grpc_model, over_grpc, over_http, serving

ANSWER = b"\x0a\x06iris-7"


@pytest.fixture
async def models() -> AsyncIterator[GrpcTensorModels]:
    models = GrpcTensorModels(UpstreamLimits(max_answer_bytes=1000))
    yield models
    await models.close()


def refusing(status: grpc.StatusCode, words: str) -> Answering:
    """Answers with a status."""

    async def answer(message: bytes, context: grpc.aio.ServicerContext) -> bytes:
        await context.abort(status, words)
        return b""

    return answer


@pytest.mark.parametrize("asking", [over_grpc, over_http])
async def test_a_model_gets_the_request_under_its_own_name(models: GrpcTensorModels, asking: object) -> None:
    heard: list[tuple[bytes, dict[str, str], float]] = []

    async def infer(message: bytes, context: grpc.aio.ServicerContext) -> bytes:
        heard.append((message, dict(context.invocation_metadata()), context.time_remaining()))
        return ANSWER

    async with grpc_model(ModelInfer=infer) as url:
        runtime = serving(url, "oip-grpc", apiKeyFromEnv="TIERMESH_UPSTREAM_KEY_A")
        served = backend(runtime)
        call = over_grpc(runtime) if asking is over_grpc else over_http(runtime)
        begun = await models.begin(call, served, served.endpoints[0], 9.5)
    assert (begun.headers, begun.body, begun.exchange) == (oip_grpc.PROTOBUF, ANSWER, None)
    message, metadata, seconds = heard[0]
    name, _, read = oip_grpc.parse_request(message)
    assert (name, read.id, len(read.inputs[0].content)) == ("iris-7", "7", 16)
    assert asking is over_http or message.startswith(call.body)
    assert (metadata["x-request-id"], metadata["authorization"]) == ("id-1", "Bearer secret")
    assert 8 < seconds < 11  # gRPC rounds up what it tells of its deadline


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (grpc.StatusCode.INVALID_ARGUMENT, Code.INVALID_REQUEST),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, Code.QUEUE_FULL),
        (grpc.StatusCode.UNAVAILABLE, Code.MODEL_STARTING),
        (grpc.StatusCode.NOT_FOUND, Code.UPSTREAM_FAILED),
        (grpc.StatusCode.UNKNOWN, Code.UPSTREAM_FAILED),
    ],
)
async def test_a_status_is_an_error(models: GrpcTensorModels, status: grpc.StatusCode, code: Code) -> None:
    async with grpc_model(ModelInfer=refusing(status, "its words")) as url:
        runtime = serving(url, "oip-grpc")
        served = backend(runtime)
        with pytest.raises(TiermeshError) as caught:
            await models.begin(over_grpc(runtime), served, served.endpoints[0], 9)
    assert caught.value.code is code
    assert code in (Code.QUEUE_FULL, Code.MODEL_STARTING) or caught.value.hint == "its words"
    assert "its words" not in caught.value.message  # which is logged


async def test_nobody_there_is_a_model_that_is_starting(models: GrpcTensorModels) -> None:
    async with grpc_model() as gone:
        pass
    runtime = serving(gone, "oip-grpc")
    served = backend(runtime)
    with pytest.raises(TiermeshError, match="starting or down") as caught:
        await models.begin(over_grpc(runtime), served, served.endpoints[0], 9)
    assert caught.value.code is Code.MODEL_STARTING


async def test_an_answer_over_the_limit_is_refused(models: GrpcTensorModels) -> None:
    async def infer(message: bytes, context: grpc.aio.ServicerContext) -> bytes:
        return b"\0" * 2000

    async with grpc_model(ModelInfer=infer) as url:
        runtime = serving(url, "oip-grpc")
        served = backend(runtime)
        with pytest.raises(TiermeshError):
            await models.begin(over_grpc(runtime), served, served.endpoints[0], 9)


async def test_a_caller_who_leaves_stops_the_model(models: GrpcTensorModels) -> None:
    begun, left = asyncio.Event(), asyncio.Event()

    async def infer(message: bytes, context: grpc.aio.ServicerContext) -> bytes:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            left.set()
        return b""

    async with grpc_model(ModelInfer=infer) as url:
        runtime = serving(url, "oip-grpc")
        served = backend(runtime)
        asking = asyncio.create_task(models.begin(over_grpc(runtime), served, served.endpoints[0], 9))
        await begun.wait()
        asking.cancel()
        await left.wait()
    assert asking.cancelled() or asking.cancelling()


async def test_a_model_says_whether_it_is_ready_and_what_it_is(models: GrpcTensorModels) -> None:
    async def ready(message: bytes, context: grpc.aio.ServicerContext) -> bytes:
        assert messages.ModelReadyRequest.FromString(message).name == "iris-7"
        return bytes(messages.ModelReadyResponse(ready=True).SerializeToString())

    async def about(message: bytes, context: grpc.aio.ServicerContext) -> bytes:
        answer = messages.ModelMetadataResponse(name="iris-7", platform="onnx")
        answer.inputs.add(name="x", datatype="FP32", shape=[-1, 4])
        return bytes(answer.SerializeToString())

    async with grpc_model(ModelReady=ready, ModelMetadata=about) as url:
        served = backend(serving(url, "oip-grpc"))
        assert await models.ready(served, served.endpoints[0]) is True
        found = await models.metadata(served, served.endpoints[0])
    assert (found.name, found.platform, found.inputs[0]) == ("iris-7", "onnx", ("x", "FP32", [-1, 4]))
