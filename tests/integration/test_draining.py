"""A router that is told to stop: readiness falls first, nothing under way is cut, connections close politely."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import httpx2
import orjson
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from control_plane.spec.documents import Document
from routers.protocols.inference import open_inference_pb2 as messages
from tests.contract.router_process import RouterProcess
from tests.stub_upstream import DONE, Steps, StubUpstream, answer, event, held
from tests.unit.routers.protocols.streams import delta
from tests.unit.routers.raw import Client, connected
from tests.unit.routers.samples import chat, model, route

QUESTION = orjson.dumps(chat())
STREAMED = orjson.dumps(chat(stream=True))
PATH = "/v1/chat/completions"


@asynccontextmanager
async def router(home: Path, stub: StubUpstream, **variables: str) -> AsyncIterator[RouterProcess]:
    """A router before one Model, which the block tells to stop. It has ended well when this block ends."""
    documents: list[Document] = [model("light", url=stub.url), route(heavy=[], cache={"exact": {"enabled": False}})]
    with RouterProcess(home, documents, **variables) as process:
        yield process
        assert await asyncio.to_thread(process.wait) == 0


async def until_not_ready(process: RouterProcess) -> None:
    async with httpx2.AsyncClient(trust_env=False) as http:
        while (await http.get(f"http://127.0.0.1:{process.admin_port}/readyz")).status_code != 503:
            await asyncio.sleep(0.01)


async def until_refused(port: int) -> None:
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except ConnectionRefusedError:
            return
        writer.close()
        await asyncio.sleep(0.01)


async def asked(client: Client) -> str | None:
    """Ask; what the answer says about the connection."""
    client.post(QUESTION, PATH)
    answered = await client.answer()
    assert answered.status == 200
    return answered.headers.get("connection")


async def test_readiness_falls_first_and_all_who_have_not_heard_of_it_are_still_answered(tmp_path: Path) -> None:
    slow = held()
    async with (
        StubUpstream() as stub,
        router(tmp_path, stub, NOTICE_SECONDS="3") as process,
        connected(process.port) as old,
        connected(process.port) as busy,
        channel(process) as tensors,
    ):
        assert await asked(old) is None
        stub.script(slow)
        asking = asyncio.create_task(asked(busy))
        await slow.begun.wait()
        process.terminate()
        await until_not_ready(process)
        slow.go.set()
        assert await asking == "close"
        assert await asked(old) == "close"
        assert await old.closed() == b""
        async with connected(process.port) as new:
            assert await asked(new) == "close"
            assert await new.closed() == b""
        health = await health_pb2_grpc.HealthStub(tensors).Check(health_pb2.HealthCheckRequest())
        assert health.status == health_pb2.HealthCheckResponse.NOT_SERVING
        assert await said(infer(tensors)) == b"ok"


async def test_idle_connections_are_closed_new_ones_refused_and_an_answer_under_way_says_so(tmp_path: Path) -> None:
    slow = held(answer("last"))
    async with (
        StubUpstream() as stub,
        router(tmp_path, stub) as process,
        connected(process.port) as idle,
        connected(process.port) as busy,
    ):
        assert await asked(idle) is None
        stub.script(slow)
        asking = asyncio.create_task(asked(busy))
        await slow.begun.wait()
        process.terminate()
        assert await idle.closed() == b""
        await until_refused(process.port)
        await until_refused(process.grpc_port)
        slow.go.set()
        assert await asking == "close"
        assert await busy.closed() == b""


async def test_streams_under_way_come_to_their_end(tmp_path: Path) -> None:
    events = [event("one "), event("two"), delta({}, "stop")]
    first, second = Steps(events), Steps(events)
    async with (
        StubUpstream() as stub,
        router(tmp_path, stub) as process,
        connected(process.port) as client,
        channel(process) as tensors,
    ):
        stub.script(first, second)
        client.post(STREAMED, PATH)
        await first.begun.wait()
        streamed = infer(tensors)
        await second.begun.wait()
        for steps in (first, second):
            steps.step()
        assert (await client.head())[0] == 200
        assert await said(streamed) == b"one "
        process.terminate()
        await until_refused(process.port)
        await until_refused(process.grpc_port)
        for steps in (first, second):
            steps.go()
        assert b"".join([piece async for piece in client.chunks()]) == b"".join(events) + DONE
        assert await client.closed() == b""
        assert await said(streamed) == b"two"
        assert await streamed.read() is grpc.aio.EOF
        assert await streamed.code() is grpc.StatusCode.OK


async def test_what_outlasts_the_grace_period_is_cut_and_does_not_look_whole(tmp_path: Path) -> None:
    steps = Steps([event("one ")])
    async with (
        StubUpstream(steps) as stub,
        router(tmp_path, stub, GRACE_SECONDS="0.2") as process,
        connected(process.port) as client,
    ):
        client.post(STREAMED, PATH)
        steps.step()
        await client.head()
        process.terminate()
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError, ValueError)):
            [piece async for piece in client.chunks()]


def channel(process: RouterProcess) -> grpc.aio.Channel:
    return grpc.aio.insecure_channel(f"127.0.0.1:{process.grpc_port}")


async def said(call: grpc.aio.StreamStreamCall) -> bytes:
    """The next piece of text."""
    found = (await call.read()).infer_response.raw_output_contents[0]
    return bytes(found[4:])  # behind its length


def infer(through: grpc.aio.Channel) -> grpc.aio.StreamStreamCall:
    """Ask over ModelStreamInfer, and say that there is nothing more to ask."""
    asked = messages.ModelInferRequest(model_name="shop")
    asked.inputs.add(name="text_input", datatype="BYTES", shape=[1]).contents.bytes_contents.append(b"Where is it?")
    method = through.stream_stream(
        "/inference.GRPCInferenceService/ModelStreamInfer",
        request_serializer=messages.ModelInferRequest.SerializeToString,
        response_deserializer=messages.ModelStreamInferResponse.FromString,
    )
    return method(iter([asked]))
