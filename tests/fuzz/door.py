"""Door: a whole router without sockets. Requests go in, and the Model's bytes are what the fuzzer says."""

import asyncio
import logging
import re
from collections.abc import Sequence
from typing import Any

import uvloop

from control_plane.spec.models import Protocol
from observability.metrics import RouterMetrics
from routers.asking import OpenAIAsker
from routers.cache.exact import ExactCache
from routers.handler import Router
from routers.http import Request
from routers.ledger import Ledger
from routers.quotas.memory import MemoryDesk
from routers.runtime import Runtime
from routers.serving import Serving
from routers.tensor_models import HttpTensorModels
from routers.upstream import Exchange, Origin, UpstreamClient, UpstreamLimits, _Connection, _Pool
from tests.unit.routers.raw import Heard
from tests.unit.routers.samples import model, route, snapshot
from tests.unit.routers.tenants import authorized, tenant

HEADERS = re.compile(rb"(?:[a-z0-9-]+: [\t\x20-\x7e]*\r\n)*")
"""What may go out between a status line and a blank line."""
MAX_TURNS = 10_000
"""Of the event loop until an answer is there; none needs more than a few dozen."""

_ONE_TRY = {"retries": {"attempts": 1}, "breaker": {"enabled": False}}
_PLENTY = {"tokensPerMinute": 10**12, "usdPerDay": 1_000_000, "requestsPerSecond": 1_000_000}


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


class Door:
    """One router: Route `shop` chats, `plain` does without cache and quotas, `iris` takes tensors."""

    def __init__(self) -> None:
        self._loop = uvloop.new_event_loop()
        self._failures: list[BaseException] = []
        self._loop.set_exception_handler(self._note)
        self._catcher = _Catcher(self._failures)
        self._client = ScriptedClient()
        self._loop.run_until_complete(self._open())

    async def _open(self) -> None:
        metrics = RouterMetrics()
        self._ledger = Ledger(metrics, lambda lines: None)
        desk = MemoryDesk()
        askers: Any = {Protocol.OPENAI: OpenAIAsker(self._client), Protocol.OIP_HTTP: HttpTensorModels(self._client)}
        serving = Serving(askers, ExactCache(10_000_000), self._ledger, desk, metrics)
        self.router = Router(serving, desk, metrics)
        tensors = model("tensors", engine="kserve", protocol="oip-http", url="http://127.0.0.1:1", servedName="iris-7")
        chats = [model("light", modalities=["text", "image"]), model("heavy", "heavy")]
        routes = [
            route("shop", resilience=_ONE_TRY),
            route("plain", resilience=_ONE_TRY, cache={"exact": {"enabled": False}}),
            route("iris", light=["tensors"], heavy=[], resilience=_ONE_TRY),
        ]
        tenants = [tenant("acme", quotas={**_PLENTY, "hard": True}), tenant("free")]
        self.router.runtime = Runtime.build(snapshot([*chats, tensors, *routes, *tenants]))

    def ask(
        self, path: str, body: bytes, headers: dict[bytes, bytes] | None = None, says: Sequence[bytes] = ()
    ) -> Heard:
        """What a caller gets over HTTP, from a Model that `says` this. Raises what the router should have caught."""
        return self._ask(lambda heard: self.router(self._request(path, body, headers), heard), says)

    def infer(self, message: bytes, stream: bool, says: Sequence[bytes] = ()) -> Heard:
        """The same over gRPC."""
        return self._ask(lambda heard: self.router.infer(self._request("", message, None), stream, heard), says)

    def _request(self, path: str, body: bytes, headers: dict[bytes, bytes] | None) -> Request:
        # Every other request is limited, so that both ways through the quotas are walked.
        owner = authorized("acme" if len(body) % 2 else "free")["authorization"].encode()
        return Request(b"POST", path, {b"authorization": owner, **(headers or {})}, body)

    def _ask(self, begin: Any, says: Sequence[bytes]) -> Heard:
        self._client.pieces = says
        logger = logging.getLogger("routers")
        logger.addHandler(self._catcher)
        try:
            heard = self._loop.run_until_complete(_answered(begin))
        finally:
            logger.removeHandler(self._catcher)
        if self._failures:
            failure, *_ = self._failures
            self._failures.clear()
            raise failure
        assert heard.status.result() != 500, heard.body
        assert HEADERS.fullmatch(heard.headers), heard.headers
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
    for _ in range(MAX_TURNS):
        if heard.ended or heard.aborted:
            return heard
        await asyncio.sleep(0)
    raise TimeoutError("the caller never got an answer")
