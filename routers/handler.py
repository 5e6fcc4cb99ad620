"""The handler: a request in, by path to what answers it. Also the outermost place where errors become answers."""

import os
import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

from control_plane.spec.errors import Code, TiermeshError
from observability.metrics import RouterMetrics
from routers import feedback, inference
from routers.call import Call
from routers.decision import Decision, Match
from routers.directory import Directory
from routers.feedback import FeedbackBox
from routers.http import Headers, Reply, Request
from routers.inference import Action, Asked, Inference
from routers.judging import Judging
from routers.pipeline import decide, match, unknown_model
from routers.protocols import anthropic, oip_calls, openai, responses
from routers.protocols.dialect import ErrorWriter
from routers.protocols.oip_forms import HTTP, STREAMED, UNARY
from routers.quotas.desk import Desk
from routers.runtime import Runtime
from routers.serving import Serving
from routers.tenants import DEFAULT, Tenant
from routers.unexpected import as_error

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:-]{1,128}")
_MODELS = "/v1/models"


class Explained(NamedTuple):
    """What would become of a call."""

    call: Call
    decision: Decision
    cache: str
    """What the exact cache would say."""
    health: dict[str, object]
    """Of its Route."""


class Router:
    """Answers callers by the Runtime in force. A new snapshot is one assignment to `runtime`."""

    def __init__(
        self,
        serving: Serving,
        desk: Desk,
        metrics: RouterMetrics,
        directory: Directory | None = None,
        box: FeedbackBox | None = None,
        judging: Judging | None = None,
    ) -> None:
        """`directory` is needed where there are Models that take tensors, `box` and `judging` where somebody counts
        outcomes."""
        self.runtime: Runtime | None = None
        self._serving = serving
        self._inference = Inference(directory or Directory({}))
        self._desk = desk
        self._metrics = metrics
        self._box = box
        self._judging = judging
        self._new_ids = _new_ids()

    def __call__(self, request: Request, reply: Reply) -> None:
        """Handle one request: a `routers.http.Handler`."""
        request_id = self._request_id(request)
        try:
            self._route(request, request_id, reply)
        except Exception as error:  # noqa: BLE001 - the outermost handler: a bug in one request must not end the others
            self._fail(error, reply, request_id, _dialect(request.path))

    def _request_id(self, request: Request) -> str:
        """The caller's own id where it is harmless in a header and a log, else a new one."""
        given = request.headers.get(b"x-request-id")
        if given is not None and _REQUEST_ID.fullmatch(given):
            return given.decode()
        return next(self._new_ids)

    def refuse(
        self, error: TiermeshError, reply: Reply, request_id: str = "", dialect: ErrorWriter = openai.DIALECT
    ) -> None:
        """Answer with an error before any decision."""
        self._metrics.refusal(error.code.value)
        headers, body = dialect.error(error)
        reply.send(error.status, headers + _identified(request_id), body)

    def _fail(self, error: Exception, reply: Reply, request_id: str, dialect: ErrorWriter) -> None:
        self.refuse(as_error(error, request_id), reply, request_id, dialect)

    async def explain(self, request: Request, tenant: str = DEFAULT.name) -> Explained:
        """The decision for an OpenAI request body of a tenant, what the exact cache would say, and how the Route is
        doing; no model is called.

        Raises TiermeshError as for a request.
        """
        runtime = self.runtime
        if runtime is None:
            raise _not_ready()
        path = next((path for path, field in _TELLING if field in request.body), "/v1/chat/completions")
        call = openai.decode(openai.OPERATIONS[path], request, self._request_id(request), tenant)
        vector = await self._serving.vector(call, match(call, runtime, request.headers))
        decision = decide(call, runtime, request.headers, vector)
        health = self._serving.guards.of(decision.match.route).describe()
        return Explained(call, decision, self._serving.expected_cache(decision.match), health)

    def infer(self, request: Request, stream: bool, reply: Reply) -> None:
        """Handle one message of gRPC's ModelInfer, or of its stream: the request's headers are its metadata."""
        request_id = self._request_id(request)
        try:
            runtime, tenant = self._seen_by(request)
            call = oip_calls.from_grpc(request, stream, runtime, request_id, tenant.name)
            self.answer(call, match(call, runtime, request.headers), reply)
        except Exception as error:  # noqa: BLE001 - as above
            self._fail(error, reply, request_id, STREAMED if stream else UNARY)

    def visible(self, request: Request) -> Runtime:
        """What the caller sees of the Runtime in force. Raises TiermeshError: INVALID_API_KEY, UNAVAILABLE."""
        return self._seen_by(request)[0]

    def _seen_by(self, request: Request) -> tuple[Runtime, Tenant]:
        """The same, and who the caller is."""
        runtime = self.runtime
        if runtime is None:
            raise _not_ready()
        if runtime.keys is None:
            return runtime, DEFAULT
        tenant = runtime.keys.tenant(request.headers)
        return runtime.seen_by(tenant), tenant

    def _route(self, request: Request, request_id: str, reply: Reply) -> None:
        path = request.path
        if path.startswith(inference.PREFIX):
            self._infer(inference.parse(path), request, request_id, reply)
            return
        runtime, tenant = self._seen_by(request)
        decode = _DECODERS.get(path)
        if decode is not None:
            if request.method != b"POST":
                raise _wrong_method(request, b"POST")
            call = decode(request, request_id, tenant.name)
            self.answer(call, match(call, runtime, request.headers), reply)
        elif path == _MODELS or path.startswith(_MODELS + "/"):
            _require(request, b"GET")
            body = _models(path.removeprefix(_MODELS).removeprefix("/"), runtime)
            reply.send(200, openai.JSON + _identified(request_id), body)
        elif path == feedback.PATH:
            _require(request, b"POST")
            body = feedback.taken(self._box, request, tenant)
            reply.send(202, openai.JSON + _identified(request_id), body)
        else:
            known = ", ".join([*_DECODERS, _MODELS, feedback.PATH, inference.PREFIX])
            raise TiermeshError(Code.NOT_FOUND, f"There is nothing at {path[:200]!r}.", f"Paths here: {known}.")

    def _infer(self, asked: Asked, request: Request, request_id: str, reply: Reply) -> None:
        """The Open Inference Protocol over HTTP."""
        _require(request, asked.method)
        if asked.action.probes:
            self._inference.probe(asked.action, self.runtime, reply, _identified(request_id))
            return
        runtime, tenant = self._seen_by(request)
        if asked.action is Action.INFER:
            call = oip_calls.from_http(asked.target, request, runtime, request_id, tenant.name)
            self.answer(call, match(call, runtime, request.headers), reply)
        else:
            fail = partial(self._fail, reply=reply, request_id=request_id, dialect=HTTP)
            self._inference.answer(asked, runtime, reply, _identified(request_id), fail)

    def answer(self, call: Call, match: Match, reply: Reply) -> None:
        """Answer a call, if its tenant's quotas let it in.

        Raises TiermeshError as `Serving.answer` does, where nothing is limited; else every error goes to the reply.
        """
        asked = call
        if match.prompted is not None:
            call = match.prompted.call
        if match.route.judges and self._judging is not None:
            call = self._judging.overhear(call, asked, match)
        if match.tenant.limits is None:
            self._serving.answer(call, match, reply)
            return

        def serve(entered: Reply) -> None:
            try:
                self._serving.answer(call, match, entered)
            except Exception as error:  # noqa: BLE001 - as above; and only this reply gives the tenant's place back
                self._fail(error, entered, call.request_id, call.dialect)

        def refuse(error: TiermeshError, entered: Reply) -> None:
            self.refuse(error, entered, call.request_id, call.dialect)

        self._desk.admit(match.tenant, match.route.deadline_seconds, reply, serve, refuse)


def _not_ready() -> TiermeshError:
    message = "The router has no snapshot yet."
    hint = "Try again in a moment; if nothing is published yet, apply documents first."
    return TiermeshError(Code.UNAVAILABLE, message, hint, retry_after_seconds=2)


def _models(name: str, runtime: Runtime) -> bytes:
    if not name:
        return openai.models(runtime)
    if name not in runtime.routes:
        raise unknown_model(name, runtime)
    return openai.model(name, runtime)


_DECODERS: dict[str, Callable[[Request, str, str], Call]] = {
    **{path: partial(openai.decode, operation) for path, operation in openai.OPERATIONS.items()},
    anthropic.PATH: anthropic.decode,
    responses.PATH: responses.decode,
}
"""Path -> what reads its requests, given their ids and tenants."""


def _dialect(path: str) -> ErrorWriter:
    """How an error is written on a path."""
    if path.startswith(inference.PREFIX):
        return HTTP
    return anthropic.DIALECT if path == anthropic.PATH else openai.DIALECT


_TELLING = (("/v1/chat/completions", b'"messages"'), ("/v1/completions", b'"prompt"'), ("/v1/embeddings", b'"input"'))
"""Path -> the field that only its requests have; the first that is there decides."""


def _require(request: Request, method: bytes) -> None:
    if request.method != method:
        raise _wrong_method(request, method)


def _wrong_method(request: Request, method: bytes) -> TiermeshError:
    message = f"{request.path} takes {method.decode()}, not {request.method.decode()}."
    return TiermeshError(Code.METHOD_NOT_ALLOWED, message, f"Send it as {method.decode()}.")


def _identified(request_id: str) -> Headers:
    return b"x-request-id: %b\r\n" % request_id.encode() if request_id else b""


def _new_ids() -> Iterator[str]:
    """Unique, and nobody learns from them how many there are; one system call for 128 of them."""
    while True:
        drawn = os.urandom(128 * 16).hex()
        for start in range(0, len(drawn), 32):
            yield drawn[start : start + 32]
