"""The gRPC port: its start, its health, its end. What it answers, the contract tests ask with more clients."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from routers.directory import Directory
from routers.grpc_health import Health
from routers.grpc_server import SERVICE, GrpcServer
from routers.http import Reply, Request
from routers.limits import ServerLimits
from routers.protocols import oip_grpc
from routers.protocols.oip_calls import Target
from routers.protocols.tensors import Tensor, TensorRequest
from routers.runtime import Runtime
from tests.stub_upstream import Received, answer, held
from tests.unit.routers.mesh import Mesh, mesh

INFER = f"/{SERVICE}/ModelInfer"
QUESTION = oip_grpc.render_request(TensorRequest([Tensor("text_input", "BYTES", [1], ["hi"])]), "shop")
SERVING, NOT_SERVING = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING


@contextlib.asynccontextmanager
async def listening(
    whole: Mesh, directory: Directory | None = None
) -> AsyncIterator[tuple[GrpcServer, grpc.aio.Channel]]:
    """A server before this mesh's router, and a channel to it."""
    server = GrpcServer(whole.router, directory or Directory({}), ServerLimits())
    port = await server.start("127.0.0.1", 0)
    server.announce()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        try:
            yield server, channel
        finally:
            await server.stop(0)


def asked(service: str = SERVICE) -> health_pb2.HealthCheckRequest:
    return health_pb2.HealthCheckRequest(service=service)


async def test_it_is_healthy_once_there_is_a_runtime() -> None:
    async with mesh() as whole:
        runtime, whole.router.runtime = whole.router.runtime, None
        async with listening(whole) as (server, channel):
            health = health_pb2_grpc.HealthStub(channel)
            watching = health.Watch(asked())
            assert (await health.Check(asked())).status == (await watching.read()).status == NOT_SERVING
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await channel.unary_unary(INFER)(QUESTION)
            assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
            whole.router.runtime = runtime
            server.announce()
            assert (await watching.read()).status == (await health.Check(asked(""))).status == SERVING
            await server.drain()
            assert (await watching.read()).status == NOT_SERVING
            assert await watching.read() is grpc.aio.EOF


async def test_a_service_that_is_not_here_is_not_found() -> None:
    async with mesh() as whole, listening(whole) as (_, channel):
        health = health_pb2_grpc.HealthStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await health.Check(asked("other"))
        assert caught.value.code() is grpc.StatusCode.NOT_FOUND
        unknown = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
        assert (await health.Watch(asked("other")).read()).status == unknown


@pytest.mark.parametrize("method", ["grpc.health.v1.Health/Check", f"{SERVICE}/ModelReady", f"{SERVICE}/ModelInfer"])
async def test_what_is_no_message_is_an_invalid_argument(method: str) -> None:
    async with mesh() as whole, listening(whole) as (_, channel):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await channel.unary_unary(f"/{method}")(b"\xff")
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_method_that_is_not_here_is_unimplemented() -> None:
    async with mesh() as whole, listening(whole) as (_, channel):
        with pytest.raises(grpc.aio.AioRpcError, match="Reflection tells") as caught:
            await channel.unary_unary(f"/{SERVICE}/ModelStatistics")(b"")
        assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_a_compressed_message_is_refused_unopened() -> None:
    async with mesh() as whole, listening(whole) as (_, channel):
        call = channel.unary_unary(INFER)
        with pytest.raises(grpc.aio.AioRpcError, match="compressed") as caught:
            await call(QUESTION * 100, compression=grpc.Compression.Gzip)
        assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_an_answer_under_way_is_finished_before_the_end() -> None:
    async with mesh() as whole, listening(whole) as (server, channel):
        waiting = held()
        whole.light.script(waiting)
        asking = asyncio.ensure_future(channel.unary_unary(INFER)(QUESTION))
        await waiting.begun.wait()
        stopping = asyncio.create_task(server.stop(30))
        await asyncio.sleep(0)
        waiting.go.set()
        assert b"ok" in await asking
        await stopping


async def test_a_callers_words_about_itself_do_not_count() -> None:
    async with mesh() as whole, listening(whole) as (_, channel):
        metadata = [("x-tiermesh-tenant", "other"), ("x-request-id", "id-7")]
        call = channel.unary_unary(INFER)(QUESTION, metadata=metadata)
        assert dict(await call.initial_metadata())["x-request-id"] == "id-7"
        await call
        assert [line["tenant"] for line in whole.logged()] == ["default"]


async def test_a_large_message_comes_and_goes_whole() -> None:
    text = "x" * 3_000_000
    question = oip_grpc.render_request(TensorRequest([Tensor("text_input", "BYTES", [1], [text])]), "shop")
    async with mesh() as whole, listening(whole) as (_, channel):
        whole.light.default = whole.heavy.default = echoing
        assert len(await channel.unary_unary(INFER)(question)) > 3_000_000


async def echoing(received: Received, writer: asyncio.StreamWriter) -> None:
    """A Model that says what it was asked."""
    await answer(received.fields["messages"][0]["content"])(received, writer)


class Broken(Directory):
    """Has a bug."""

    async def ready(self, target: Target, runtime: Runtime) -> bool:
        raise ZeroDivisionError


class Unwell(Health):
    """Has one too."""

    def check(self, request: Request, reply: Reply) -> None:
        raise ZeroDivisionError


@pytest.mark.parametrize("method", [f"{SERVICE}/ModelReady", "grpc.health.v1.Health/Check"])
async def test_a_bug_is_an_answer_and_the_connection_goes_on(
    method: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("routers.grpc_server.Health", Unwell)
    async with mesh() as whole, listening(whole, Broken({})) as (_, channel):
        for _ in range(2):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await channel.unary_unary(f"/{method}")(b"", timeout=5)
            assert caught.value.code() is grpc.StatusCode.INTERNAL
            assert "ZeroDivisionError" not in str(caught.value.details())
        assert caplog.text.count("should not") == 2
