"""The handler: a request in, by path to what answers it. Also the outermost place where errors become answers."""

import logging
import random
import re

from control_plane.spec.errors import Code, TiermeshError
from observability.metrics import RouterMetrics
from routers.decision import Decision
from routers.http import Headers, Reply, Request
from routers.pipeline import decide, match, unknown_model
from routers.protocols import openai
from routers.runtime import Runtime
from routers.serving import Serving

_LOG = logging.getLogger(__name__)
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:-]{1,128}")
_MODELS = "/v1/models"

TENANT = "default"
"""Whose request it is. Keys and tenants come with authentication; what a caller says about itself never counts."""


class Router:
    """Answers callers by the Runtime in force. A new snapshot is one assignment to `runtime`."""

    def __init__(self, serving: Serving, metrics: RouterMetrics) -> None:
        self.runtime: Runtime | None = None
        self._serving = serving
        self._metrics = metrics

    def __call__(self, request: Request, reply: Reply) -> None:
        """Handle one request: a `routers.http.Handler`."""
        request_id = _request_id(request)
        try:
            self._route(request, request_id, reply)
        except TiermeshError as error:
            self.refuse(error, reply, request_id)
        except Exception:  # noqa: BLE001 - the outermost handler: a bug in one request must not end the others
            _LOG.exception(
                "A request failed in a way that it should not.", extra={"fields": {"request_id": request_id}}
            )
            self.refuse(_internal(), reply, request_id)

    def refuse(self, error: TiermeshError, reply: Reply, request_id: str = "") -> None:
        """Answer with an error before any decision."""
        self._metrics.refusal(error.code.value)
        headers, body = openai.DIALECT.error(error)
        reply.send(error.status, headers + _identified(request_id), body)

    def explain(self, request: Request) -> tuple[Decision, str]:
        """The decision for an OpenAI request body, and what the cache would say; no model is called.

        Raises TiermeshError as for a request.
        """
        runtime = self._runtime()
        path = next((path for path, field in _TELLING if field in request.body), "/v1/chat/completions")
        call = openai.decode(openai.OPERATIONS[path], request, _request_id(request), TENANT)
        decision = decide(call, runtime)
        return decision, self._serving.expected_cache(decision.match)

    def _route(self, request: Request, request_id: str, reply: Reply) -> None:
        path = request.path
        operation = openai.OPERATIONS.get(path)
        if operation is not None:
            _require(request, b"POST")
            call = openai.decode(operation, request, request_id, TENANT)
            self._serving.answer(call, match(call, self._runtime()), reply)
        elif path == _MODELS or path.startswith(_MODELS + "/"):
            _require(request, b"GET")
            body = self._models(path.removeprefix(_MODELS).removeprefix("/"))
            reply.send(200, openai.JSON + _identified(request_id), body)
        else:
            known = ", ".join([*openai.OPERATIONS, _MODELS])
            raise TiermeshError(Code.NOT_FOUND, f"There is nothing at {path[:200]!r}.", f"Paths here: {known}.")

    def _models(self, name: str) -> bytes:
        runtime = self._runtime()
        if not name:
            return openai.models(runtime)
        if name not in runtime.routes:
            raise unknown_model(name, runtime)
        return openai.model(name, runtime)

    def _runtime(self) -> Runtime:
        if self.runtime is None:
            message = "The router has no snapshot yet."
            hint = "Try again in a moment; the control plane may still be starting."
            raise TiermeshError(Code.UNAVAILABLE, message, hint, retry_after_seconds=2)
        return self.runtime


_TELLING = (("/v1/chat/completions", b'"messages"'), ("/v1/completions", b'"prompt"'), ("/v1/embeddings", b'"input"'))
"""Path -> the field that only its requests have; the first that is there decides."""


def _require(request: Request, method: bytes) -> None:
    if request.method != method:
        message = f"{request.path} takes {method.decode()}, not {request.method.decode()}."
        raise TiermeshError(Code.METHOD_NOT_ALLOWED, message, f"Send it as {method.decode()}.")


def _identified(request_id: str) -> Headers:
    return b"x-request-id: %b\r\n" % request_id.encode() if request_id else b""


def _request_id(request: Request) -> str:
    """The caller's own id where it is harmless in a header and a log, else a new one."""
    given = request.headers.get(b"x-request-id")
    if given is not None and _REQUEST_ID.fullmatch(given):
        return given.decode()
    # Unique, not secret: no system call for each request.
    return f"{random.getrandbits(128):032x}"


def _internal() -> TiermeshError:
    return TiermeshError(Code.INTERNAL, "The router failed.", "Report this with the x-request-id.")
