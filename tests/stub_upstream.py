"""A model that does as it is told: an OpenAI-shaped server whose answer to each request is scripted by the test."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import orjson

DONE = b"data: [DONE]\n\n"


@dataclass(frozen=True)
class Received:
    """One request as it came, and whether its sender has left."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    left: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def fields(self) -> Any:
        """The body, parsed."""
        return orjson.loads(self.body)


Behaviour = Callable[[Received, asyncio.StreamWriter], Awaitable[None]]
"""Writes the answer to one request. Where it closes the writer, the connection ends."""


def head(status: int, headers: Mapping[str, str]) -> bytes:
    """A status line and headers, with the blank line."""
    lines = [f"HTTP/1.1 {status} Scripted", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode()


def chunk(data: bytes) -> bytes:
    """One piece of a chunked body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def event(text: str) -> bytes:
    """One event of a chat stream."""
    delta = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    fields = {"id": "c-1", "object": "chat.completion.chunk", "created": 1, "model": "stub", "choices": [delta]}
    return b"data: " + orjson.dumps(fields) + b"\n\n"


def completion(text: str) -> dict[str, Any]:
    """The body of a chat completion."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    return {
        "id": "c-1",
        "object": "chat.completion",
        "created": 1,
        "model": "stub",
        "choices": [choice],
        "usage": usage,
    }


def raw(data: bytes, close: bool = True) -> Behaviour:
    """These very bytes."""

    async def behave(received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        if close:
            writer.close()

    return behave


def answer(body: Any = "ok", status: int = 200, headers: Mapping[str, str] | None = None) -> Behaviour:
    """A whole answer: a chat completion with this text, or these fields, or these bytes."""
    fields = completion(body) if isinstance(body, str) else body
    content = fields if isinstance(fields, bytes) else orjson.dumps(fields)
    framing = {"content-type": "application/json", "content-length": str(len(content))}
    return raw(head(status, framing | dict(headers or {})) + content, close=False)


def error(
    status: int, message: str = "scripted", headers: Mapping[str, str] | None = None, **fields: object
) -> Behaviour:
    """An error in OpenAI's shape."""
    return answer({"error": {"message": message, "type": "scripted", "param": None, **fields}}, status, headers)


def abstain(confidence: float = 0.12) -> Behaviour:
    """A light model that is not sure enough."""
    return error(422, "not sure", {"x-tiermesh-abstained": str(confidence)}, code="model_abstained")


def not_deployed() -> Behaviour:
    """Ray Serve, before the application is there: plain text."""
    text = b"Path '/light' not found."
    return raw(head(404, {"content-type": "text/plain", "content-length": str(len(text))}) + text, close=False)


class Steps:
    """A behaviour that goes on only as far as the test lets it: a stall, or a stream step by step."""

    def __init__(self, pieces: Sequence[bytes], last: bytes | None = chunk(DONE) + chunk(b"")) -> None:
        """`pieces` are chunks of an event stream; `last` are the bytes after them, None to cut the connection."""
        self._pieces = pieces
        self._last = last
        self._allowed = asyncio.Semaphore(0)
        self.begun = asyncio.Event()

    def step(self, count: int = 1) -> None:
        """Let so many more steps happen: one a piece, and one for the end."""
        for _ in range(count):
            self._allowed.release()

    def go(self) -> None:
        """Let it run to its end."""
        self.step(len(self._pieces) + 1)

    async def __call__(self, received: Received, writer: asyncio.StreamWriter) -> None:
        self.begun.set()
        prefix = head(200, {"content-type": "text/event-stream", "transfer-encoding": "chunked"})
        for piece in self._pieces:
            await self._allowed.acquire()
            writer.write(prefix + chunk(piece))
            await writer.drain()
            prefix = b""
        await self._allowed.acquire()
        writer.write(prefix + (self._last or b""))
        if self._last is None:
            writer.close()


def stream(*texts: str) -> Behaviour:
    """A whole chat stream, at once."""
    steps = Steps([event(text) for text in texts])
    steps.go()
    return steps


class Held:
    """Gives another behaviour's answer once the test says so."""

    def __init__(self, then: Behaviour) -> None:
        self._then = then
        self.begun = asyncio.Event()
        self.go = asyncio.Event()

    async def __call__(self, received: Received, writer: asyncio.StreamWriter) -> None:
        self.begun.set()
        await self.go.wait()
        await self._then(received, writer)


def held(then: Behaviour | None = None) -> Held:
    """An answer that waits for `go`."""
    return Held(then or answer())


class StubUpstream:
    """Listens on a free port while it is entered. Requests take the scripted behaviours in turn, then the default."""

    def __init__(self, default: Behaviour | None = None) -> None:
        self.default = default or answer()
        self.requests: list[Received] = []
        self.accepted = 0
        self._script: deque[Behaviour] = deque()
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._arrived = asyncio.Condition()
        self._server: asyncio.Server

    def script(self, *behaviours: Behaviour) -> None:
        """What the next requests get, one each."""
        self._script.extend(behaviours)

    def reset(self, default: Behaviour | None = None) -> None:
        """Forget what was received and what was scripted."""
        self.default = default or answer()
        self.requests.clear()
        self._script.clear()

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """Where it runs, for tests that are elsewhere."""
        return self._server.get_loop()

    @property
    def port(self) -> int:
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def url(self) -> str:
        """As a Model document names it."""
        return f"http://127.0.0.1:{self.port}/v1"

    async def received(self, count: int = 1) -> Received:
        """The `count`-th request, waited for."""
        async with self._arrived:
            await self._arrived.wait_for(lambda: len(self.requests) >= count)
        return self.requests[count - 1]

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._server.close()
        self.hang_up()
        await _gone(self._tasks)
        await self._server.wait_closed()

    def hang_up(self) -> None:
        """Close every connection now, as a model that is killed."""
        for writer in self._writers:
            writer.transport.abort()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        self._writers.add(writer)
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._serve(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self._writers.discard(writer)
            self._tasks.discard(task)
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = b""
        while not writer.is_closing():
            request = await _read(reader, first)
            async with self._arrived:
                self.requests.append(request)
                self._arrived.notify_all()
            behaviour = self._script.popleft() if self._script else self.default
            answering = asyncio.ensure_future(behaviour(request, writer))
            # The router sends its next request only after this answer: what can be read before is that it left.
            watching = asyncio.ensure_future(reader.read(1))
            await asyncio.wait((answering, watching), return_when=asyncio.FIRST_COMPLETED)
            if not answering.done():
                answering.cancel()
                request.left.set()
            await asyncio.gather(answering, return_exceptions=True)
            first = await watching
            if not first:
                request.left.set()
                return


async def _read(reader: asyncio.StreamReader, first: bytes) -> Received:
    line, *lines = (first + await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    method, path, _ = line.split(" ")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines if line)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Received(method, path, headers, body)


async def _gone(tasks: Iterable[asyncio.Task[None]]) -> None:
    await asyncio.gather(*tasks, return_exceptions=True)
