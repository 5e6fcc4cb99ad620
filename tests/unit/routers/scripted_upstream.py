"""A model that answers as it is told, and what hears its answers."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from control_plane.spec.errors import TiermeshError
from routers.exchange import Exchange
from routers.upstream import Origin, UpstreamClient, UpstreamLimits
from tests.stub_upstream import StubUpstream, head

CERTIFICATE = Path(__file__).with_name("tls") / "certificate.pem"
REQUEST = b"POST /v1/chat/completions HTTP/1.1\r\nhost: h\r\ncontent-length: 2\r\n\r\n{}"
OK = head(200, {"content-length": "2"}) + b"ok"


class Model:
    """A stub and a client of it."""

    def __init__(self, stub: StubUpstream, limits: UpstreamLimits) -> None:
        self.stub = stub
        self.client = UpstreamClient(limits)

    async def send(self) -> Exchange:
        return await self.client.send(Origin.of(self.stub.url), REQUEST)

    async def ask(self) -> bytes:
        """The whole body of an answer."""
        return await (await self.send()).read()

    async def refused(self) -> TiermeshError:
        """The error that a request ends with."""
        with pytest.raises(TiermeshError) as caught:
            await self.ask()
        return caught.value


@contextlib.asynccontextmanager
async def upstream(**limits: float) -> AsyncIterator[Model]:
    async with StubUpstream() as stub:
        model = Model(stub, UpstreamLimits(**limits))  # type: ignore[arg-type]  # whole numbers where they must be
        try:
            yield model
        finally:
            model.client.close()


class Sponge:
    """A sink that keeps all, and tells of it."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.came = asyncio.Event()

    def on_body(self, data: bytes) -> None:
        self.pieces.append(data)
        self.came.set()
