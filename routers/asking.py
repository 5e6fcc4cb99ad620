"""Asking: one try at one endpoint of a Model, up to the commit point.

The commit point is the first content of an answer. Until then nobody has seen anything: what fails may be tried again,
elsewhere too. So what a stream says before its first content (that an answer begins, whose role it has) is held back,
and a stream that breaks, errs or ends before it is a failed try.
"""

from typing import Any, NamedTuple, Protocol

import orjson

from control_plane.spec.errors import Code, TiermeshError
from control_plane.spec.models import Operation
from routers.call import Call
from routers.http import Headers
from routers.protocols import completion, openai
from routers.protocols.sse import ChunkReader
from routers.refusals import refusal
from routers.runtime import JSON, Backend, Endpoint
from routers.upstream import Exchange, UpstreamClient

MARGIN_SECONDS = 0.5
"""How much later than the router a Model may give up: the caller hears it from the router, in its protocol's words."""
DEADLINE = b"x-request-timeout-seconds: %.3f\r\n"
"""What is left of the deadline. Ray Serve ends a request by it; other servers, which know no such header, stop when the
connection closes, as it does at the deadline."""

_JSON = b"application/json"
_PASSED_ON = (b"content-encoding", b"x-tiermesh-confidence")
"""Headers of a Model's answer that callers see and the cache keeps, beside its content type."""


class Begun(NamedTuple):
    """An answer that has reached its commit point."""

    headers: Headers
    """What is passed on of the Model's; of a whole answer its content type too."""
    body: bytes
    """Of a whole answer; empty for a stream."""
    exchange: Exchange | None = None
    """Of a stream: its first content is in there, the rest is to come. None for a whole answer."""
    delimited: bool = True
    """Whether the Model said where its whole answer ends: where it did not, a cut looks like the end."""


class Asker(Protocol):
    """Asks Models of one protocol."""

    async def begin(self, call: Call, backend: Backend, endpoint: Endpoint, seconds_left: float) -> Begun:
        """Send the call to one endpoint, and wait for the commit point.

        Raises TiermeshError: MODEL_STARTING, QUEUE_FULL, UPSTREAM_FAILED, ABSTAINED or INVALID_REQUEST. Whatever ends
        it, cancellation too, nothing of it is left under way.
        """


class OpenAIAsker:
    """Asks Models that speak the OpenAI API."""

    def __init__(self, client: UpstreamClient) -> None:
        self._client = client

    async def begin(self, call: Call, backend: Backend, endpoint: Endpoint, seconds_left: float) -> Begun:
        body = openai.body_for(call, backend.served_name)
        headers = JSON + DEADLINE % (seconds_left + MARGIN_SECONDS)
        request = endpoint.request(call.operation, call.request_id, body, headers)
        exchange = await self._client.send(endpoint.origin, request)
        try:
            return await _begun(call, backend, exchange)
        except BaseException:
            exchange.close()
            raise


async def _begun(call: Call, backend: Backend, exchange: Exchange) -> Begun:
    content_type = exchange.headers.get(b"content-type", _JSON)
    if not content_type.isascii():
        content_type = _JSON  # what gRPC could not pass on, and clients read in different ways
    # Of a compressed stream nobody could tell the end: it is taken whole.
    plain = b"content-encoding" not in exchange.headers
    if exchange.status == 200 and call.stream and plain and content_type.startswith(openai.EVENT_STREAM):
        await first_content(call.operation, exchange)
        return Begun(_passed_on(exchange), b"", exchange)
    body = await exchange.read()
    if exchange.status != 200:
        raise refusal(backend.name, exchange.status, exchange.headers, body)
    if plain and not (body.startswith(b"{") and body.rstrip().endswith(b"}")):
        raise completion.unreadable("it is no JSON object")
    headers = b"content-type: %b\r\n%b" % (content_type, _passed_on(exchange))
    return Begun(headers, body, delimited=exchange.delimited)


async def first_content(operation: Operation, exchange: Exchange) -> None:
    """Wait for a stream's first content, or its sound end without any.

    Raises TiermeshError(UPSTREAM_FAILED) where the stream breaks, errs or cannot be read before it.
    """
    reader, pieces = ChunkReader(), 0
    while True:
        piece = await exchange.piece(pieces)
        if _plainly_speaks(piece):
            return
        for fields in reader.read(piece):
            if _says_something(operation, fields):
                return
        if reader.done:
            return
        pieces += 1


def _plainly_speaks(piece: bytes) -> bool:
    """Whether this is one event with the text of a chat, as most first pieces are: read without a look at each line,
    for a caller waits for it. False says nothing."""
    if not (piece.startswith(b"data: {") and piece.endswith(b"}\n\n") and piece.count(b"\n") == 2):
        return False
    try:
        fields = orjson.loads(piece[6:])
        text = fields["choices"][0]["delta"]["content"]
    except (orjson.JSONDecodeError, LookupError, TypeError):
        return False
    return isinstance(text, str) and text != "" and "error" not in fields


def _says_something(operation: Operation, fields: dict[str, Any]) -> bool:
    """Whether a chunk holds content, or the end of an answer without any. Raises TiermeshError where it is an error."""
    said = completion.read_chunk(fields)
    if said.pieces or said.finish:
        return True
    choices = fields.get("choices") if operation is Operation.COMPLETIONS else None
    return bool(choices) and any(isinstance(choice, dict) and choice.get("text") for choice in choices or ())


def _passed_on(exchange: Exchange) -> Headers:
    found = [(name, exchange.headers.get(name)) for name in _PASSED_ON]
    return b"".join([b"%b: %b\r\n" % (name, value) for name, value in found if value is not None and value.isascii()])


def cut(backend: Backend, hint: str) -> TiermeshError:
    """The error for a stream that broke after its commit point."""
    return TiermeshError(Code.STREAM_CUT, f"The answer of {backend.name!r} was cut off.", hint)
