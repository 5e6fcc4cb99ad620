import asyncio
from typing import Any

import pytest

from benchmarks.adapters.asgi import Application, Message
from routers.http import Handler
from tests.unit.benchmarks.adapters import handlers

SCOPE: Message = {"type": "http", "method": "POST", "path": "/v1/x", "headers": [(b"x-word", b"hello")]}
BODY: list[Message] = [
    {"type": "http.request", "body": b"a b", "more_body": True},
    {"type": "http.request", "body": b" c", "more_body": False},
]


class Caller:
    """The server's side of ASGI: hands the body in, keeps what comes out."""

    def __init__(self) -> None:
        self.sent: list[Any] = []
        self.leaves = asyncio.Event()
        self._incoming = list(BODY)

    async def receive(self) -> Message:
        if not self._incoming:
            await self.leaves.wait()
            return {"type": "http.disconnect"}
        return self._incoming.pop(0)

    async def send(self, message: Message) -> None:
        self.sent.append(message)
        await asyncio.sleep(0)

    async def call(self, handler: Handler) -> None:
        await Application(handler)(SCOPE, self.receive, self.send)


async def test_a_whole_answer_has_its_length() -> None:
    caller = Caller()
    await caller.call(handlers.echo)

    start, body = caller.sent
    assert start["status"] == 201
    assert start["headers"] == [(b"content-type", b"text/plain"), (b"content-length", b"22")]
    assert body == {"type": "http.response.body", "body": b"POST /v1/x hello a b c"}


async def test_a_stream_comes_piece_by_piece() -> None:
    caller = Caller()
    await caller.call(handlers.stream)

    start, *pieces, end = caller.sent
    assert start["status"] == 200
    assert [piece["body"] for piece in pieces] == [b"a", b"b", b"c"]
    assert all(piece["more_body"] for piece in pieces)
    assert end == {"type": "http.response.body", "body": b""}


async def test_a_cut_stream_is_not_ended_as_if_it_were_whole() -> None:
    caller = Caller()
    with pytest.raises(ConnectionAbortedError):
        await caller.call(handlers.cut)

    assert caller.sent[-1]["more_body"]


async def test_the_handler_hears_that_the_caller_has_left() -> None:
    caller, endless = Caller(), handlers.Endless()
    call = asyncio.create_task(caller.call(endless))
    await asyncio.sleep(0)
    caller.leaves.set()

    with pytest.raises(ConnectionAbortedError):
        await call
    assert endless.left == 1
