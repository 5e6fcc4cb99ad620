"""Asking: one try at one endpoint of a Model, up to the commit point.

The commit point is the first content of an answer. Until then nobody has seen anything: what fails may be tried again,
elsewhere too. So what a stream says before its first content (that an answer begins, whose role it has) is held back,
and a stream that breaks, errs or ends before it is a failed try.
"""

from typing import Protocol

from control_plane.spec.errors import Code, TiermeshError
from routers.call import Call
from routers.exchange import Exchange
from routers.http import Headers
from routers.protocols import completion, openai
from routers.protocols.events import WholeEvents
from routers.record import record
from routers.refusals import refusal
from routers.runtime import JSON, Backend, Endpoint
from routers.upstream import UpstreamClient

MARGIN_SECONDS = 0.5
"""How much later than the router a Model may give up: the caller hears it from the router, in its protocol's words."""

_JSON = b"application/json"
_PASSED_ON = (b"content-encoding", b"x-tiermesh-confidence")
"""Headers of a Model's answer that callers see and the cache keeps, beside its content type."""


@record
class Begun:
    """An answer that has reached its commit point."""

    headers: Headers
    """What is passed on of the Model's; of a whole answer its content type too."""
    body: bytes
    """A whole answer; of a stream, its events up to the first content."""
    exchange: Exchange | None = None
    """Of a stream: what follows. None for a whole answer."""
    events: WholeEvents | None = None
    """Of a stream: what reads it on."""
    delimited: bool = True
    """Whether the Model said where its whole answer ends: where it did not, a cut looks like the end."""


class Asker(Protocol):
    """Asks Models of one protocol."""

    async def begin(self, call: Call, backend: Backend, endpoint: Endpoint, seconds_left: float) -> Begun:
        """Send the call to one endpoint, and wait for the commit point.

        Raises TiermeshError: MODEL_STARTING, QUEUE_FULL, UPSTREAM_FAILED, ABSTAINED or INVALID_REQUEST. Whatever ends
        it, cancellation too, nothing of it is left under way.
        """


def deadline(seconds_left: float) -> bytes:
    """The header that tells a Model of the deadline. Ray Serve ends a request by it; other servers, which know no such
    header, stop when the connection closes, as it does at the deadline."""
    return b"x-request-timeout-seconds: %d.%03d\r\n" % divmod(int(1000 * (seconds_left + MARGIN_SECONDS)), 1000)


class OpenAIAsker:
    """Asks Models that speak the OpenAI API."""

    def __init__(self, client: UpstreamClient) -> None:
        self._client = client

    async def begin(self, call: Call, backend: Backend, endpoint: Endpoint, seconds_left: float) -> Begun:
        body = openai.body_for(call, backend.served_name)
        headers = JSON + deadline(seconds_left)
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
        events = WholeEvents(call.operation)
        return Begun(_passed_on(exchange), await first_content(events, exchange), exchange, events)
    body = await exchange.read()
    if exchange.status != 200:
        raise refusal(backend.name, exchange.status, exchange.headers, body)
    if plain and not (body.startswith(b"{") and body.rstrip().endswith(b"}")):
        raise completion.unreadable("it is no JSON object")
    headers = b"content-type: %b\r\n%b" % (content_type, _passed_on(exchange))
    return Begun(headers, body, delimited=exchange.delimited)


async def first_content(events: WholeEvents, exchange: Exchange) -> bytes:
    """Wait for a stream's first content, or its sound end without any; returns the events up to there.

    Raises TiermeshError(UPSTREAM_FAILED) where the stream breaks, errs or cannot be read before it.
    """
    taken = b""
    while not (events.spoke or events.done):
        taken += events.take(await exchange.next_piece())
        if events.error is not None and not events.spoke:
            raise events.error
    return taken


def _passed_on(exchange: Exchange) -> Headers:
    headers = b""
    for name in _PASSED_ON:
        value = exchange.headers.get(name)
        if value is not None and value.isascii():
            headers += b"%b: %b\r\n" % (name, value)
    return headers


def cut(backend: Backend, hint: str) -> TiermeshError:
    """The error for a stream that broke after its commit point."""
    return TiermeshError(Code.STREAM_CUT, f"The answer of {backend.name!r} was cut off.", hint)
