"""Answers: what came back over HTTP, as a value or as the error that the control plane meant."""

from typing import TypeVar

import httpx2
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from control_plane.spec.errors import Code, FieldError, TiermeshError

T = TypeVar("T")

_LONGEST_WAIT_DIGITS = 9
"""Thirty years: what is longer is no wait."""


def read(adapter: TypeAdapter[T], response: httpx2.Response, member: str | None = None) -> T:
    """The body, or one member of it, as a value.

    Raises TiermeshError(UPSTREAM_FAILED) where the body has another shape: the two sides differ in version.
    """
    try:
        body = response.json()
        return adapter.validate_python(body if member is None else body[member])
    except (ValueError, KeyError, TypeError, RecursionError, ValidationError) as error:
        raise TiermeshError(
            Code.UPSTREAM_FAILED,
            f"{response.url} answered in a shape this client does not know.",
            "Check that the address is a control plane's and that both run the same version of Tiermesh.",
        ) from error


def checked(response: httpx2.Response, url: str) -> httpx2.Response:
    """The response itself, or the error it carries, raised."""
    if response.is_success:
        return response
    problem = _problem(response)
    if problem is None:
        raise TiermeshError(
            Code.UPSTREAM_FAILED,
            f"{url} answered {response.status_code} and is not a Tiermesh control plane.",
            "Check the address (--server, TIERMESH_SERVER).",
        )
    raise TiermeshError(
        _code(problem.code),
        problem.detail,
        problem.hint,
        retry_after_seconds=_seconds(response.headers.get("retry-after", "")),
        errors=tuple(problem.errors),
        members=problem.model_extra,
    )


class _Problem(BaseModel):
    """What of RFC 9457's problem is an error here. Other members, such as both sides of a conflict, are kept as they
    are."""

    model_config = ConfigDict(extra="allow")

    code: str = ""
    detail: str = ""
    hint: str = ""
    errors: list[FieldError] = []


def _problem(response: httpx2.Response) -> _Problem | None:
    if not response.headers.get("content-type", "").startswith("application/problem+json"):
        return None
    try:
        return _Problem.model_validate_json(response.content)
    except ValidationError:
        return None


def _code(value: str) -> Code:
    # A newer server may know codes that this client does not.
    return Code(value) if value in set(Code) else Code.INTERNAL


def _seconds(value: str) -> int | None:
    return int(value) if value.isdecimal() and len(value) <= _LONGEST_WAIT_DIGITS else None


def unreachable(url: str, error: httpx2.TransportError) -> TiermeshError:
    """No answer at all: where it was asked, what happened, and what to do."""
    return TiermeshError(
        Code.UNAVAILABLE,
        f"The control plane at {url} does not answer ({type(error).__name__}).",
        "Start it with 'tiermesh up' or 'tiermesh control-plane', or name another with --server or TIERMESH_SERVER.",
    )
