"""Door: a whole router without sockets. Requests go in, and the Model's bytes are what the fuzzer says."""

import asyncio
import logging
import re
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

import uvloop

from control_plane.spec.documents import Document, Route, parse
from control_plane.spec.events import Exposure
from control_plane.spec.models import Protocol
from observability.metrics import RouterMetrics
from routers.admin import Admin
from routers.asking import OpenAIAsker
from routers.cache.exact import ExactCache
from routers.directory import Directory
from routers.exchange import Exchange
from routers.exposure import ExposureBook
from routers.grpc_calls import StreamCall
from routers.grpc_server import GrpcServer
from routers.handler import Router
from routers.http import Request
from routers.http2.connection import Http2Connection
from routers.http2.stream import Stream
from routers.ledger import Ledger
from routers.limits import ServerLimits
from routers.quotas.memory import MemoryDesk
from routers.runtime import Runtime
from routers.serving import Serving
from routers.tensor_models import HttpTensorModels
from routers.upstream import Origin, UpstreamClient, UpstreamLimits, _Connection, _Pool
from tests.unit.control_plane.samples import experiment
from tests.unit.routers.raw import Heard
from tests.unit.routers.samples import model, route, snapshot
from tests.unit.routers.tenants import authorized, tenant

HEADERS = re.compile(rb"(?:[a-z0-9-]+: [\t\x20-\x7e]*\r\n)*")
"""What may go out between a status line and a blank line."""
MAX_TURNS = 10_000
"""Of the event loop until an answer is there; none needs more than a few dozen."""

_LAST_TURNS = 20
"""For what is cancelled when a caller leaves."""

_ONE_TRY = {"retries": {"attempts": 1}, "breaker": {"enabled": False}}
_PLENTY = {"tokensPerMinute": 10**12, "usdPerDay": 1_000_000, "requestsPerSecond": 1_000_000}


T = TypeVar("T")


class FakeTransport:
    """Takes what is written, and says when the other side has closed."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        if not self.closed:
            self.written.append(data)

    def close(self) -> None:
        self.closed = True

    abort = close

    def is_closing(self) -> bool:
        return self.closed

    def get_write_buffer_size(self) -> int:
        return 0

    def pause_reading(self) -> None:
        pass

    resume_reading = pause_reading


class ScriptedClient(UpstreamClient):
    """A client whose Models say the same bytes to everybody, in these pieces, and then close."""

    def __init__(self) -> None:
        super().__init__(UpstreamLimits())
        self.pieces: Sequence[bytes] = ()

    async def send(self, origin: Origin, data: bytes) -> Exchange:
        loop = asyncio.get_running_loop()
        connection = _Connection(_Pool(origin, UpstreamLimits(), None), loop)
        transport: Any = FakeTransport()
        connection.connection_made(transport)
        exchange = connection.send(data, UpstreamLimits().max_answer_bytes)
        self._speaking = loop.create_task(self._speak(connection, transport))
        await exchange.head
        return exchange

    async def _speak(self, connection: _Connection, transport: FakeTransport) -> None:
        for piece in self.pieces:
            if transport.closed:
                break
            connection.data_received(piece)
            await asyncio.sleep(0)
        connection.connection_lost(None)


class _Readable:
    """`Exposures` that must be what they say."""

    def add(self, events: Sequence[bytes]) -> None:
        for event in events:
            Exposure.model_validate_json(event)


def _armed(of: Route) -> Document:
    arms = [{"name": "control"}, {"name": "candidate", "override": {"sampling": {"temperature": 0}}}]
    name = of.metadata.name
    who = {
        "unit": {"field": "user"},
        "targeting": {"fields": {"metadata.plan": ["pro"]}},
        "forced": {"candidate": ["a"]},
    }
    return parse(experiment(name, route=name, arms=arms, **who))


class Door:
    """One router: Route `shop` chats, `plain` does without cache and quotas, `iris` takes tensors; both of these have
    arms."""

    def __init__(self) -> None:
        self._loop = uvloop.new_event_loop()
        self._failures: list[BaseException] = []
        self._loop.set_exception_handler(self._note)
        self._catcher = _Catcher(self._failures)
        self._client = ScriptedClient()
        self._loop.run_until_complete(self._open())

    async def _open(self) -> None:
        metrics = RouterMetrics()
        self._ledger = Ledger(metrics, lambda lines: None, ExposureBook(_Readable()))
        desk = MemoryDesk()
        tensor_models: Any = {Protocol.OIP_HTTP: HttpTensorModels(self._client)}
        askers: Any = {Protocol.OPENAI: OpenAIAsker(self._client), **tensor_models}
        serving = Serving(askers, ExactCache(10_000_000), self._ledger, desk, metrics)
        directory = Directory(tensor_models)
        self.router = Router(serving, desk, metrics, directory)
        self._admin = Admin(self.router, lambda: iter(()), lambda: False)
        self._grpc = GrpcServer(self.router, directory, ServerLimits(max_body_bytes=10_000, max_header_bytes=4_000))
        tensors = model("tensors", engine="kserve", protocol="oip-http", url="http://127.0.0.1:1", servedName="iris-7")
        chats = [model("light", modalities=["text", "image"]), model("heavy", "heavy")]
        routes = [
            route("shop", resilience=_ONE_TRY),
            route("plain", resilience=_ONE_TRY, cache={"exact": {"enabled": False}}),
            route("iris", light=["tensors"], heavy=[], resilience=_ONE_TRY),
        ]
        tenants = [tenant("acme", quotas={**_PLENTY, "hard": True}), tenant("free")]
        self.router.runtime = Runtime.build(snapshot([*chats, tensors, *routes, *tenants, *map(_armed, routes[1:])]))

    def ask(
        self, path: str, body: bytes, headers: dict[bytes, bytes] | None = None, says: Sequence[bytes] = ()
    ) -> Heard:
        """What a caller gets over HTTP, from a Model that `says` this. Raises what the router should have caught."""
        return self.request(self._request(path, body, headers), says)

    def request(self, request: Request, says: Sequence[bytes] = ()) -> Heard:
        """The same for a request of any kind."""
        return self._ask(lambda heard: self.router(request, heard), says)

    def administer(self, request: Request) -> Heard:
        """What the admin port answers."""
        return self._ask(lambda heard: self._admin(request, heard), ())

    def infer(self, message: bytes, stream: bool, says: Sequence[bytes] = ()) -> Heard:
        """What a caller gets over gRPC."""
        return self._ask(lambda heard: self.router.infer(self._request("", message, None), stream, heard), says)

    def connect(self, pieces: Sequence[bytes], says: Sequence[bytes] = ()) -> bytes:
        """What a caller of the gRPC port gets who sends these bytes, and leaves once there is nothing to wait for."""
        return self._heard(self._connected(pieces), says)

    async def _connected(self, pieces: Sequence[bytes]) -> bytes:
        transport: Any = FakeTransport()
        connection = Http2Connection(self._grpc._server)
        connection.connection_made(transport)
        try:
            for piece in pieces:
                if not transport.closed:
                    connection.data_received(piece)
                    await asyncio.sleep(0)
            await _until(lambda: transport.closed or not any(map(_owes, connection.streams.values())))
        finally:
            connection.connection_lost(None)
            for _ in range(_LAST_TURNS):
                await asyncio.sleep(0)
        return b"".join(transport.written)

    def _request(self, path: str, body: bytes, headers: dict[bytes, bytes] | None) -> Request:
        # Every other request is limited, so that both ways through the quotas are walked.
        owner = authorized("acme" if len(body) % 2 else "free")["authorization"].encode()
        return Request(b"POST", path, {b"authorization": owner, **(headers or {})}, body)

    def _ask(self, begin: Any, says: Sequence[bytes]) -> Heard:
        heard = self._heard(_answered(begin), says)
        assert heard.status.result() != 500, heard.body
        assert HEADERS.fullmatch(heard.headers), heard.headers
        return heard

    def _heard(self, asking: Coroutine[Any, Any, T], says: Sequence[bytes]) -> T:
        """What comes of it, if nothing fails that should not."""
        self._client.pieces = says
        logger = logging.getLogger("routers")
        logger.addHandler(self._catcher)
        try:
            heard = self._loop.run_until_complete(asking)
        finally:
            logger.removeHandler(self._catcher)
        if self._failures:
            failure, *_ = self._failures
            self._failures.clear()
            raise failure
        return heard

    def _note(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self._failures.append(context.get("exception") or RuntimeError(context["message"]))


class _Catcher(logging.Handler):
    """What the router logs as a failure of its own is a finding."""

    def __init__(self, failures: list[BaseException]) -> None:
        super().__init__(logging.ERROR)
        self._failures = failures

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        self._failures.append(error or RuntimeError(record.getMessage()))


async def _answered(begin: Any) -> Heard:
    heard = Heard()
    begin(heard)
    await _until(lambda: heard.ended or heard.aborted)
    return heard


async def _until(is_over: Callable[[], bool]) -> None:
    for _ in range(MAX_TURNS):
        if is_over():
            return
        await asyncio.sleep(0)
    raise TimeoutError("the caller never got an answer")


def _owes(stream: Stream) -> bool:
    """Whether the caller has said all and takes what comes, and so waits for an answer that ends."""
    watches = isinstance(stream.receiver, StreamCall) and stream.receiver._headers[b":path"].endswith(b"/Watch")
    return stream.ended_by_caller and not stream.congested and not watches
