"""gRPC's own health checks (https://grpc.io/docs/guides/health-checking/): `Check` answers, `Watch` keeps telling."""

from functools import partial

from google.protobuf.message import DecodeError
from grpc_health.v1 import health_pb2

from control_plane.spec.errors import Code, TiermeshError
from routers.grpc_calls import framed
from routers.http import Reply, Request
from routers.protocols import oip_grpc

SERVICE = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name
_STATUS = health_pb2.HealthCheckResponse


class Health:
    """One state for all services: the router serves, or it does not."""

    def __init__(self, services: tuple[str, ...]) -> None:
        """`services` that may be asked about, beside the server itself, whose name is empty."""
        self._services = ("", *services)
        self._watching: dict[Reply, None] = {}
        self._serving = False

    def announce(self, serving: bool) -> None:
        """Tell who watches, if it has changed."""
        if serving is not self._serving:
            self._serving = serving
            for reply in self._watching:
                reply.write(framed(self._answer()))

    def check(self, request: Request, reply: Reply) -> None:
        """Raises TiermeshError: NOT_FOUND for a service that is not here, INVALID_REQUEST."""
        if _service(request) not in self._services:
            raise TiermeshError(Code.NOT_FOUND, "There is no such service here.", f"Here are {self._services[1:]}.")
        reply.send(200, oip_grpc.PROTOBUF, self._answer())

    def watch(self, request: Request, reply: Reply) -> None:
        """Goes on until the caller leaves or the router stops. Raises TiermeshError(INVALID_REQUEST)."""
        known = _service(request) in self._services
        reply.start(200, b"")
        reply.write(framed(self._answer() if known else _written(_STATUS.SERVICE_UNKNOWN)))
        if known:
            self._watching[reply] = None
            reply.on_disconnect = partial(self._left, reply)

    def _left(self, reply: Reply) -> None:
        self._watching.pop(reply, None)

    def close(self) -> None:
        """From now on it does not serve, and nobody watches."""
        self.announce(serving=False)
        watching, self._watching = self._watching, {}
        for reply in watching:
            reply.end()

    def _answer(self) -> bytes:
        return _written(_STATUS.SERVING if self._serving else _STATUS.NOT_SERVING)


def _service(request: Request) -> str:
    try:
        return str(health_pb2.HealthCheckRequest.FromString(request.body).service)
    except DecodeError as error:
        raise TiermeshError(Code.INVALID_REQUEST, "The message is no HealthCheckRequest.", "Correct it.") from error


def _written(status: int) -> bytes:
    return bytes(_STATUS(status=status).SerializeToString())
