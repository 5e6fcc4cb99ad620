"""The gRPC port: `inference.GRPCInferenceService`, gRPC's own health checks, and reflection.

It stands on `routers.http2` rather than on grpc.aio, whose threads cost more than all that the router does
(`python -m benchmarks.protocols`).
"""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from importlib.metadata import version
from typing import Any

from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.reflection import ReflectionServicer

from control_plane.spec.errors import Code, TiermeshError
from routers import grpc_health
from routers.directory import Directory
from routers.grpc_calls import Answer, StreamCall, UnaryCall, framed, refuse
from routers.grpc_health import Health
from routers.handler import Router
from routers.http import Reply, Request
from routers.http2.server import Http2Server
from routers.http2.stream import Headers, Receiver, Stream
from routers.inference import EXTENSIONS
from routers.limits import ServerLimits
from routers.protocols import oip_grpc
from routers.protocols.inference import open_inference_pb2 as messages
from routers.protocols.oip_calls import Target
from routers.protocols.oip_forms import UNARY
from routers.unexpected import as_error

SERVICE = messages.DESCRIPTOR.services_by_name["GRPCInferenceService"].full_name
_FILES = (messages.DESCRIPTOR, health_pb2.DESCRIPTOR, reflection_pb2.DESCRIPTOR)
_REFLECTION = reflection_pb2.DESCRIPTOR.services_by_name["ServerReflection"].full_name

Method = Callable[[Headers, Stream], Receiver]
"""Begins a call."""


class GrpcServer:
    """One listening address."""

    def __init__(self, router: Router, directory: Directory, limits: ServerLimits) -> None:
        self._router = router
        self._directory = directory
        self._limits = limits
        self._health = Health((SERVICE, _REFLECTION))
        names = [service.full_name for file in _FILES for service in file.services_by_name.values()]
        self._reflection = ReflectionServicer(names, _pool())
        self._methods = self._table()
        self._server = Http2Server(self._receive, limits)
        self._tasks: set[asyncio.Task[None]] = set()

    def _table(self) -> dict[bytes, Method]:
        unary, streamed = partial(_begin, UnaryCall, self._limits), partial(_begin, StreamCall, self._limits)
        methods = {
            f"{SERVICE}/ModelInfer": unary(lambda request, reply: self._router.infer(request, False, reply)),
            f"{SERVICE}/ModelStreamInfer": streamed(lambda request, reply: self._router.infer(request, True, reply)),
            f"{SERVICE}/ServerLive": unary(_guarded(self._live)),
            f"{SERVICE}/ServerReady": unary(_guarded(self._ready)),
            f"{SERVICE}/ServerMetadata": unary(_guarded(self._about)),
            f"{SERVICE}/ModelReady": unary(_guarded(self._model_ready)),
            f"{SERVICE}/ModelMetadata": unary(_guarded(self._model_metadata)),
            f"{grpc_health.SERVICE}/Check": unary(_guarded(self._health.check)),
            f"{grpc_health.SERVICE}/Watch": streamed(_guarded(self._health.watch)),
            f"{_REFLECTION}/ServerReflectionInfo": streamed(_guarded(self._reflect)),
        }
        return {f"/{name}".encode(): method for name, method in methods.items()}

    async def start(self, host: str, port: int) -> int:
        """Listen; returns the port (a free one where 0 was asked for). Raises TiermeshError(SETUP) if it is taken."""
        return await self._server.start(host, port)

    def announce(self) -> None:
        """Tell health checks whether the router serves: it does once it has a Runtime."""
        self._health.announce(self._router.runtime is not None)

    async def drain(self) -> None:
        """Say that the end is near, and still answer who has not heard of it."""
        self._health.close()
        self._server.drain()

    async def stop(self, grace_seconds: float) -> None:
        """Take no more calls, let those under way finish within the grace period, then cut them."""
        self._health.close()
        await self._server.stop(grace_seconds)

    def _receive(self, headers: Headers, stream: Stream) -> Receiver:
        method = self._methods.get(headers.get(b":path", b""))
        if method is None or not headers.get(b"content-type", b"").startswith(b"application/grpc"):
            return refuse(stream, headers)
        return method(headers, stream)

    # What is there.

    def _live(self, request: Request, reply: Reply) -> None:
        _send(reply, messages.ServerLiveResponse(live=True))

    def _ready(self, request: Request, reply: Reply) -> None:
        _send(reply, messages.ServerReadyResponse(ready=self._router.runtime is not None))

    def _about(self, request: Request, reply: Reply) -> None:
        about = messages.ServerMetadataResponse(name="tiermesh", version=version("tiermesh"), extensions=EXTENSIONS)
        _send(reply, about)

    def _model_ready(self, request: Request, reply: Reply) -> None:
        asked, runtime = _parsed(messages.ModelReadyRequest, request), self._router.visible(request)

        async def answer() -> None:
            ready = await self._directory.ready(Target(asked.name, asked.version), runtime)
            _send(reply, messages.ModelReadyResponse(ready=ready))

        self._later(answer(), reply)

    def _model_metadata(self, request: Request, reply: Reply) -> None:
        asked, runtime = _parsed(messages.ModelMetadataRequest, request), self._router.visible(request)

        async def answer() -> None:
            found = await self._directory.metadata(Target(asked.name, asked.version), runtime)
            _send(reply, oip_grpc.metadata_message(found))

        self._later(answer(), reply)

    def _later(self, answering: Coroutine[Any, Any, None], reply: Reply) -> None:
        async def answer() -> None:
            try:
                await answering
            except Exception as error:  # noqa: BLE001 - an outermost handler: the caller must hear of a bug too
                _fail(reply, error)

        task = asyncio.get_running_loop().create_task(answer())
        self._tasks.add(task)  # the loop itself holds tasks weakly
        task.add_done_callback(self._tasks.discard)

        def leave() -> None:
            task.cancel()

        reply.on_disconnect = leave

    def _reflect(self, request: Request, reply: Reply) -> None:
        asked = _parsed(reflection_pb2.ServerReflectionRequest, request)
        for found in self._reflection.ServerReflectionInfo(iter([asked]), None):
            reply.send(200, oip_grpc.PROTOBUF, framed(found.SerializeToString()))


def _begin(kind: Any, limits: ServerLimits, answer: Answer) -> Method:
    """A method whose calls are of this kind."""
    return lambda headers, stream: kind(headers, stream, answer, limits.max_body_bytes)


def _guarded(answer: Answer) -> Answer:
    """The same, whose errors are answers too."""

    def guarded(request: Request, reply: Reply) -> None:
        try:
            answer(request, reply)
        except Exception as error:  # noqa: BLE001 - as above; and a bug in one call must not end the others
            _fail(reply, error)

    return guarded


def _fail(reply: Reply, error: Exception) -> None:
    told = as_error(error)
    reply.send(told.status, *UNARY.error(told))


def _parsed(kind: Any, request: Request) -> Any:
    try:
        return kind.FromString(request.body)
    except DecodeError as error:
        name = kind.DESCRIPTOR.name
        raise TiermeshError(Code.INVALID_REQUEST, f"The message is no {name}.", "Correct it.") from error


def _send(reply: Reply, message: Any) -> None:
    reply.send(200, oip_grpc.PROTOBUF, bytes(message.SerializeToString()))


def _pool() -> DescriptorPool:
    """The descriptors of all services here. Those of inference are in no pool that others share."""
    pool = DescriptorPool()
    for file in _FILES:
        pool.AddSerializedFile(file.serialized_pb)
    return pool
