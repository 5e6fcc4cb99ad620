"""Models that take tensors, as the router's tests ask them: over HTTP scripted, over gRPC by functions."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc

from control_plane.spec.models import Operation
from routers.call import Call
from routers.http import Request
from routers.protocols import oip_grpc, oip_http
from routers.protocols.oip_calls import Target, from_grpc, from_http
from routers.protocols.tensors import TensorRequest
from routers.runtime import Backend, Runtime
from tests.unit.routers.protocols.tensor_samples import iris
from tests.unit.routers.samples import model, route, snapshot

ASKED = TensorRequest([iris()], id="7")
SECRET = {"TIERMESH_UPSTREAM_KEY_A": "secret"}

Answering = Callable[[bytes, grpc.aio.ServicerContext], Awaitable[bytes]]


def serving(url: str, protocol: str = "oip-http", **spec: Any) -> Runtime:
    """A Runtime whose Route `iris` has one Model here."""
    served = model("tensors", engine="kserve", protocol=protocol, url=url, servedName="iris-7", version="2", **spec)
    return Runtime.build(snapshot([served, route("iris", light=["tensors"], heavy=[])]), SECRET)


def backend(runtime: Runtime) -> Backend:
    """That Model."""
    return runtime.routes["iris"].light[Operation.INFER][0]


def over_http(runtime: Runtime) -> Call:
    """A request as it comes over HTTP."""
    form, body = oip_http.render_request(ASKED)
    headers = {oip_http.HEADER_LENGTH: form.rpartition(b": ")[2].rstrip()}
    return from_http(Target("iris"), Request(b"POST", "", headers, body), runtime, "id-1", "default")


def over_grpc(runtime: Runtime) -> Call:
    """A request as it comes over gRPC."""
    body = oip_grpc.render_request(ASKED, "iris")
    return from_grpc(Request(b"POST", "", {}, body), False, runtime, "id-1", "default")


@contextlib.asynccontextmanager
async def grpc_model(**methods: Answering) -> AsyncIterator[str]:
    """A server of the protocol with these methods; its URL."""
    server = grpc.aio.server()
    handlers = {name: grpc.unary_unary_rpc_method_handler(method) for name, method in methods.items()}
    service = "inference.GRPCInferenceService"
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        await server.stop(0)
        await asyncio.sleep(0)
