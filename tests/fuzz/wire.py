"""HTTP/1.1 on both sides: what callers send and what Models answer, as bytes cut anywhere."""

import asyncio
from functools import cache
from random import Random
from typing import Any, NamedTuple

import httptools
import orjson
import uvloop
from hypothesis import strategies as st

from control_plane.spec.errors import TiermeshError
from routers.http import Reply, Request
from routers.limits import ServerLimits
from routers.server import HttpConnection, HttpServer
from tests.fuzz.answers import cut
from tests.fuzz.decoder import Decoder
from tests.fuzz.door import FakeTransport
from tests.fuzz.mutations import SEEDS, scratch
from tests.fuzz.requests import CHATS, door
from tests.unit.routers.protocols.streams import answer, stream

_LINES = [
    *(b"Host: h", b"Content-Length: 2", b"Content-Length: 3", b"Content-Length: +2", b"Content-Length: 2, 2"),
    *(b"Transfer-Encoding: chunked", b"Transfer-Encoding: gzip, chunked", b"Transfer-Encoding : chunked"),
    *(b"Connection: close", b"Connection: keep-alive", b"Connection: Upgrade", b"Upgrade: h2c", b"Trailer: a"),
    *(b"Expect: 100-continue", b"Content-Encoding: gzip", b"Authorization: Bearer a", b" folded", b"A:", b"A: \xff"),
    *(b"X-Tiermesh-Tenant: other", b"X-Request-Id: a b", b"A: " + b"x" * 2000, b"A\0: b", b"A: b\rC: d", b": a"),
]
_FIRST_LINES = [
    *(b"POST / HTTP/1.1", b"GET /v1/models?a=%41 HTTP/1.1", b"POST http://h/a HTTP/1.1", b"OPTIONS * HTTP/1.1"),
    *(b"CONNECT h:1 HTTP/1.1", b"POST / HTTP/1.0", b"GET /", b"PRI * HTTP/2.0", b"HEAD /%00%ff HTTP/1.1"),
    *(b"POST  /  HTTP/1.1", b"BREW / HTTP/1.1", b"POST / HTTP/9.9", b"GET /#f HTTP/1.1"),
]
_BODIES = [b"", b"ab", b"2\r\nab\r\n0\r\n\r\n", b"2;x=y\r\nab\r\n0\r\nAuthorization: b\r\n\r\n", 
           b"fffffffffffffffff\r\n", b"0\r\n\r\n", b"1\r\na\r\n1\r\nb\r\n0\r\n\r\n", b"x" * 200]  # fmt: skip
_STATUS_LINES = [
    *(b"HTTP/1.1 200 OK", b"HTTP/1.1 200 OK", b"HTTP/1.0 200 OK", b"HTTP/1.1 100 C", b"HTTP/1.1 103 E"),
    *(b"HTTP/1.1 204 N", b"HTTP/1.1 304 N", b"HTTP/1.1 101 S", b"HTTP/1.1 404 N", b"HTTP/1.1 429 T", b"HTTP/1.1 999"),
    *(b"HTTP/1.1 422 U", b"HTTP/2.0 200", b"HTTP/1.1 000 Z", b"ICY 200 OK"),
]
_ANSWER_LINES = [
    *(b"Content-Length: 2", b"Content-Length: 99", b"Transfer-Encoding: chunked", b"Connection: close", b"A: b"),
    *(b"Content-Type: text/event-stream", b"Content-Type: application/json", b"Content-Type: \xff\xfe;\t a"),
    *(
        b"Content-Encoding: gzip",
        b"Retry-After: 99999999999",
        b"X-Tiermesh-Abstained: \xe9",
        b"X-Tiermesh-Confidence: \xff",
    ),
    *(b"X-Tiermesh-Confidence: 0.5", b"Upgrade: x", b"Connection: upgrade", b"A: b\nX-Evil: c", b"A: \0", b" folded"),
]


_LAST_TURNS = 20
"""Of the event loop, for the answers to the last requests."""


def _whole(random: Random, firsts: list[bytes], lines: list[bytes], bodies: list[bytes]) -> bytes:
    chosen = [random.choice(firsts), *random.sample(lines, random.randrange(6))]
    return b"\r\n".join([*chosen, b"", random.choice(bodies)])


class _Bytes(NamedTuple):
    whole: bytes
    cuts: int


def _requests(seed: int, mutation: int, cuts: int) -> _Bytes:
    random = Random(seed)
    whole = b"".join(_whole(random, _FIRST_LINES, _LINES, _BODIES) for _ in range(random.choice((1, 1, 2, 7))))
    return _Bytes(scratch(whole, mutation), cuts)


def _answers(seed: int, mutation: int, cuts: int) -> _Bytes:
    random = Random(seed)
    chat, events = answer({"content": "a"}), stream("a", "b")
    bodies = [b"ok", chat, events, *(b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) for body in (chat, events)), *_BODIES]
    whole = b"".join(_whole(random, _STATUS_LINES, _ANSWER_LINES, bodies) for _ in range(random.choice((1, 1, 2, 5))))
    return _Bytes(scratch(whole, mutation), cuts)


class _Answers:
    """Counts the answers in what a server wrote; raises where it is not HTTP."""

    def __init__(self, written: bytes) -> None:
        self.statuses: list[int] = []
        self._parser = httptools.HttpResponseParser(self)
        self._parser.feed_data(written)

    def on_headers_complete(self) -> None:
        self.statuses.append(self._parser.get_status_code())


class _Caller:
    """Sends bytes to a server, one connection for each time."""

    def __init__(self) -> None:
        self._loop = uvloop.new_event_loop()
        self._requests: list[Request] = []
        self._server = self._loop.run_until_complete(self._open())

    async def _open(self) -> HttpServer:
        limits = ServerLimits(max_body_bytes=1000, max_header_bytes=4000, linger_seconds=0)
        return HttpServer(self._handle, _refuse, limits)

    def _handle(self, request: Request, reply: Reply) -> None:
        self._requests.append(request)
        if request.method == b"HEAD" or len(request.headers) % 2 == 0:
            reply.send(200, b"", b"whole")
        else:
            reply.start(200, b"")
            reply.write(b"streamed")
            self._loop.call_soon(reply.end)  # what comes meanwhile finds an answer under way

    def send(self, pieces: list[bytes]) -> tuple[list[Request], list[int]]:
        """The requests that the handler saw, and the statuses that were answered."""
        self._requests = []
        transport: Any = FakeTransport()
        self._loop.run_until_complete(self._send(pieces, transport))
        seen = self._requests
        # An answer to HEAD has a length and no body: only its head is read.
        written = b"".join(transport.written)
        return seen, [] if any(each.method == b"HEAD" for each in seen) else _Answers(written).statuses

    async def _send(self, pieces: list[bytes], transport: Any) -> None:
        connection = HttpConnection(self._server)
        connection.connection_made(transport)
        for piece in pieces:
            if transport.closed:
                break
            connection.data_received(piece)
            await asyncio.sleep(0)
        for _ in range(_LAST_TURNS):
            await asyncio.sleep(0)
        connection.connection_lost(None)


def _refuse(error: TiermeshError, reply: Reply) -> None:
    assert error.status < 500
    reply.send(error.status, b"", error.code.value.encode())


@cache
def _caller() -> _Caller:
    return _Caller()


def _read_requests(sent: _Bytes) -> None:
    seen, statuses = _caller().send(cut(sent.whole, sent.cuts))
    final = [status for status in statuses if status >= 200]
    if statuses:
        assert len(seen) <= len(final) <= len(seen) + 1, (seen, statuses)
        assert set(final) <= {200, 400, 408, 413, 431}, statuses
        assert [status for status in final if status != 200] == final[len(seen) :], "a refusal comes last"
    # A refusal drops the requests that wait for their turn; how many do is a matter of when the bytes come.
    at_once = _caller().send([sent.whole])[0]
    both = min(len(seen), len(at_once))
    assert seen[:both] == at_once[:both], "where it is cut makes a difference"


_CHAT = orjson.dumps(CHATS[0] | {"model": "plain"})
_STREAM = orjson.dumps(CHATS[0] | {"model": "plain", "stream": True})


def _read_answers(sent: _Bytes) -> None:
    pieces = cut(sent.whole, sent.cuts)
    for body in (_CHAT, _STREAM):
        door().ask("/v1/chat/completions", body, None, pieces)


_SEED = st.integers(0, 2**32)

DECODERS = (
    Decoder("http-requests", st.builds(_requests, _SEED, SEEDS, SEEDS), _read_requests),
    Decoder("http-answers", st.builds(_answers, _SEED, SEEDS, SEEDS), _read_answers),
)
