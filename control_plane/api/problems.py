"""Problems: every error of the API as RFC 9457 `application/problem+json`, the framework's own included."""

import json
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Scope

from control_plane.spec.documents import field_path
from control_plane.spec.errors import Code, FieldError, TiermeshError

_REFUSAL = "refusal"
_TYPE = "tag:tiermesh.dev,2026:problems/"
_SEE_PATHS = "/v1/openapi.json lists the paths and what they take."

_TEXT = {"type": "string"}
_FIELD = {"type": "object", "required": ["field", "message"], "properties": {"field": _TEXT, "message": _TEXT}}
PROBLEM: dict[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status", "code", "detail", "hint", "errors"],
    "properties": {
        **dict.fromkeys(("type", "title", "detail", "hint"), _TEXT),
        "code": {"enum": list(Code)},
        "status": {"type": "integer"},
        "errors": {"type": "array", "items": _FIELD},
    },
}
"""A problem's schema: the component `Problem` of the API's description of itself."""

# What Starlette and FastAPI answer by themselves.
_FRAMEWORK: dict[int, tuple[Code, str, str]] = {
    400: (Code.INVALID_JSON, "The body cannot be read as JSON.", "Send UTF-8 JSON of sane depth and numbers."),
    404: (Code.NOT_FOUND, "There is nothing at {path}.", _SEE_PATHS),
    405: (Code.METHOD_NOT_ALLOWED, "{path} does not take {method}.", _SEE_PATHS),
    413: (Code.BODY_TOO_LARGE, "The body is too large.", "Apply the documents in several smaller batches."),
}


def answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Which problems an operation may answer, as `responses` of FastAPI's decorators."""
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": HTTPStatus(status).phrase, "content": content} for status in statuses}


def install(app: FastAPI) -> None:
    """Make the app answer every error as a problem."""
    app.add_exception_handler(TiermeshError, _meant)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _framework)
    app.add_exception_handler(Exception, _unexpected)


def problem(error: TiermeshError, headers: Mapping[str, str] | None = None) -> Response:
    """The error on the wire."""
    body: dict[str, Any] = {
        **error.members,
        "type": _TYPE + error.code,
        "title": error.code.replace("_", " ").capitalize(),
        "status": error.status,
        "code": error.code,
        "detail": error.message,
        "hint": error.hint,
        "errors": [{"field": wrong.field, "message": wrong.message} for wrong in error.errors],
    }
    more = {} if error.retry_after_seconds is None else {"retry-after": str(error.retry_after_seconds)}
    if error.code is Code.UNAUTHENTICATED:
        more["www-authenticate"] = 'Bearer realm="tiermesh control plane"'
    # ASCII only: a lone surrogate that a caller sent can be named in an error and has no UTF-8.
    text = json.dumps(body, ensure_ascii=True)
    return Response(text, error.status, {**(headers or {}), **more}, "application/problem+json")


def note(scope: Scope, error: TiermeshError) -> None:
    """Keep why a request is refused, for whoever writes it down."""
    scope.setdefault("state", {})[_REFUSAL] = error


def noted(scope: Scope) -> TiermeshError | None:
    """Why a request was refused."""
    found = scope.get("state", {}).get(_REFUSAL)
    return found if isinstance(found, TiermeshError) else None


def _meant(request: Request, error: Exception) -> Response:
    assert isinstance(error, TiermeshError)
    note(request.scope, error)
    return problem(error)


def _invalid(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    items = error.errors()
    if items[0]["type"] == "json_invalid":
        return problem(_malformed(error.body, items[0]["loc"][1], items[0]["ctx"]["error"]))
    return problem(_wrong_fields(items))


def _malformed(text: str, position: int, what: str) -> TiermeshError:
    line = text.count("\n", 0, position) + 1
    column = position - text.rfind("\n", 0, position)
    message = f"The body is not JSON: {what} at line {line}, column {column}."
    return TiermeshError(Code.INVALID_JSON, message, "Correct the body at this place.")


def _wrong_fields(items: Iterable[Mapping[str, Any]]) -> TiermeshError:
    errors = tuple(
        FieldError(field_path(item["loc"][1:]) or item["loc"][0], item["msg"].removeprefix("Value error, "))
        for item in items
    )
    return TiermeshError(
        Code.INVALID_REQUEST,
        f"The request is not valid: {errors[0].field}: {errors[0].message}.",
        "Correct the fields named in errors; a body needs 'content-type: application/json'.",
        errors=errors,
    )


def _framework(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    default = (Code.INTERNAL, HTTPStatus(error.status_code).phrase, "")
    code, message, hint = _FRAMEWORK.get(error.status_code, default)
    meant = TiermeshError(code, message.format(path=request.url.path, method=request.method), hint)
    return problem(meant, _allowed(request) if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED else error.headers)


def _allowed(request: Request) -> dict[str, str]:
    """Every method of the path: the framework names those of its first operation alone."""
    routes = (route for route in request.app.routes if isinstance(route, Route | APIRoute))
    found = (route.methods or () for route in routes if route.matches(request.scope)[0] is not Match.NONE)
    return {"allow": ", ".join(sorted({method for methods in found for method in methods}))}


def _unexpected(_request: Request, _error: Exception) -> Response:
    # The server logs the exception itself; a caller gets no inner detail.
    return problem(
        TiermeshError(Code.INTERNAL, "The control plane failed.", "Its log says why; report it if it stays.")
    )
