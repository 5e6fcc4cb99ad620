"""Answers: a control plane's are read; what anything else at its address answers is an error that says so."""

from typing import Any

import httpx2
import pytest
from pydantic import TypeAdapter

from control_plane.client.answers import checked, read
from control_plane.spec.errors import Code, FieldError, TiermeshError

PROBLEM = {
    "code": "not_found",
    "detail": "No.",
    "hint": "Look.",
    "errors": [{"field": "name", "message": "is unknown"}],
}
ITEMS = TypeAdapter(list[int])
DEEP = b"[" * 2000


def response(status: int, content: bytes = b"", **headers: str) -> httpx2.Response:
    """An answer as it came."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx2.Response(status, headers=named, content=content, request=httpx2.Request("GET", "http://plane/v1"))


def problem(text: Any, retry_after: str = "7") -> TiermeshError:
    """The error that comes of a problem of this text or of these fields."""
    answer = httpx2.Response(404, content=text) if isinstance(text, bytes) else httpx2.Response(404, json=text)
    said = response(404, answer.content, content_type="application/problem+json", retry_after=retry_after)
    with pytest.raises(TiermeshError) as caught:
        checked(said, "http://plane")
    return caught.value


def test_a_problem_is_the_servers_own_error() -> None:
    error = problem(PROBLEM)
    assert (error.code, error.message, error.hint) == (Code.NOT_FOUND, "No.", "Look.")
    assert (error.errors, error.retry_after_seconds) == ((FieldError("name", "is unknown"),), 7)


def test_a_code_of_a_newer_server_is_an_internal_one() -> None:
    error = problem({"code": "of_tomorrow", "detail": "No."})
    assert (error.code, error.message, error.hint, error.errors) == (Code.INTERNAL, "No.", "", ())


@pytest.mark.parametrize("wait", ["", "soon", "-1", "1.5", "9" * 5000])
def test_a_wait_that_is_no_number_of_seconds_is_none(wait: str) -> None:
    assert problem(PROBLEM, wait).retry_after_seconds is None


@pytest.mark.parametrize(
    "said",
    [
        b"{",
        DEEP,
        [],
        PROBLEM | {"code": ["not_found"]},
        PROBLEM | {"errors": None},
        PROBLEM | {"errors": "none"},
        PROBLEM | {"errors": [{"message": "is unknown"}]},
    ],
)
def test_what_is_no_problem_comes_from_something_else(said: Any) -> None:
    error = problem(said)
    assert error.code is Code.UPSTREAM_FAILED and "404" in error.message


def test_the_body_or_a_member_of_it_is_a_value() -> None:
    assert read(ITEMS, checked(response(200, b"[1]"), "http://plane")) == [1]
    assert read(ITEMS, response(200, b'{"items": [1, 2]}'), "items") == [1, 2]


@pytest.mark.parametrize("content", [b"", b"\xff", DEEP, b"[]", b"{}", b'{"items": 1}'])
def test_a_body_of_another_shape_is_an_error(content: bytes) -> None:
    with pytest.raises(TiermeshError, match="http://plane/v1 answered in a shape") as caught:
        read(ITEMS, response(200, content), "items")
    assert caught.value.code is Code.UPSTREAM_FAILED
