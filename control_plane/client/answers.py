"""Answers: what came back over HTTP, as a value or as the error that the control plane meant."""

from typing import Any, TypeVar

import httpx2
from pydantic import TypeAdapter, ValidationError

from control_plane.spec.errors import Code, FieldError, TiermeshError

T = TypeVar("T")


def read(adapter: TypeAdapter[T], response: httpx2.Response, member: str | None = None) -> T:
    """The body, or one member of it, as a value.

    Raises TiermeshError(UPSTREAM_FAILED) where the body has another shape: the two sides differ in version.
    """
    try:
        body = response.json()
        return adapter.validate_python(body if member is None else body[member])
    except (ValueError, KeyError, TypeError, ValidationError) as error:
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
    retry_after = response.headers.get("retry-after", "")
    raise TiermeshError(
        _code(problem.get("code")),
        str(problem.get("detail", "")),
        str(problem.get("hint", "")),
        retry_after_seconds=int(retry_after) if retry_after.isdecimal() else None,
        errors=tuple(FieldError(str(item["field"]), str(item["message"])) for item in problem.get("errors", ())),
    )


def _problem(response: httpx2.Response) -> dict[str, Any] | None:
    if not response.headers.get("content-type", "").startswith("application/problem+json"):
        return None
    try:
        body = response.json()
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def _code(value: Any) -> Code:
    # A newer server may know codes that this client does not.
    return Code(value) if value in set(Code) else Code.INTERNAL


def unreachable(url: str, error: httpx2.TransportError) -> TiermeshError:
    """No answer at all: where it was asked, what happened, and what to do."""
    return TiermeshError(
        Code.UNAVAILABLE,
        f"The control plane at {url} does not answer ({type(error).__name__}).",
        "Start it with 'tiermesh up' or 'tiermesh control-plane', or name another with --server or TIERMESH_SERVER.",
    )
