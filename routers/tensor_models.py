"""Models that take tensors, as the router asks them: over HTTP here, over gRPC in `routers.grpc_client`."""

from typing import Protocol
from urllib.parse import quote, urlsplit

from routers.asking import Begun, deadline
from routers.call import Call
from routers.exchange import Exchange
from routers.http import Headers
from routers.protocols import completion, oip_http
from routers.protocols.tensors import Metadata, Tensors
from routers.refusals import refusal
from routers.runtime import Backend, Endpoint
from routers.upstream import UpstreamClient


class TensorModels(Protocol):
    """Asks Models of one protocol. A `routers.asking.Asker` that also asks what they are."""

    async def begin(self, call: Call, backend: Backend, endpoint: Endpoint, seconds_left: float) -> Begun:
        """As `routers.asking.Asker` has it."""

    async def ready(self, backend: Backend, endpoint: Endpoint) -> bool:
        """Whether it takes requests. Raises TiermeshError where it cannot be asked."""

    async def metadata(self, backend: Backend, endpoint: Endpoint) -> Metadata:
        """What it says of itself. Raises TiermeshError where it cannot be asked, or answers something else."""


class HttpTensorModels:
    """Asks Models of protocol `oip-http`."""

    def __init__(self, client: UpstreamClient) -> None:
        self._client = client

    async def begin(self, call: Call, backend: Backend, endpoint: Endpoint, seconds_left: float) -> Begun:
        assert call.tensors is not None
        form, body = _rendered(call.tensors, call.body)
        headers = form + deadline(seconds_left)
        request = endpoint.request(call.operation, call.request_id, body, headers)
        exchange = await self._client.send(endpoint.origin, request)
        body = await self._read(exchange, backend)
        if not body.lstrip().startswith(b"{"):
            raise completion.unreadable("it is no JSON object")
        form = oip_http.form_of(exchange.headers.get(oip_http.HEADER_LENGTH))
        return Begun(form, body, delimited=exchange.delimited)

    async def ready(self, backend: Backend, endpoint: Endpoint) -> bool:
        exchange = await self._get(backend, endpoint, "/ready")
        try:
            await exchange.read()
        finally:
            exchange.close()
        return exchange.status == 200

    async def metadata(self, backend: Backend, endpoint: Endpoint) -> Metadata:
        return oip_http.parse_metadata(await self._read(await self._get(backend, endpoint, ""), backend))

    async def _get(self, backend: Backend, endpoint: Endpoint, what: str) -> Exchange:
        url = urlsplit(endpoint.url)
        key = f"authorization: {backend.authorization}\r\n" if backend.authorization else ""
        path = f"{url.path}/v2/models/{quote(backend.served_name)}{what}"
        return await self._client.send(
            endpoint.origin, f"GET {path} HTTP/1.1\r\nhost: {url.netloc}\r\n{key}\r\n".encode()
        )

    async def _read(self, exchange: Exchange, backend: Backend) -> bytes:
        try:
            body = await exchange.read()
        finally:
            exchange.close()
        if exchange.status != 200:
            raise refusal(backend.name, exchange.status, exchange.headers, body)
        return body


def _rendered(tensors: Tensors, body: bytes) -> tuple[Headers, bytes]:
    """The caller's own bytes where they are of HTTP already."""
    if tensors.form.startswith((oip_http.JSON, oip_http.BINARY)):
        return tensors.form, body
    return oip_http.render_request(tensors.request)
