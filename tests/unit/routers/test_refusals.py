"""What a model's refusal means to the caller."""

import orjson
import pytest

from control_plane.spec.errors import Code, TiermeshError
from routers.refusals import QUEUE_RETRY_SECONDS, STARTING_RETRY_SECONDS, refusal

SHAPED = orjson.dumps({"error": {"message": "too long", "param": "messages"}})


def of(status: int, body: bytes = SHAPED, **headers: str) -> TiermeshError:
    return refusal(
        "faq", status, {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}, body
    )


def test_an_abstention_carries_the_confidence() -> None:
    error = of(422, x_tiermesh_abstained="0.31")
    assert error.code is Code.ABSTAINED
    assert "0.31" in error.message


@pytest.mark.parametrize("body", [b"Path '/faq' not found.", b"", b"[]", b"null", b'{"detail":"Not Found"}', b"\xff"])
def test_a_404_that_is_not_openais_means_not_deployed_yet(body: bytes) -> None:
    error = of(404, body)
    assert (error.code, error.status) == (Code.MODEL_STARTING, 503)
    assert error.retry_after_seconds == STARTING_RETRY_SECONDS


def test_a_404_in_openais_shape_is_a_failure() -> None:
    assert of(404).code is Code.UPSTREAM_FAILED


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("given", "wait"), [("7", 7), ("0", QUEUE_RETRY_SECONDS), ("Wed, 21 Oct 2026 07:28:00 GMT", QUEUE_RETRY_SECONDS)]
)
def test_a_full_queue_is_429_with_the_models_own_wait(status: int, given: str, wait: int) -> None:
    error = of(status, retry_after=given)
    assert (error.code, error.status, error.retry_after_seconds) == (Code.QUEUE_FULL, 429, wait)


@pytest.mark.parametrize("status", [400, 413, 415, 422])
def test_the_callers_own_mistake_comes_back_with_the_models_words_and_field(status: int) -> None:
    error = of(status)
    assert (error.code, error.status, error.param) == (Code.INVALID_REQUEST, 400, "messages")
    assert "too long" in str(error)


def test_the_models_words_stay_out_of_the_message_that_is_logged() -> None:
    assert "too long" not in of(400).message


def test_a_param_that_is_no_name_is_left_out() -> None:
    assert of(400, orjson.dumps({"error": {"message": "no", "param": ["a"]}})).param is None


def test_a_refusal_without_words_says_so_without_inventing_any() -> None:
    assert "None" not in str(of(400, orjson.dumps({"error": {}})))


@pytest.mark.parametrize("status", [301, 401, 403, 418, 500, 502])
def test_everything_else_is_a_failure_of_the_model(status: int) -> None:
    error = of(status)
    assert (error.code, error.status) == (Code.UPSTREAM_FAILED, 502)
    assert str(status) in error.message


def test_words_in_the_shape_of_the_open_inference_protocol_are_heard_too() -> None:
    error = of(400, b'{"error": "four measures, please"}')
    assert (error.code, error.hint, error.param) == (Code.INVALID_REQUEST, "four measures, please", None)
