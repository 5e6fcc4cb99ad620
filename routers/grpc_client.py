"""Models that take tensors over gRPC: one channel for each endpoint, kept open."""

import grpc

from control_plane.spec.errors import Code, TiermeshError
from routers.asking import MARGIN_SECONDS, Begun
from routers.call import Call
from routers.protocols import oip_grpc
from routers.protocols.inference import open_inference_pb2 as messages
from routers.protocols.tensors import Metadata, Tensors
from routers.refusals import QUEUE_RETRY_SECONDS, STARTING_RETRY_SECONDS
from routers.runtime import Backend, Endpoint
from routers.upstream import UpstreamLimits

_SERVICE = "/inference.GRPCInferenceService/"
_RECONNECT_MS = 1000
"""Longest pause between two tries to connect: gRPC's own two minutes would leave a Model that is back unused."""
_ASK_SECONDS = 5.0
"""For what is not an inference: whether a Model is ready, and what it says of itself."""

_FULL = frozenset({grpc.StatusCode.RESOURCE_EXHAUSTED})
_AWAY = frozenset({grpc.StatusCode.UNAVAILABLE})
_CALLERS = frozenset(
    {grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.OUT_OF_RANGE}
)
"""Statuses that say that the request itself is wrong."""


class GrpcTensorModels:
    """Asks Models of protocol `oip-grpc`. A `routers.tensor_models.TensorModels`."""

    def __init__(self, limits: UpstreamLimits) -> None:
        self._limits = limits
        self._channels: dict[str, grpc.aio.Channel] = {}

    async def begin(self, call: Call, backend: Backend, endpoint: Endpoint, seconds_left: float) -> Begun:
        assert call.tensors is not None
        message = _rendered(call.tensors, call.body, backend.served_name)
        seconds, metadata = seconds_left + MARGIN_SECONDS, [("x-request-id", call.request_id)]
        return Begun(oip_grpc.PROTOBUF, await self._ask("ModelInfer", message, backend, endpoint, seconds, metadata))

    async def ready(self, backend: Backend, endpoint: Endpoint) -> bool:
        asked = messages.ModelReadyRequest(name=backend.served_name).SerializeToString()
        body = await self._ask("ModelReady", asked, backend, endpoint, _ASK_SECONDS)
        return bool(messages.ModelReadyResponse.FromString(body).ready)

    async def metadata(self, backend: Backend, endpoint: Endpoint) -> Metadata:
        asked = messages.ModelMetadataRequest(name=backend.served_name).SerializeToString()
        body = await self._ask("ModelMetadata", asked, backend, endpoint, _ASK_SECONDS)
        return oip_grpc.parse_metadata(body)

    async def _ask(
        self,
        method: str,
        message: bytes,
        backend: Backend,
        endpoint: Endpoint,
        seconds: float,
        metadata: list[tuple[str, str]] | None = None,
    ) -> bytes:
        channel = self._channels.get(endpoint.url) or self._open(endpoint)
        sent = list(metadata or ())
        if backend.authorization is not None:
            sent.append(("authorization", backend.authorization))
        try:
            # Cancelled with the task that waits here: then the Model hears that nobody waits.
            return bytes(await channel.unary_unary(_SERVICE + method)(message, timeout=seconds, metadata=sent))
        except grpc.aio.AioRpcError as error:
            raise _refusal(backend, endpoint, error) from error

    def _open(self, endpoint: Endpoint) -> grpc.aio.Channel:
        origin = endpoint.origin
        options = [
            ("grpc.max_receive_message_length", self._limits.max_answer_bytes),
            ("grpc.max_send_message_length", -1),  # the router's own limit on bodies holds
            ("grpc.initial_reconnect_backoff_ms", 100),
            ("grpc.max_reconnect_backoff_ms", _RECONNECT_MS),
            ("grpc.enable_http_proxy", 0),  # a Model's URL says where it is
            ("grpc.enable_retries", 0),  # the router's own policy decides
        ]
        host = f"[{origin.host}]" if ":" in origin.host else origin.host
        target = f"dns:///{host}:{origin.port}"
        if origin.tls:
            channel = grpc.aio.secure_channel(target, grpc.ssl_channel_credentials(), options=options)
        else:
            channel = grpc.aio.insecure_channel(target, options=options)
        self._channels[endpoint.url] = channel
        return channel

    async def close(self) -> None:
        """Close all channels."""
        for channel in self._channels.values():
            await channel.close()
        self._channels.clear()


def _rendered(tensors: Tensors, body: bytes, served_name: str) -> bytes:
    """The caller's own bytes where they are of gRPC already."""
    if tensors.form == oip_grpc.PROTOBUF:
        return oip_grpc.renamed(body, served_name)
    return oip_grpc.render_request(tensors.request, served_name)


def _refusal(backend: Backend, endpoint: Endpoint, error: grpc.aio.AioRpcError) -> TiermeshError:
    """The error for a status that is not OK. The Model's words are the hint: the message alone is logged."""
    status, said, name = error.code(), error.details() or "It did not say why.", backend.name
    again = "Try again in a moment."
    if status in _AWAY:
        origin = endpoint.origin
        message = f"Nothing answers at {origin.host}:{origin.port}: the model is starting or down."
        return TiermeshError(Code.MODEL_STARTING, message, again, retry_after_seconds=STARTING_RETRY_SECONDS)
    if status in _FULL:
        message = f"The queue of model {name!r} is full."
        return TiermeshError(Code.QUEUE_FULL, message, again, retry_after_seconds=QUEUE_RETRY_SECONDS)
    if status in _CALLERS:
        return TiermeshError(Code.INVALID_REQUEST, f"Model {name!r} refused the request.", said)
    message = f"Model {name!r} answered {status.name}."
    return TiermeshError(Code.UPSTREAM_FAILED, message, said)
