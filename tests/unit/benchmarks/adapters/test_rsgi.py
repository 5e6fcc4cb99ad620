import asyncio
from types import SimpleNamespace

import pytest

from benchmarks.adapters.rsgi import Application
from routers.http import Handler
from tests.unit.benchmarks.adapters import handlers

SCOPE = SimpleNamespace(method="POST", path="/v1/x", headers={"x-word": "hello"})


class Caller:
    """The server's side of RSGI: a protocol and a transport in one."""

    def __init__(self) -> None:
        self.whole: tuple[int, list[tuple[str, str]], bytes] | None = None
        self.started: tuple[int, list[tuple[str, str]]] | None = None
        self.pieces: list[bytes] = []
        self.leaves = asyncio.Event()

    async def __call__(self) -> bytes:
        return b"a b c"

    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.whole = (status, headers, body)

    def response_stream(self, status: int, headers: list[tuple[str, str]]) -> "Caller":
        self.started = (status, headers)
        return self

    async def send_bytes(self, data: bytes) -> None:
        self.pieces.append(data)
        await asyncio.sleep(0)

    async def client_disconnect(self) -> None:
        await self.leaves.wait()

    async def call(self, handler: Handler) -> None:
        await Application(handler).__rsgi__(SCOPE, self)


async def test_a_whole_answer_is_sent_at_once() -> None:
    caller = Caller()
    await caller.call(handlers.echo)

    assert caller.whole == (201, [("content-type", "text/plain")], b"POST /v1/x hello a b c")


async def test_a_stream_comes_piece_by_piece() -> None:
    caller = Caller()
    await caller.call(handlers.stream)

    assert caller.started == (200, [("content-type", "text/plain")])
    assert caller.pieces == [b"a", b"b", b"c"]


async def test_a_cut_stream_is_not_ended_as_if_it_were_whole() -> None:
    caller = Caller()
    with pytest.raises(ConnectionAbortedError):
        await caller.call(handlers.cut)

    assert caller.pieces == [b"half"]


async def test_the_handler_hears_that_the_caller_has_left() -> None:
    caller, endless = Caller(), handlers.Endless()
    call = asyncio.create_task(caller.call(endless))
    await asyncio.sleep(0)
    caller.leaves.set()

    with pytest.raises(ConnectionAbortedError):
        await call
    assert endless.left == 1
